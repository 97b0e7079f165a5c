import type { Socket } from "node:net";
import { abortable, deadline, type EndpointAddress, retry, RpcError, type Runtime } from "@dubbo-ts/core";
import { type Invocation, secureSocket, tlsFailure } from "@dubbo-ts/rpc";
import { ClientConnection, type ClientContext, timeout } from "./client-connection.js";

/** After a failed attempt, calls do not start another one for so long. */
const restMs = 100;

/**
 * Keeps one connection to an endpoint: opened with the first call, and opened again in the background when it was
 * lost, first at once and then with growing waits. One that was opened again counts only when the provider has
 * answered a heartbeat: the port may be open while nobody is at home.
 */
export class ClientLink implements AsyncDisposable {
  #connection: ClientConnection | undefined;
  #attempt: Promise<ClientConnection> | undefined;
  #failure: RpcError | undefined;
  #failedMs = -Infinity;
  #recovery: Promise<void> | undefined;
  readonly #waiting = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();
  #disposal: Promise<void> | undefined;

  constructor(
    private readonly address: EndpointAddress,
    private readonly peer: string,
    private readonly context: ClientContext,
    private readonly runtime: Runtime,
  ) {}

  /** False from the moment when the connection is lost, could not be opened, or the provider is leaving. */
  get available(): boolean {
    if (this.#disposal !== undefined) return false;
    return this.#connection?.willing ?? this.#failure === undefined;
  }

  invoke(invocation: Invocation): Promise<unknown> {
    if (this.#disposal !== undefined) return Promise.reject(this.#closed());
    return this.#connection?.call(invocation) ?? this.#connectAndInvoke(invocation);
  }

  /** Lets calls in flight finish, at most as long as the settings allow, then closes the connection. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    using limit = deadline(this.runtime.clock, this.context.settings.drainMs, () => this.#closed());
    await abortable(this.#drained(), limit.signal).catch(() => {});
    this.#stop.abort(this.#closed());
    this.#connection?.close();
    await this.#attempt?.catch(() => {});
    await this.#recovery;
  }

  async #drained(): Promise<void> {
    await Promise.allSettled(this.#waiting);
    await this.#connection?.drained();
  }

  #connectAndInvoke(invocation: Invocation): Promise<unknown> {
    const waiting = this.#afterConnecting(invocation);
    this.#waiting.add(waiting);
    const forget = () => this.#waiting.delete(waiting);
    waiting.then(forget, forget);
    return waiting;
  }

  async #afterConnecting(invocation: Invocation): Promise<unknown> {
    const connection = await this.#connected(invocation);
    return connection.call(invocation);
  }

  /** The connection, before the call's own deadline. */
  async #connected(invocation: Invocation): Promise<ClientConnection> {
    invocation.signal?.throwIfAborted();
    const { clock } = this.runtime;
    if (
      this.#attempt === undefined &&
      this.#failure !== undefined &&
      clock.monotonicMs() - this.#failedMs < restMs
    ) {
      throw this.#failure;
    }
    const attempt = this.#open();
    const expired = () => timeout(invocation, this.peer, false);
    if (invocation.deadlineMs === Infinity && invocation.signal === undefined) return attempt;
    const limitMs = Math.min(
      invocation.deadlineMs - clock.monotonicMs(),
      this.context.settings.connectTimeoutMs * 2,
    );
    using limit = deadline(clock, limitMs, expired, invocation.signal);
    return await abortable(attempt, limit.signal);
  }

  /** Joins the attempt that is under way, or starts one. */
  #open(): Promise<ClientConnection> {
    this.#attempt ??= this.#attemptOnce().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  async #attemptOnce(): Promise<ClientConnection> {
    const { clock } = this.runtime;
    const { connectTimeoutMs } = this.context.settings;
    using limit = deadline(
      clock,
      connectTimeoutMs,
      () => new Error(`not open after ${connectTimeoutMs} ms`),
      this.#stop.signal,
    );
    try {
      const socket = await this.#openSocket(limit.signal);
      return await this.#greet(await this.#secured(socket, limit.signal), limit.signal);
    } catch (cause) {
      this.#failedMs = clock.monotonicMs();
      this.#failure = this.#connectFailure(cause);
      this.#recover();
      throw this.#failure;
    }
  }

  #openSocket(signal: AbortSignal): Promise<Socket> {
    signal.throwIfAborted();
    const { host, port } = this.address;
    const socket = this.runtime.network.connect({ host, port, noDelay: true });
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        socket.destroy();
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const onAbort = () => fail(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      // Stays: an error may follow the first one, and there must be somebody to hear it.
      socket.on("error", fail);
      socket.once("connect", () => {
        signal.removeEventListener("abort", onAbort);
        resolve(socket);
      });
    });
  }

  #secured(socket: Socket, signal: AbortSignal): Socket | Promise<Socket> {
    const tls = this.context.settings.tls.client;
    return tls === undefined ? socket : secureSocket(socket, this.address.host, tls, signal);
  }

  /**
   * After a failure a provider has to give a sign of life before it is trusted with calls; over TLS always, since it
   * looks at this side's certificate when this side takes the handshake for done.
   */
  async #greet(socket: Socket, signal: AbortSignal): Promise<ClientConnection> {
    let lost: RpcError | undefined;
    const connection = new ClientConnection(socket, this.peer, this.context, (error) => {
      lost = error;
      this.#onLost(connection, error);
    });
    const tls = this.context.settings.tls.client;
    if (this.#failure !== undefined || tls !== undefined) {
      await abortable(connection.probe(), signal).catch((error: unknown) => {
        connection.lose("no sign of life after connecting", error);
      });
    }
    if (lost !== undefined) throw tls === undefined ? lost : tlsFailure(lost.cause ?? notAccepted(lost));
    this.#connection = connection;
    this.#failure = undefined;
    return connection;
  }

  #onLost(connection: ClientConnection, error: RpcError): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    if (this.#stop.signal.aborted) return;
    this.#failure = error;
    const { log } = this.context;
    log.info({ peer: this.peer, why: error.message }, "dubbo connection lost, connecting again");
    this.#recover();
  }

  /** Tries until it is connected again, in the background. */
  #recover(): void {
    if (this.#recovery !== undefined || this.#stop.signal.aborted) return;
    const { clock, random } = this.runtime;
    this.#recovery = retry(async () => this.#connection ?? this.#open(), {
      clock,
      random,
      signal: this.#stop.signal,
    })
      .then(
        () => {},
        () => {}, // stopped
      )
      .finally(() => {
        this.#recovery = undefined;
        if (this.#failure !== undefined) this.#recover();
      });
  }

  #connectFailure(cause: unknown): RpcError {
    if (cause instanceof RpcError && cause.code === "CONNECT_FAILED") return cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new RpcError("CONNECT_FAILED", `no connection: ${why}`, {
      peer: this.peer,
      mayHaveRun: false,
      cause,
    });
  }

  #closed(): RpcError {
    return new RpcError("CONNECTION_LOST", "the invoker was closed", { peer: this.peer, mayHaveRun: false });
  }
}

/** A provider that looks at this side's certificate closes when the handshake looks done from here. */
function notAccepted({ message }: RpcError): Error {
  return new Error(`${message} right after the handshake; it may not accept this consumer's certificate`);
}
