import { type Body, textOf } from "./body.js";
import { type ConfigKey, configKeyIn, configKeyOf, md5Of, type NacosConfigValue } from "./config-key.js";
import { ConfigWatch } from "./config-watch.js";
import { Connection } from "./connection.js";
import type { NacosState } from "./connection-state.js";
import { defaultGroup } from "./instance.js";
import { Latest } from "./latest.js";
import { checkConfigKey, checkContent, checkNamespace } from "./limits.js";
import { isPermanent, NacosError } from "./nacos-error.js";
import { type NacosOptions, type Settings, toSettings } from "./options.js";
import type { Push } from "./push-stream.js";
import { bodyOfReply, refusal, type Reply } from "./reply.js";
import { pause } from "./waiting.js";

/** How long a published value may take to become readable: 30 to 140 ms, once 1.1 s, were seen (nacos-server 8). */
const readableWithinMs = 3_000;

/** How to publish. */
export interface PublishOptions {
  /**
   * Publish only if the content still has this md5; `""`: only if there is none. Default: whatever is there.
   */
  readonly casMd5?: string;
  /** `text`, `yaml`, `json`, `properties` ...: how the console shows it. Default not said. */
  readonly type?: string;
}

/**
 * Opens a configuration client. It connects in the background, on a connection of its own, and keeps the process
 * alive until it is closed.
 * @throws {NacosError} INVALID: an option cannot be used.
 */
export function nacosConfig(options: NacosOptions): NacosConfig {
  const settings = toSettings(options);
  checkNamespace(settings.namespace);
  return new NacosConfig(settings);
}

/** Named texts that programs read, write and watch. */
export class NacosConfig implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #watches = new Map<string, ConfigWatch>();
  readonly #tenant: string;
  #closing: Promise<void> | undefined;

  /** Use {@link nacosConfig}. */
  constructor(settings: Settings) {
    // Nacos 2 keeps "" and "public" apart here; clients mean "" (nacos-server 8, A1.7).
    this.#tenant = settings.namespace === "public" ? "" : settings.namespace;
    this.#connection = new Connection("config", settings, (push) => this.#onPush(push));
  }

  /** How this client stands with its servers, at this moment. */
  get state(): NacosState {
    return this.#connection.state;
  }

  /** Yields the state, then each next one. */
  states(signal: AbortSignal): AsyncIterable<NacosState> {
    return this.#connection.states(signal);
  }

  /**
   * Resolves as soon as a server is connected.
   * @throws {NacosError} UNAVAILABLE after `waitForServerMs`; NOT_NACOS at once when something else listens there.
   */
  async ready(signal: AbortSignal): Promise<void> {
    await this.#connection.ready(signal);
  }

  /**
   * The content under `key`, undefined when there is none. It may be 1 s older than the last publish.
   * @throws {NacosError} @throws `signal.reason` when that aborts.
   */
  async get(key: ConfigKey, signal: AbortSignal): Promise<NacosConfigValue | undefined> {
    checkConfigKey(key);
    return await this.#read(
      key,
      (type, body) => this.#connection.request(type, body, this.#call(signal)),
      signal,
    );
  }

  /**
   * Writes `content` under `key`. With `casMd5`, false: the write lost or was overwritten, so read again and
   * decide anew; true: it was read back. Without `casMd5` always true.
   * @throws {NacosError} INVALID, UNAUTHORIZED, REFUSED, UNAVAILABLE; TIMEOUT also when it did not become readable
   *   within 3 s. @throws `signal.reason` when that aborts.
   */
  async publish(
    key: ConfigKey,
    content: string,
    { casMd5, type }: PublishOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    checkConfigKey(key);
    checkContent(content);
    const additionMap = type === undefined ? {} : { type };
    const body = { ...this.#body(key), content, additionMap };
    if (casMd5 !== undefined)
      return await this.#publishIf(key, { ...body, casMd5: casMd5 || absent }, signal);
    const reply = await this.#connection.request("ConfigPublishRequest", body, this.#call(signal));
    bodyOfReply(reply, `publishing ${configKeyOf(key)}`);
    return true;
  }

  /** Removes what is under `key`, also when there is nothing. @throws {NacosError} @throws `signal.reason`. */
  async remove(key: ConfigKey, signal: AbortSignal): Promise<void> {
    checkConfigKey(key);
    const reply = await this.#connection.request("ConfigRemoveRequest", this.#body(key), this.#call(signal));
    bodyOfReply(reply, `removing ${configKeyOf(key)}`);
  }

  /**
   * Yields the content under `key`, undefined when there is none, then again after each change; a slow reader gets the
   * latest. While no server is connected nothing is yielded. Ends when `signal` aborts or the client is closed.
   * @throws {NacosError} INVALID, CLOSED.
   */
  async *watch(key: ConfigKey, signal: AbortSignal): AsyncGenerator<string | undefined, void, undefined> {
    checkConfigKey(key);
    if (this.#closing !== undefined) throw new NacosError("CLOSED", "the Nacos client is closed");
    const latest = new Latest<string | undefined>(signal);
    const watch = this.#watch(key);
    watch.add(latest);
    try {
      yield* latest;
    } finally {
      latest.end();
      watch.remove(latest);
    }
  }

  /** Final; a second time does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const watches = [...this.#watches.values()];
    for (const watch of watches) watch.end();
    await this.#connection[Symbol.asyncDispose]();
    await Promise.all(watches.map((watch) => watch.stop()));
  }

  /**
   * One try, since a second one would lose against the first. Servers lie: Nacos 2.3 may tell two inserters that
   * they won, and r-nacos compares nothing. So what counts is what can be read afterwards (registries A1.7).
   */
  async #publishIf(key: ConfigKey, body: Body & { casMd5: string }, signal: AbortSignal): Promise<boolean> {
    let unsure: unknown;
    for (let triesLeft = 1; ; triesLeft -= 1) {
      const session = await this.#connection.ready(signal);
      try {
        const reply = await session.call("ConfigPublishRequest", body, this.#call(signal));
        if (hasLost(reply)) return false;
        bodyOfReply(reply, `publishing ${configKeyOf(key)}`);
        break;
      } catch (error) {
        signal.throwIfAborted();
        const wasNotDone =
          !(error instanceof NacosError) || error.serverCode !== undefined || isPermanent(error);
        const isUnknownConnection = error instanceof NacosError && error.serverCode === 301;
        if (isUnknownConnection && triesLeft > 0) continue;
        if (wasNotDone) throw error;
        unsure = error;
        break;
      }
    }
    return await this.#isReadable(key, body, unsure, signal);
  }

  async #isReadable(key: ConfigKey, body: Body & { casMd5: string }, unsure: unknown, signal: AbortSignal) {
    const { clock } = this.#connection.settings.environment;
    const until = clock.monotonicMs() + readableWithinMs;
    const wanted = md5Of(textOf(body, "content"));
    for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 200)) {
      const md5 = (await this.get(key, signal))?.md5;
      if (md5 === wanted) return true;
      if (md5 !== undefined && md5 !== body.casMd5) return false;
      if (clock.monotonicMs() >= until) break;
      await pause(clock, waitMs, [signal, this.#connection.signal]);
      signal.throwIfAborted();
    }
    const text = `publishing ${configKeyOf(key)}: not readable within ${readableWithinMs} ms`;
    throw unsure ?? new NacosError("TIMEOUT", text);
  }

  async #read(
    key: ConfigKey,
    send: (type: string, body: Body) => Promise<Reply>,
    signal: AbortSignal,
  ): Promise<NacosConfigValue | undefined> {
    const { clock } = this.#connection.settings.environment;
    for (let triesLeft = 5; ; triesLeft -= 1) {
      const reply = await send("ConfigQueryRequest", this.#body(key));
      if (!reply.ok && reply.errorCode === 300 && reply.type !== "ErrorResponse") return undefined;
      // 400 here: being written at this moment.
      if (reply.ok || reply.errorCode !== 400 || triesLeft === 0) return toValue(reply, key);
      await pause(clock, 50, [signal]);
      signal.throwIfAborted();
    }
  }

  #watch(key: ConfigKey): ConfigWatch {
    const name = configKeyOf(key);
    const known = this.#watches.get(name);
    if (known !== undefined) return known;
    const { dataId, group, tenant } = this.#body(key);
    const made = new ConfigWatch(
      this.#connection,
      { dataId, group, tenant },
      (session, isAfterPush) => {
        const options = this.#call(session.signal, isAfterPush);
        return this.#read(key, (type, body) => session.call(type, body, options), session.signal);
      },
      () => this.#watches.delete(name),
    );
    this.#watches.set(name, made);
    return made;
  }

  #onPush({ type, body }: Push): void {
    if (type === "ConfigChangeNotifyRequest") this.#watches.get(configKeyIn(body))?.markChanged();
  }

  #body({ dataId, group = defaultGroup }: ConfigKey) {
    return { dataId, group, tenant: this.#tenant };
  }

  /** The headers that every config request has: registries A1.7. */
  #call(signal: AbortSignal, isAfterPush = false) {
    const { appName, environment } = this.#connection.settings;
    const time = String(environment.clock.wallMs());
    const headers = {
      "Client-AppName": appName,
      "Client-RequestTS": time,
      "Client-RequestToken": md5Of(time),
      exConfigInfo: "true",
      charset: "UTF-8",
      ...(isAfterPush ? { notify: "true" } : {}),
    };
    return { signal, headers };
  }
}

/** No md5: Nacos inserts it if the row is absent, and compares in vain if it is not (registries A1.7). */
const absent = "0";

function hasLost({ ok, errorCode, message }: Reply): boolean {
  return !ok && (errorCode === 409 || errorCode === 410 || (errorCode === 500 && /cas/i.test(message)));
}

function toValue(reply: Reply, key: ConfigKey): NacosConfigValue {
  if (!reply.ok) throw refusal(reply, `reading ${configKeyOf(key)}`);
  const content = textOf(reply.body, "content");
  return { content, md5: textOf(reply.body, "md5") || md5Of(content) };
}
