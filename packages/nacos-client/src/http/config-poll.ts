import type { Body } from "../body.js";
import { configKeyOf } from "../config-key.js";
import { NacosError } from "../nacos-error.js";
import type { NacosHttpResponse } from "../network.js";
import { backoffMs, pause } from "../waiting.js";
import type { HttpCaller } from "./http-caller.js";

/** A configuration that is listened to, with what is known of it. */
export interface Listened {
  readonly dataId: string;
  readonly group: string;
  readonly tenant: string;
  readonly md5: string;
}

const path = "/v1/cs/configs/listener";
/** The server answers half a second before this is over. */
const holdMs = 30_000;
/** A server that answers sooner than this, and has nothing to tell, does not hold requests: it is not asked at once again. */
const heldMs = 500;
/** Between the fields of an entry, and after it: registries A2.1. */
const [word, line] = ["\u0002", "\u0001"] as const;

/**
 * Listens over HTTP: one request that the server holds until something has changed. What changed is told once and left
 * out until someone says what it is now.
 */
export class ConfigPoll {
  readonly #listened = new Map<string, Listened>();
  readonly #told = new Set<string>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #changed = new AbortController();

  constructor(
    private readonly caller: HttpCaller,
    /** Must not throw. */
    private readonly onChange: (key: Listened) => void,
  ) {
    this.#running = this.#poll();
  }

  /** Listens to `keys` from now on, and says which of them are not as they are known. */
  async listen(keys: readonly Listened[], headers: Readonly<Record<string, string>>, signal: AbortSignal) {
    const request = { ...pollRequest(keys), timeoutMs: this.caller.settings.requestTimeoutMs };
    const noHold = { ...request.headers, "Long-Pulling-Timeout-No-Hangup": "true" };
    const response = await this.caller.send({ ...request, headers: noHold }, headers, signal);
    const changed = response.status === 200 ? changedKeys(response) : new Set<string>();
    for (const key of keys) this.#listened.set(configKeyOf(key), key);
    for (const key of keys) this.#told.delete(configKeyOf(key));
    for (const key of changed) this.#told.add(key);
    this.#restart();
    return { response, changed: keys.filter((key) => changed.has(configKeyOf(key))) };
  }

  forget(keys: readonly Listened[]): void {
    for (const key of keys) this.#listened.delete(configKeyOf(key));
    this.#restart();
  }

  /** The listener has read it: `md5` is what it has now. */
  know(key: Omit<Listened, "md5">, md5: string): void {
    const name = configKeyOf(key);
    const known = this.#listened.get(name);
    if (known === undefined) return;
    this.#listened.set(name, { ...known, md5 });
    this.#told.delete(name);
    this.#restart();
  }

  close(): void {
    this.#stop.abort();
  }

  async ended(): Promise<void> {
    await this.#running;
  }

  #restart(): void {
    this.#changed.abort();
  }

  async #poll(): Promise<void> {
    const { environment, backoffCapMs } = this.caller.settings;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      this.#changed = new AbortController();
      const keys = [...this.#listened].filter(([name]) => !this.#told.has(name)).map(([, key]) => key);
      const either = AbortSignal.any([signal, this.#changed.signal]);
      try {
        if (keys.length === 0) await pause(environment.clock, holdMs, [either], { background: true });
        else if (await this.#ask(keys, either)) failures = 0;
        else throw new NacosError("REFUSED", "the server does not hold requests until there is news");
      } catch (error) {
        if (either.aborted) continue;
        environment.log.debug({ err: error }, "listening failed, trying again");
        const delayMs = backoffMs(failures++, environment.random, 500, backoffCapMs);
        await pause(environment.clock, delayMs, [either], { background: true });
      }
    }
  }

  /** False: it was answered at once, with nothing. */
  async #ask(keys: readonly Listened[], signal: AbortSignal): Promise<boolean> {
    const { clock } = this.caller.settings.environment;
    const startMs = clock.monotonicMs();
    const request = { ...pollRequest(keys), timeoutMs: holdMs * 1.5 };
    const body: Body = { configListenContexts: keys };
    const response = await this.caller.sendOwn("ConfigBatchListenRequest", body, request, signal);
    if (response.status !== 200)
      throw new NacosError("REFUSED", `listening: HTTP ${response.status}`, { serverCode: response.status });
    let isNews = false;
    for (const name of changedKeys(response)) {
      const key = this.#listened.get(name);
      if (key === undefined || signal.aborted) continue;
      isNews = true;
      this.#told.add(name);
      this.onChange(key);
    }
    return isNews || clock.monotonicMs() - startMs >= heldMs;
  }
}

function pollRequest(keys: readonly Listened[]) {
  const entries = keys.map(({ dataId, group, md5, tenant }) =>
    [dataId, group, md5, ...(tenant === "" ? [] : [tenant])].join(word),
  );
  const headers = { "Long-Pulling-Timeout": String(holdMs) };
  return {
    method: "POST",
    path,
    headers,
    form: { "Listening-Configs": entries.map((one) => one + line).join("") },
  } as const;
}

/** `group@@dataId` of each; the tenant is our own. */
function changedKeys({ text }: NacosHttpResponse): ReadonlySet<string> {
  const entries = decoded(text.trim()).split(line);
  const keys = entries
    .map((entry) => entry.split(word))
    .filter(([dataId]) => dataId !== undefined && dataId !== "");
  return new Set(keys.map(([dataId = "", group = ""]) => configKeyOf({ dataId, group })));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", "%20"));
  } catch {
    return "";
  }
}
