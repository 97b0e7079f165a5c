import { setMaxListeners } from "node:events";
import type { Environment } from "./environment.js";
import { type Endpoint, shuffled } from "./endpoints.js";
import { EtcdError, finalCodes, isEtcdError } from "./errors.js";
import { Link, type LinkSettings, type Stream, type StreamHandler } from "./link.js";
import { backoffMs, type Limits, pause, untilAborted, withLimits } from "./waiting.js";
import { type Method, methods } from "./wire.js";

/** What happens to the connection. */
export type ConnectionEvent =
  | { readonly type: "connected"; readonly endpoint: string; readonly first: boolean }
  | { readonly type: "disconnected"; readonly error: EtcdError }
  | { readonly type: "closed" };

/** Who is let in. */
export interface EtcdCredentials {
  readonly user: string;
  readonly password: string;
}

/** All settings of a session, defaults filled in. */
export interface SessionSettings extends LinkSettings {
  readonly endpoints: readonly Endpoint[];
  readonly credentials: EtcdCredentials | undefined;
  readonly callTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly backoffCapMs: number;
}

/** Limits of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** From the call to its answer, waiting for a connection and second tries included. Default: the client's `callTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** The usual life of a lease. */
const longAbsenceMs = 15_000;
/** Who waited so long for an answer is cut off, perhaps alone: herds are refused at once, or spread by that waiting. */
const inVainMs = 1_000;
/** A link that lived so long resets the backoff; a server that flaps must not (registries F4, rule 6). */
const stableMs = 10_000;
/** Comparing leases in a transaction came with 3.3. */
const oldest = [3, 3] as const;

/**
 * One link after another, to one endpoint after another: keeps one open, sends calls over it, asks for a new token when
 * the server does not know the present one.
 */
export class Session {
  readonly #settings: SessionSettings;
  readonly #environment: Environment;
  readonly #listeners = new Set<(event: ConnectionEvent) => void>();
  readonly #closing = new AbortController();
  readonly #waiting = new Set<{ resolve(link: Link): void; reject(error: unknown): void }>();
  #link: Link | undefined;
  #connections = 0;
  #reconnectedMs: number | undefined;
  #failure: EtcdError | undefined;
  /** Endpoints in a row that failed in a way that does not pass. */
  #finals = 0;
  #token: string | undefined;
  #renewing: Promise<void> | undefined;
  readonly #running: Promise<void>;
  #closed: Promise<void> | undefined;

  constructor(settings: SessionSettings, environment: Environment) {
    this.#settings = settings;
    this.#environment = environment;
    setMaxListeners(0, this.#closing.signal); // one for each call: no leak
    this.#running = this.#run();
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** Monotonic time of the latest connection but the first; undefined: there was none. */
  get reconnectedMs(): number | undefined {
    return this.#reconnectedMs;
  }

  /** Why there is no connection. */
  get failure(): EtcdError | undefined {
    return this.#failure;
  }

  /** What the server knows us by; undefined: no credentials, or none are needed. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Gives back what ends the subscription. */
  listen(listener: (event: ConnectionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Rejects with an {@link EtcdError}, or with the signal's reason. What only reads is sent again after a break. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    {
      signal,
      timeoutMs = this.#settings.callTimeoutMs,
      reads = false,
    }: CallOptions & { readonly reads?: boolean },
  ): Promise<Response> {
    const startMs = this.#environment.clock.monotonicMs();
    const limits = {
      clock: this.#environment.clock,
      timeoutMs,
      onTimeout: () => this.#onTimeout(method.path, timeoutMs, startMs),
      signals: [this.#closing.signal, signal],
    };
    return withLimits(limits, (either) => this.#attempt(method, request, reads, either));
  }

  /** On the present link; undefined: there is none. */
  stream<Request, Response>(
    method: Method<Request, Response>,
    handler: StreamHandler<Response>,
  ): Stream<Request> | undefined {
    return this.#link?.stream(method, this.#token, handler);
  }

  /** Resolves when everything has ended; at once, without asking the server for anything. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(closedError());
    this.#link?.end(closedError());
    await this.#running;
    this.#emit({ type: "closed" });
    this.#listeners.clear();
  }

  async #attempt<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    reads: boolean,
    signal: AbortSignal,
  ): Promise<Response> {
    let renewed = false;
    for (let failures = 0; ; failures += 1) {
      const link = await this.#nextLink(signal);
      const token = this.#token;
      try {
        return await link.unary(method, request, { signal, token });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (isEtcdError(error, "AUTH_FAILED") && this.#settings.credentials !== undefined && !renewed) {
          renewed = true;
          await this.#renew(link, token, signal);
          continue;
        }
        if (!reads || !isEtcdError(error, "UNAVAILABLE")) throw error;
      }
      await pause(this.#environment.clock, backoffMs(this.#environment, failures, 50, 1_000), signal);
      if (signal.aborted) throw signal.reason;
    }
  }

  #nextLink(signal: AbortSignal): Promise<Link> {
    if (this.#link !== undefined) return Promise.resolve(this.#link);
    if (this.#failure !== undefined && this.#finals >= this.#settings.endpoints.length)
      return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const settled = () => {
        this.#waiting.delete(waiter);
        signal.removeEventListener("abort", onAbort);
      };
      const waiter = {
        resolve: (link: Link) => (settled(), resolve(link)),
        reject: (error: unknown) => (settled(), reject(error)),
      };
      const onAbort = () => waiter.reject(signal.reason);
      this.#waiting.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** A link that was silent for a whole call is given up: another endpoint may do better. */
  #onTimeout(path: string, timeoutMs: number, startMs: number): EtcdError {
    const link = this.#link;
    const what = `no answer to ${path.slice(path.lastIndexOf("/") + 1)} in ${Math.round(timeoutMs)} ms`;
    if (link === undefined) {
      const why = this.#failure === undefined ? "" : ` (${this.#failure.message})`;
      return new EtcdError("TIMEOUT", `${what}${why}`, this.#failure && { cause: this.#failure });
    }
    if (timeoutMs >= this.#settings.callTimeoutMs) this.suspect(link, startMs);
    return new EtcdError("TIMEOUT", `${link.endpoint}: ${what}`);
  }

  /** Ends `link` when nothing came over it since `sinceMs`, a monotonic time. */
  suspect(link: Link, sinceMs: number): void {
    if (link.heardMs <= sinceMs) link.end(new EtcdError("UNAVAILABLE", `${link.endpoint}: it is silent`));
  }

  async #run(): Promise<void> {
    const endpoints = shuffled(this.#settings.endpoints, this.#environment.random);
    const { signal } = this.#closing;
    const { clock } = this.#environment;
    let failures = 0;
    let awaySinceMs = clock.monotonicMs();
    for (let at = 0; !signal.aborted; at += 1) {
      const startMs = clock.monotonicMs();
      const served = await this.#connectAndServe(endpoints[at % endpoints.length] as Endpoint);
      const nowMs = clock.monotonicMs();
      if (served) awaySinceMs = nowMs;
      if (served && nowMs - startMs >= stableMs) failures = 0;
      // All servers are tried before the first long wait.
      else failures += 1 / endpoints.length;
      const waitedInVain = !served && nowMs - startMs >= inVainMs;
      await pause(clock, this.#pauseMs(failures, waitedInVain ? 0 : nowMs - awaySinceMs), signal);
    }
  }

  /**
   * Leases that an absence outlives are lost anyway: then a herd is spread wider, so as not to return in one second. Of
   * pauses between nothing and 10 s a fifth ends within any one, of those between 5 and 10 s an eighth.
   */
  #pauseMs(failures: number, awayMs: number): number {
    const { backoffCapMs } = this.#settings;
    if (awayMs <= longAbsenceMs) return backoffMs(this.#environment, failures, 50, backoffCapMs);
    const half = backoffCapMs * 2.5;
    return half + backoffMs(this.#environment, failures, 50, half);
  }

  /** True: there was a link, which has ended. Never rejects: what went wrong is kept as {@link failure}. */
  async #connectAndServe(endpoint: Endpoint): Promise<boolean> {
    const link = new Link(endpoint, this.#settings, this.#environment);
    try {
      await this.#greet(link);
    } catch (error) {
      link.end(closedError());
      this.#onFailedConnect(error as EtcdError, link.endpoint);
      return false;
    }
    await new Promise<void>((resolve) => {
      this.#adopt(link);
      link.watchConnection((error) => {
        this.#detach(error);
        resolve();
      });
    });
    return true;
  }

  /** Is it an etcd that can serve us, and are we let in? */
  async #greet(link: Link): Promise<void> {
    const { credentials } = this.#settings;
    await withLimits(this.#connectLimits(link), async (signal) => {
      await assertUsable(link, signal);
      if (credentials !== undefined && this.#token === undefined) await this.#renew(link, undefined, signal);
    });
  }

  #connectLimits({ endpoint }: Link): Limits {
    const { connectTimeoutMs } = this.#settings;
    return {
      clock: this.#environment.clock,
      timeoutMs: connectTimeoutMs,
      onTimeout: () => new EtcdError("UNAVAILABLE", `${endpoint}: no answer in ${connectTimeoutMs} ms`),
      signals: [this.#closing.signal],
    };
  }

  #adopt(link: Link): void {
    const first = this.#connections === 0;
    this.#link = link;
    this.#failure = undefined;
    this.#finals = 0;
    this.#connections += 1;
    if (!first) this.#reconnectedMs = this.#environment.clock.monotonicMs();
    this.#environment.log.info({ server: link.endpoint }, "connected to etcd");
    for (const waiter of this.#waiting) waiter.resolve(link);
    this.#emit({ type: "connected", endpoint: link.endpoint, first });
  }

  #detach(error: EtcdError): void {
    this.#link = undefined;
    if (this.#closing.signal.aborted) return;
    this.#failure = error;
    this.#environment.log.warn({ err: error }, "lost the connection to etcd");
    this.#emit({ type: "disconnected", error });
  }

  #onFailedConnect(error: EtcdError, server: string): void {
    if (this.#closing.signal.aborted) return;
    const isFinal = isEtcdError(error, ...finalCodes);
    const isNews = error.message !== this.#failure?.message;
    this.#failure = error;
    this.#finals = isFinal ? this.#finals + 1 : 0;
    this.#environment.log[isFinal && isNews ? "warn" : "debug"](
      { err: error, server },
      "no connection to etcd",
    );
    if (this.#finals >= this.#settings.endpoints.length)
      for (const waiter of this.#waiting) waiter.reject(error);
    this.#emit({ type: "disconnected", error });
  }

  /** A new token in the place of `stale`; those who need one at the same time share it. */
  async #renew(link: Link, stale: string | undefined, signal: AbortSignal): Promise<void> {
    if (this.#token !== stale) return;
    this.#renewing ??= this.#authenticate(link).finally(() => {
      this.#renewing = undefined;
    });
    await untilAborted(this.#renewing, signal);
  }

  async #authenticate(link: Link): Promise<void> {
    const { user: name = "", password = "" } = this.#settings.credentials ?? {};
    const ask = (signal: AbortSignal) =>
      link.unary(methods.authenticate, { name, password }, { signal, token: undefined });
    try {
      const { token } = await withLimits(this.#connectLimits(link), ask);
      this.#token = token;
    } catch (error) {
      if (!isEtcdError(error, "INVALID_ARGUMENT") || !/not enabled/i.test(error.message)) throw error;
      this.#environment.log.warn(
        { server: link.endpoint },
        "etcd has authentication switched off: everybody is let in",
      );
      this.#token = undefined;
    }
  }

  #emit(event: ConnectionEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (err) {
        this.#environment.log.error({ err }, "a listener of the etcd client threw");
      }
    }
  }
}

async function assertUsable(link: Link, signal: AbortSignal): Promise<void> {
  try {
    const { version, leader } = await link.unary(methods.status, {}, { signal, token: undefined });
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
      throw new EtcdError(
        "SERVER_TOO_OLD",
        `${link.endpoint}: etcd ${version}, at least ${oldest.join(".")} is needed`,
      );
    if (leader === 0n) throw new EtcdError("UNAVAILABLE", `${link.endpoint}: the cluster has no leader`);
  } catch (error) {
    // A server that wants to know who asks is one that serves.
    if (!isEtcdError(error, "AUTH_FAILED", "PERMISSION_DENIED")) throw error;
  }
}

function closedError(): EtcdError {
  return new EtcdError("CLOSED", "the client is closed");
}
