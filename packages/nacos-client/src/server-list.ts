import { httpApi } from "./http/http-api.js";
import { NacosError } from "./nacos-error.js";
import { parseServer, type ServerAddress, type Settings } from "./options.js";
import { pause } from "./waiting.js";

/** The first list is wanted at once: how long to wait after a failed question for it, at most. */
const firstRetryMs = 1_000;

/**
 * The servers there are and how they were last met: given out in turn from a random start, those that failed last
 * after those that did not. With an address server the list follows that; while it does not answer, or answers
 * nothing, the last list stays (registries A1.12).
 */
export class ServerList implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #failing = new Set<string>();
  readonly #running: Promise<void>;
  #current: readonly ServerAddress[];
  #turn: number;
  #changed = new AbortController();

  constructor(
    private readonly settings: Settings,
    /** Called after the list has changed; must not throw. */
    private readonly onChange: () => void,
  ) {
    this.#current = settings.servers;
    this.#turn = Math.floor(settings.environment.random() * Math.max(1, settings.servers.length));
    this.#running = settings.endpoint === undefined ? Promise.resolve() : this.#follow(settings.endpoint);
  }

  /** Empty only before an address server has first answered. */
  get current(): readonly ServerAddress[] {
    return this.#current;
  }

  /** What is listed under `host:port`. */
  find(name: string | undefined): ServerAddress | undefined {
    return this.#current.find((server) => server.name === name);
  }

  /** The next one to try; waits for a first list. @throws {NacosError} UNAVAILABLE: still none. @throws `signal.reason`. */
  async next(signal: AbortSignal): Promise<ServerAddress> {
    if (this.#current.length === 0) {
      await pause(this.settings.environment.clock, firstRetryMs, [this.#changed.signal, signal]);
      signal.throwIfAborted();
    }
    const turn = this.#turn++;
    const inTurn = this.#current.map((_, at) => this.#current[(turn + at) % this.#current.length]);
    const next = inTurn.find((server) => server && !this.#failing.has(server.name)) ?? inTurn[0];
    if (next !== undefined) return next;
    throw new NacosError(
      "UNAVAILABLE",
      `the address server ${withoutQuery(this.settings.endpoint)} names no server`,
    );
  }

  /** When all have failed none is worse than another. */
  failed({ name }: ServerAddress): void {
    this.#failing.add(name);
    if (this.#current.every((server) => this.#failing.has(server.name))) this.#failing.clear();
  }

  worked({ name }: ServerAddress): void {
    this.#failing.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #follow(endpoint: string): Promise<void> {
    const { environment, endpointRefreshMs } = this.settings;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        this.#take(await this.#ask(endpoint, signal));
      } catch (error) {
        const fields = { err: error, endpoint: withoutQuery(endpoint) };
        if (!signal.aborted)
          environment.log.warn(fields, "the address server cannot be asked, keeping the list");
      }
      const waitMs = this.#current.length > 0 ? endpointRefreshMs : Math.min(firstRetryMs, endpointRefreshMs);
      await pause(environment.clock, waitMs, [signal], { background: true });
    }
  }

  async #ask(endpoint: string, signal: AbortSignal): Promise<readonly ServerAddress[]> {
    const { environment, tls, grpcPortOffset } = this.settings;
    const name = withoutQuery(endpoint);
    const api = httpApi({ name, httpBase: endpoint }, tls, environment);
    const { status, text } = await api.request({ method: "GET", path: "" }, signal);
    if (status !== 200)
      throw new NacosError("REFUSED", `${name} answered HTTP ${status}`, { serverCode: status });
    const lines = text.split("\n").map((line) => line.trim());
    return lines.filter((line) => line !== "").map((line) => parseServer(line, grpcPortOffset));
  }

  #take(servers: readonly ServerAddress[]): void {
    const names = (list: readonly ServerAddress[]) =>
      list
        .map(({ name }) => name)
        .sort()
        .join();
    if (servers.length === 0 || names(servers) === names(this.#current)) return;
    this.#current = servers;
    this.settings.environment.log.info(
      { servers: servers.map(({ name }) => name) },
      "another list of servers",
    );
    this.#changed.abort();
    this.onChange();
  }
}

/** A query may hold a secret. */
function withoutQuery(endpoint = ""): string {
  return endpoint.replace(/\?.*$/, "");
}
