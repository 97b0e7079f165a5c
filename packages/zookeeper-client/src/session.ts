import { Call, type Request } from "./call.js";
import type { Environment, ServerAddress, Timer } from "./environment.js";
import { serverError, ZooKeeperError } from "./errors.js";
import { JuteReader, JuteWriter } from "./jute.js";
import { type Link, openLink } from "./link.js";
import { type NodeEvent, opcodes, readNodeEvent, readReplyHeader, xids } from "./records.js";
import { addressText, shuffled } from "./server-list.js";
import { WatchTable } from "./watch-table.js";

/** What happens to a client's session. */
export type SessionEvent =
  /** `newSession`: ephemeral nodes and watches of an earlier one are gone. `first`: the first since the client was opened. */
  | {
      readonly type: "connected";
      readonly server: string;
      readonly newSession: boolean;
      readonly first: boolean;
    }
  | { readonly type: "disconnected"; readonly error: ZooKeeperError }
  /** Away for so long that the server has probably given up the session; only the server can tell. */
  | { readonly type: "suspect" }
  /** The server said so. A new session follows by itself. */
  | { readonly type: "expired"; readonly sessionId: bigint }
  | { readonly type: "closed" };

/** All settings of a session, defaults filled in. */
export interface SessionSettings {
  readonly servers: readonly ServerAddress[];
  readonly sessionTimeoutMs: number;
  readonly callTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly readOnly: boolean;
  /** `user:password` for the scheme digest. */
  readonly digest: string | undefined;
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
}

/** Limits of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** From the call to its answer, waiting for a connection included. Default: the client's `callTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** Who waited so long for an answer is cut off, perhaps alone: herds are refused at once, or spread by that waiting. */
const inVainMs = 1_000;
/** A connection that lived so long resets the backoff; a server that flaps must not (registries F4, rule 6). */
const stableMs = 10_000;
const noPassword = Buffer.alloc(16);

/**
 * The longest time after which what was seen of the servers does not count any more. By then none that serves is behind
 * it: a follower that lags by `syncLimit` (five ticks of 2 s in ZooKeeper's sample configuration) is shut out by its leader.
 */
const forgetsAfterMs = 10_000;

/**
 * One session after another: keeps a link to one of the servers, sends calls in order, arms watches anew on each
 * link, and begins a new session when the server gave the old one up.
 */
export class Session {
  readonly watches = new WatchTable();
  readonly #settings: SessionSettings;
  readonly #environment: Environment;
  readonly #listeners = new Set<(event: SessionEvent) => void>();
  readonly #closing = new AbortController();
  readonly #waiting = new Set<Call>();
  #inFlight: { readonly xid: number; readonly call: Call }[] = [];
  #link: Link | undefined;
  #sessionId = 0n;
  #password: Buffer = noPassword;
  #timeoutMs: number;
  #lastZxid = 0n;
  #xid = 0;
  #closeXid: number | undefined;
  #connections = 0;
  #reconnectedMs: number | undefined;
  #failure: ZooKeeperError | undefined;
  /** Servers that answered garbage since any other answer. */
  #strangers = 0;
  #suspicion: Timer | undefined;
  readonly #running: Promise<void>;
  #closed: Promise<void> | undefined;

  constructor(settings: SessionSettings, environment: Environment) {
    this.#settings = settings;
    this.#environment = environment;
    this.#timeoutMs = settings.sessionTimeoutMs;
    this.#running = this.#run();
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  /** 0n before the first session. */
  get sessionId(): bigint {
    return this.#sessionId;
  }

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Monotonic time of the latest connection but the first; undefined: there was none. */
  get reconnectedMs(): number | undefined {
    return this.#reconnectedMs;
  }

  /** Why there is no connection. */
  get failure(): ZooKeeperError | undefined {
    return this.#failure;
  }

  /** Gives back what ends the subscription. */
  listen(listener: (event: SessionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Sends `request` as soon as there is a link. Rejects with a {@link ZooKeeperError}, or with the signal's reason. */
  submit<T>(request: Request<T>, { signal, timeoutMs }: CallOptions = {}): Promise<T> {
    const { maxRequestBytes, callTimeoutMs } = this.#settings;
    if (this.#closing.signal.aborted) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const bytes = request.body.byteLength + 8;
    if (bytes > maxRequestBytes) {
      const message = `a request of ${bytes} bytes, at most ${maxRequestBytes}`;
      return Promise.reject(new ZooKeeperError("TOO_LARGE", message, request.path));
    }
    const limits = {
      clock: this.#environment.clock,
      timeoutMs: timeoutMs ?? callTimeoutMs,
      signal,
      onTimeout: () => this.#timeoutError(request, timeoutMs ?? callTimeoutMs),
    };
    const call = new Call<T>(request, limits, (settled) => this.#waiting.delete(settled as Call));
    if (this.#link === undefined) this.#waiting.add(call as Call);
    else this.#send(this.#link, call as Call);
    return call.result;
  }

  /** Ends the session on the server, so that its ephemeral nodes go at once; waits for that at most two seconds. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const link = this.#link;
    this.#closing.abort(closedError());
    this.#failAll(closedError(), () => true);
    if (link === undefined) await this.#running;
    else await this.#endSession(link);
    this.#emit({ type: "closed" });
    this.#listeners.clear();
  }

  async #endSession(link: Link): Promise<void> {
    this.#closeXid = this.#nextXid();
    link.send(new JuteWriter(8).int(this.#closeXid).int(opcodes.closeSession).finish());
    const giveUp = () => link.end(closedError());
    const timer = this.#environment.clock.setTimeout(giveUp, this.#settings.closeTimeoutMs);
    await this.#running;
    timer.cancel();
  }

  async #run(): Promise<void> {
    const servers = shuffled(this.#settings.servers, this.#environment.random);
    let failures = 0;
    let awaySinceMs = this.#environment.clock.monotonicMs();
    for (let at = 0; !this.#closing.signal.aborted; at += 1) {
      const server = servers[at % servers.length] as ServerAddress;
      const startedMs = this.#environment.clock.monotonicMs();
      const outcome = await this.#connectAndServe(server);
      if (outcome === "expired") continue;
      const nowMs = this.#environment.clock.monotonicMs();
      const livedMs = nowMs - startedMs;
      if (outcome === "served") awaySinceMs = nowMs;
      if (outcome === "served" && livedMs >= stableMs) failures = 0;
      // All servers are tried before the first long wait.
      else failures += 1 / servers.length;
      const waitedInVain = outcome === "failed" && livedMs >= inVainMs;
      await this.#pause(failures, waitedInVain ? 0 : nowMs - awaySinceMs);
    }
    this.#suspicion?.cancel();
  }

  /** Never rejects: what went wrong is kept as {@link failure}. */
  async #connectAndServe(server: ServerAddress): Promise<"failed" | "expired" | "served"> {
    try {
      const link = await this.#open(server);
      if (link.response.timeoutMs <= 0) {
        link.end(new ZooKeeperError("SESSION_EXPIRED", "the session has expired"));
        this.#expire();
        return "expired";
      }
      await this.#serve(link);
      return "served";
    } catch (error) {
      this.#fail(error as ZooKeeperError, server);
      return "failed";
    }
  }

  #open(server: ServerAddress): Promise<Link> {
    const { sessionTimeoutMs, readOnly, maxResponseBytes } = this.#settings;
    return openLink({
      environment: this.#environment,
      server,
      request: {
        lastZxid: this.#lastZxid,
        timeoutMs: sessionTimeoutMs,
        sessionId: this.#sessionId,
        password: this.#password,
        readOnly,
      },
      handshakeMs: this.#timeoutMs / 4,
      maxFrameBytes: maxResponseBytes,
      signal: this.#closing.signal,
    });
  }

  /** Resolves when the link has ended. */
  #serve(link: Link): Promise<void> {
    return new Promise((resolve) => {
      this.#adopt(link);
      link.read({
        onFrame: (body) => this.#onFrame(link, body),
        onEnd: (error) => {
          this.#detach(error);
          resolve();
        },
      });
      if (this.#link !== link) return;
      this.#arm(link);
      for (const call of this.#waiting) this.#send(link, call);
      this.#announce(link);
    });
  }

  #adopt(link: Link): void {
    const { timeoutMs, password } = link.response;
    this.#link = link;
    this.#timeoutMs = timeoutMs;
    this.#password = password;
    this.#failure = undefined;
    this.#strangers = 0;
    this.#suspicion?.cancel();
  }

  #announce(link: Link): void {
    const { sessionId } = link.response;
    const first = this.#connections === 0;
    const newSession = sessionId !== this.#sessionId;
    this.#sessionId = sessionId;
    this.#connections += 1;
    if (!first) this.#reconnectedMs = this.#environment.clock.monotonicMs();
    this.#environment.log.info({ server: link.server, newSession }, "connected to ZooKeeper");
    this.#emit({ type: "connected", server: link.server, newSession, first });
  }

  /** What a fresh link needs before any call: who we are, and what we watch. */
  #arm(link: Link): void {
    const { digest } = this.#settings;
    if (digest !== undefined) {
      const body = new JuteWriter().int(xids.auth).int(opcodes.auth).int(0).string("digest").string(digest);
      link.send(body.finish());
    }
    for (const body of this.watches.setWatches(this.#lastZxid))
      link.send(
        Buffer.concat([new JuteWriter(8).int(xids.setWatches).int(opcodes.setWatches).finish(), body]),
      );
  }

  #send(link: Link, call: Call): void {
    this.#waiting.delete(call);
    const xid = this.#nextXid();
    const { opcode, body } = call.request;
    this.#inFlight.push({ xid, call });
    link.send(Buffer.concat([new JuteWriter(8).int(xid).int(opcode).finish(), body]));
  }

  #nextXid(): number {
    this.#xid = this.#xid >= 0x7fff_ffff ? 1 : this.#xid + 1;
    return this.#xid;
  }

  #onFrame(link: Link, body: Buffer): void {
    const reader = new JuteReader(body);
    const { xid, zxid, error } = readReplyHeader(reader);
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    switch (xid) {
      case xids.ping:
      case xids.setWatches:
        return;
      case xids.watchEvent: {
        const event = readNodeEvent(reader);
        return event === undefined ? undefined : this.#notify(event);
      }
      case xids.auth:
        return error === 0 ? undefined : link.end(serverError(error));
      default:
        return this.#onReply(link, xid, error, reader);
    }
  }

  #onReply(link: Link, xid: number, error: number, reader: JuteReader): void {
    // Ending it sooner could take the request to close out of the server's hands.
    if (this.#closing.signal.aborted) return xid === this.#closeXid ? link.end(closedError()) : undefined;
    const [next] = this.#inFlight;
    if (next === undefined || next.xid !== xid)
      return link.end(new ZooKeeperError("CONNECTION_LOSS", `${link.server} answered out of order`));
    this.#inFlight.shift();
    const { call } = next;
    call.answer(error === 0 ? undefined : serverError(error, call.request.path), reader);
  }

  /** The link has ended: calls that only read wait for the next one, the others cannot know what became of them. */
  #detach(error: ZooKeeperError): void {
    if (this.#link === undefined) return;
    this.#link = undefined;
    const lost = this.#inFlight.filter(({ call }) => !call.done);
    this.#inFlight = [];
    const later = [...this.#waiting];
    this.#waiting.clear();
    for (const { call } of lost)
      if (call.request.repeatable && error.code === "CONNECTION_LOSS") this.#waiting.add(call);
      else call.fail(withPath(error, call.request.path));
    for (const call of later) this.#waiting.add(call);
    if (this.#closing.signal.aborted) return;
    this.#failure = error;
    if (error.code === "AUTH_FAILED") this.#failAll(error, () => true);
    this.#environment.log.warn({ err: error }, "lost the connection to ZooKeeper");
    this.#suspectLater();
    this.#emit({ type: "disconnected", error });
  }

  /**
   * A server that was set up anew refuses whoever has seen a later transaction than it has: after such a time away
   * nothing that was seen counts, and everything is read again. See {@link forgetsAfterMs}.
   */
  #suspectLater(): void {
    this.#suspicion = this.#environment.clock.setTimeout(
      () => {
        this.#lastZxid = 0n;
        this.#emit({ type: "suspect" });
      },
      Math.min((this.#timeoutMs * 4) / 3, forgetsAfterMs),
      { background: true },
    );
  }

  #expire(): void {
    const sessionId = this.#sessionId;
    this.#sessionId = 0n;
    this.#password = noPassword;
    this.#lastZxid = 0n;
    this.#timeoutMs = this.#settings.sessionTimeoutMs;
    this.#environment.log.warn({ sessionId: `0x${sessionId.toString(16)}` }, "the ZooKeeper session expired");
    const expired = new ZooKeeperError("SESSION_EXPIRED", "the session has expired");
    this.#failAll(expired, (call) => !call.request.repeatable);
    this.#emit({ type: "expired", sessionId });
    for (const path of this.watches.paths()) this.#notify({ type: "unknown", path });
  }

  #fail(error: ZooKeeperError, server: ServerAddress): void {
    if (this.#closing.signal.aborted) return;
    this.#failure = error;
    this.#environment.log.debug({ err: error, server: addressText(server) }, "no connection to ZooKeeper");
    this.#strangers = error.code === "NOT_ZOOKEEPER" ? this.#strangers + 1 : 0;
    if (this.#strangers >= this.#settings.servers.length) this.#failAll(error, () => true);
    this.#emit({ type: "disconnected", error });
  }

  #failAll(error: ZooKeeperError, which: (call: Call) => boolean): void {
    for (const call of [...this.#waiting, ...this.#inFlight.map((one) => one.call)])
      if (which(call)) call.fail(withPath(error, call.request.path));
  }

  #timeoutError({ path }: Request<unknown>, timeoutMs: number): ZooKeeperError {
    const failure = this.#link === undefined ? this.#failure : undefined;
    const why = failure === undefined ? "" : ` (${failure.message})`;
    const options = failure === undefined ? undefined : { cause: failure };
    return new ZooKeeperError("TIMEOUT", `no answer in ${Math.round(timeoutMs)} ms${why}`, path, options);
  }

  #notify(event: NodeEvent): void {
    for (const watcher of this.watches.take(event)) this.#guard(() => watcher.onEvent(event));
  }

  #emit(event: SessionEvent): void {
    for (const listener of this.#listeners) this.#guard(() => listener(event));
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (err) {
      this.#environment.log.error({ err }, "a listener of the ZooKeeper client threw");
    }
  }

  /**
   * Evenly random below a bound that doubles. Its cap leaves several attempts within a session's time; when that is over
   * there is nothing to save, and a herd that lost the same server must not return to it within a second: of pauses
   * between nothing and 10 s a fifth ends within any one, of those between 5 and 10 s an eighth.
   */
  #pause(failures: number, awayMs: number): Promise<void> {
    const { clock, random } = this.#environment;
    const isLost = awayMs > this.#timeoutMs;
    const capMs = isLost ? Math.min(10_000, this.#timeoutMs / 1.5) : Math.min(5_000, this.#timeoutMs / 12);
    const share = isLost ? (1 + random()) / 2 : random();
    const delayMs = share * Math.min(capMs, 50 * 2 ** Math.min(failures, 20));
    return new Promise((resolve) => {
      const { signal } = this.#closing;
      const done = () => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = clock.setTimeout(done, delayMs);
      signal.addEventListener("abort", done, { once: true });
      if (signal.aborted) done();
    });
  }
}

function withPath(error: ZooKeeperError, path: string | undefined): ZooKeeperError {
  return path === undefined ? error : new ZooKeeperError(error.code, error.message, path, { cause: error });
}

function closedError(): ZooKeeperError {
  return new ZooKeeperError("CLOSED", "the client is closed");
}
