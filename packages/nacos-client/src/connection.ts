import { setMaxListeners } from "node:events";
import type { Body } from "./body.js";
import { ConnectionState, type NacosState } from "./connection-state.js";
import type { NacosModule } from "./link.js";
import { NacosError } from "./nacos-error.js";
import type { ServerAddress, Settings } from "./options.js";
import type { Push } from "./push-stream.js";
import { hasBeenOvertaken, isContended, type Reply } from "./reply.js";
import { ServerList } from "./server-list.js";
import { Session, type SessionOwner } from "./session.js";
import type { CallOptions } from "./transport.js";
import { abortable, backoffMs, pause, within } from "./waiting.js";

interface Waiting {
  readonly resolve: (session: Session) => void;
  readonly reject: (error: unknown) => void;
}

/** A connection that lived for this long was a good one: the next loss starts with a small pause again (registries F4). */
const stableMs = 10_000;
/** A server that is starting is asked again at least this often; Java and Go ask every second. */
const startingMs = 1_000;
/**
 * After so long without a server the others are likely to wait as well, and must not all return within a second. Each
 * takes a moment between these two, or they would go on in step.
 */
const longAbsence = { leastMs: 22_000, mostMs: 32_000 } as const;
/** Who waited so long for an answer is cut off, perhaps alone: herds are refused at once, or spread by that waiting. */
const inVainMs = 1_000;
/** How often a request is made in all. */
export const tries = 3;

/**
 * Keeps one {@link Session} alive: goes through the servers from a random start, connects again at once when one
 * is lost, then after growing random pauses; on ConnectReset it opens the new one before it lets go of the old.
 */
export class Connection implements AsyncDisposable, SessionOwner {
  readonly #stop = new AbortController();
  readonly #state: ConnectionState;
  readonly #waiting = new Set<Waiting>();
  readonly #running: Promise<void>;
  #session: Session | undefined;
  #reset: { readonly recommended: string | undefined } | undefined;
  #wakeLoop = new AbortController();
  readonly #servers: ServerList;
  #ended: Promise<void>[] = [];
  /** From when on an absence is a long one, while there is no session. */
  #longFromMs: number;

  constructor(
    readonly module: NacosModule,
    readonly settings: Settings,
    readonly onPush: (push: Push, session: Session) => void,
  ) {
    setMaxListeners(0, this.#stop.signal);
    this.#longFromMs = longFromMs(settings);
    this.#servers = new ServerList(settings, () => this.#leaveUnlisted());
    this.#state = new ConnectionState(module, settings.environment);
    this.#running = this.#keepConnected();
  }

  get state(): NacosState {
    return this.#state.value;
  }

  /** Yields the state, then each next one; ends when `signal` aborts or with the client. */
  states(signal: AbortSignal): AsyncIterable<NacosState> {
    return this.#state.follow(signal);
  }

  /** Aborts when the client is closed. Any number may listen. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** The session of this moment. */
  get current(): Session | undefined {
    return this.#session;
  }

  /** The session, as soon as there is one. @throws {NacosError} CLOSED. @throws `signal.reason` when that aborts. */
  session(signal: AbortSignal): Promise<Session> {
    if (this.#stop.signal.aborted) return Promise.reject(closed());
    if (this.#session !== undefined) return Promise.resolve(this.#session);
    let waiting: Waiting | undefined;
    const next = new Promise<Session>((resolve, reject) => {
      waiting = { resolve, reject };
      this.#waiting.add(waiting);
    });
    return abortable(next, signal).finally(() => waiting && this.#waiting.delete(waiting));
  }

  /**
   * Waits for a connection as long as the settings say.
   * @throws {NacosError} NOT_NACOS, UNSUPPORTED at once when nothing but strangers, or too old servers, answered;
   *   UNAVAILABLE; CLOSED.
   */
  async ready(signal: AbortSignal): Promise<Session> {
    if (this.#session !== undefined) return this.#session;
    const { environment, waitForServerMs } = this.settings;
    const given = new AbortController();
    const giveUp = () => given.abort(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    const outcomes = [this.session(given.signal), this.#untilStranger(given.signal)] as const;
    try {
      return await within(environment.clock, waitForServerMs, Promise.race(outcomes), () => this.#absent());
    } finally {
      signal.removeEventListener("abort", giveUp);
      given.abort();
      await Promise.allSettled(outcomes);
    }
  }

  #absent(): NacosError {
    const servers = this.#servers.current.map(({ name }) => name).join(", ") || "an address server";
    const cause = this.state.lastError;
    const code = cause?.code === "NOT_NACOS" || cause?.code === "UNSUPPORTED" ? cause.code : "UNAVAILABLE";
    const why = cause === undefined ? "" : `: ${cause.message}`;
    return new NacosError(code, `no connection to Nacos at ${servers}${why}`, { cause });
  }

  async #untilStranger(signal: AbortSignal): Promise<never> {
    for await (const { lastError } of this.states(signal)) {
      const isFinal = lastError?.code === "NOT_NACOS" || lastError?.code === "UNSUPPORTED";
      if (isFinal && this.#servers.current.length === 1) throw this.#absent();
    }
    throw this.#stop.signal.aborted ? closed() : signal.reason;
  }

  /**
   * A request on whatever connection there is, up to three times when it did not get through (registries A1.9),
   * with a pause when the server, or its database, is overloaded, or somebody else was quicker. What a server refuses is a {@link Reply}.
   * @throws {NacosError} UNAVAILABLE, NOT_NACOS, TIMEOUT, INVALID, CLOSED. @throws `signal.reason` when that aborts.
   */
  async request(
    type: string,
    body: Body,
    options: CallOptions & { readonly signal: AbortSignal },
  ): Promise<Reply> {
    const { environment, backoffCapMs } = this.settings;
    const { signal } = options;
    for (let failures = 1; ; failures += 1) {
      const session = await this.ready(signal);
      try {
        const reply = await session.call(type, body, { ...options, signal });
        if (!isBusy(reply) || failures === tries) return reply;
      } catch (error) {
        signal.throwIfAborted();
        const isLost = error instanceof NacosError && ["UNAVAILABLE", "TIMEOUT"].includes(error.code);
        if (!isLost || failures === tries) throw error;
        if (!session.isOpen) continue;
      }
      const delayMs = backoffMs(failures, environment.random, 100, backoffCapMs);
      await pause(environment.clock, delayMs, [signal, session.signal, this.#stop.signal]);
      signal.throwIfAborted();
    }
  }

  onReset(session: Session, recommended: string | undefined): void {
    if (session !== this.#session) return;
    this.#reset = { recommended };
    this.#wakeLoop.abort();
  }

  onEnd(session: Session, reason: NacosError): void {
    this.#ended = [...this.#ended.slice(-3), session.ended()];
    if (session !== this.#session) return; // abandoned: its end means nothing any more
    this.#session = undefined;
    if (!this.#stop.signal.aborted) this.#state.disconnected(reason);
    this.#wakeLoop.abort();
  }

  /** The address server does not name the present server any more. */
  #leaveUnlisted(): void {
    const session = this.#session;
    if (session !== undefined && this.#servers.find(session.server.name) === undefined)
      this.onReset(session, undefined);
  }

  async #keepConnected(): Promise<void> {
    const { signal } = this.#stop;
    const { environment } = this.settings;
    for (let failures = 0; !signal.aborted; ) {
      let server: ServerAddress | undefined;
      let inVain = false;
      const startMs = environment.clock.monotonicMs();
      try {
        server = await this.#nextServer(signal);
        this.#adopt(await Session.open(server, this.module, this.settings, this, signal));
        this.#servers.worked(server);
        const session = await this.#untilMoveNeeded();
        this.#longFromMs = longFromMs(this.settings);
        failures = session.ageMs >= stableMs ? 0 : failures + 1;
        // That it was lost says as much as a failed connect; a wish to move says nothing against it.
        if (!session.isOpen) this.#servers.failed(server);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        inVain = environment.clock.monotonicMs() - startMs >= inVainMs;
        if (server !== undefined) this.#servers.failed(server);
        this.#noteFailure(error, server);
      }
      if (failures > 0) await pause(environment.clock, this.#pauseMs(failures - 1, inVain), [signal]);
    }
  }

  /**
   * After a long absence between the cap and twice that: of pauses between nothing and 5 s a third ends within one
   * second, of those between 5 and 10 s an eighth.
   */
  #pauseMs(failures: number, inVain: boolean): number {
    const { environment, backoffBaseMs, backoffCapMs } = this.settings;
    const { clock, random } = environment;
    const isStarting = this.state.lastError?.serverCode === 300;
    const isLong = clock.monotonicMs() >= this.#longFromMs;
    if (isLong && !isStarting && !inVain) return backoffCapMs * (1 + random());
    const capMs = isStarting ? Math.min(startingMs, backoffCapMs) : backoffCapMs;
    return backoffMs(failures, random, backoffBaseMs, capMs);
  }

  #adopt(session: Session): void {
    if (this.#stop.signal.aborted) return session.end(closed());
    const old = this.#session;
    this.#reset = undefined;
    this.#wakeLoop = new AbortController();
    this.#session = session;
    if (!session.isOpen) return this.onEnd(session, session.signal.reason);
    this.#state.connected(session);
    old?.end(new NacosError("UNAVAILABLE", `moved to ${session.server.name}`));
    for (const { resolve } of this.#waiting) resolve(session);
    this.#waiting.clear();
  }

  /** Resolves with the session that is over or that the server wants to be rid of. */
  async #untilMoveNeeded(): Promise<Session> {
    const session = this.#session;
    if (session === undefined) throw this.state.lastError ?? closed();
    const moved = this.#wakeLoop.signal;
    if (!moved.aborted) {
      await new Promise<void>((resolve) => moved.addEventListener("abort", () => resolve(), { once: true }));
    }
    return session;
  }

  /** The one that ConnectReset recommends, once and only if it is in the list; else the next in turn. */
  async #nextServer(signal: AbortSignal): Promise<ServerAddress> {
    const recommended = this.#servers.find(this.#reset?.recommended);
    if (this.#reset !== undefined) this.#reset = { recommended: undefined };
    return recommended ?? (await this.#servers.next(signal));
  }

  #noteFailure(cause: unknown, server: ServerAddress | undefined): void {
    const name = server?.name ?? "a server";
    const error =
      cause instanceof NacosError
        ? cause
        : new NacosError("UNAVAILABLE", `connecting to ${name} failed`, { cause });
    const { log } = this.settings.environment;
    log.debug({ err: error, server: name, module: this.module }, "no connection to Nacos");
    if (this.#session === undefined) this.#state.disconnected(error);
  }

  /** Final: everything that waits for a session is rejected with CLOSED. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stop.signal.aborted) {
      this.#stop.abort(closed());
      this.#state.closed();
      for (const { reject } of this.#waiting) reject(closed());
      this.#waiting.clear();
      this.#session?.end(closed());
      this.#wakeLoop.abort();
    }
    await Promise.all([this.#running, this.#servers[Symbol.asyncDispose]()]);
    await Promise.all(this.#ended);
  }
}

function longFromMs({ environment: { clock, random } }: Settings): number {
  const { leastMs, mostMs } = longAbsence;
  return clock.monotonicMs() + leastMs + random() * (mostMs - leastMs);
}

function isBusy(reply: Reply): boolean {
  const isStarting = reply.errorCode === 300 && reply.type === "ErrorResponse";
  return reply.errorCode === 503 || isStarting || isContended(reply) || hasBeenOvertaken(reply);
}

function closed(): NacosError {
  return new NacosError("CLOSED", "the Nacos client is closed");
}
