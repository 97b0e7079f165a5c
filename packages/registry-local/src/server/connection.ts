import type { Clock, Timer } from "@dubbo-ts/core";
import type { Faults } from "./faults.js";
import { type Body, type Message, textOf } from "./messages.js";

/** What a connection needs of its server. */
export interface ConnectionContext {
  readonly clock: Clock;
  readonly faults: Faults;
  /** A number that no other push of this server has. */
  nextRequestId(): string;
}

/** The stream of a client, as far as the server uses it. */
export interface PushStream {
  write(message: Message): void;
  /** Ends it with status OK, which is how a real server shows that it unregistered the client (nacos-server 6). */
  end(): void;
}

/**
 * A client that has been set up: one HTTP/2 transport (registries A1.3). All that it registered, subscribed to or
 * listens to belongs to this object, and goes with it.
 */
export class Connection {
  readonly #stream: PushStream;
  readonly #context: ConnectionContext;
  readonly #pending = new Map<string, (acknowledged: boolean) => void>();
  readonly #onClose: (() => void)[] = [];
  #lastActiveMs: number;
  #closed = false;

  /** @param id `{ms}_{ip}_{port}` of the transport. @param labels what the client told about itself. */
  constructor(
    readonly id: string,
    readonly labels: Readonly<Record<string, string>>,
    stream: PushStream,
    context: ConnectionContext,
  ) {
    this.#stream = stream;
    this.#context = context;
    this.#lastActiveMs = context.clock.monotonicMs();
  }

  /** True after the transport ended or the server unregistered the client. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How long the client has said nothing, ms. */
  get idleMs(): number {
    return this.#context.clock.monotonicMs() - this.#lastActiveMs;
  }

  /** The client said something. */
  touch(): void {
    this.#lastActiveMs = this.#context.clock.monotonicMs();
  }

  /** Runs `callback` once when the connection closes, at once when it is closed. */
  onClose(callback: () => void): void {
    if (this.#closed) callback();
    else this.#onClose.push(callback);
  }

  /** Sends a message that wants no answer. */
  send(type: string, body: Body): void {
    if (!this.#closed) this.#stream.write({ type, body });
  }

  /** Sends a request; true when the client answered within `ackTimeoutMs`. Any response counts (registries A1.7). */
  push(type: string, body: Body, ackTimeoutMs: number): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    const requestId = this.#context.nextRequestId();
    const { incompletePushes } = this.#context.faults;
    this.send(type, { ...(incompletePushes !== true && { headers: {} }), requestId, ...body });
    return new Promise((resolve) => {
      const settle = (acknowledged: boolean) => {
        timer.cancel();
        this.#pending.delete(requestId);
        resolve(acknowledged);
      };
      const timer: Timer = this.#context.clock.setTimeout(() => settle(false), ackTimeoutMs, {
        background: true,
      });
      this.#pending.set(requestId, settle);
    });
  }

  /** What came up the stream after the set-up: answers to pushes. */
  receive(type: string, body: Body): void {
    this.touch();
    if (!type.endsWith("Response") || this.#context.faults.ignoreAcks === true) return;
    this.#pending.get(textOf(body, "requestId") ?? "")?.(true);
  }

  /** Unregisters the client: its stream ends, its state goes. A second time does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const settle of this.#pending.values()) settle(false);
    for (const callback of this.#onClose.splice(0)) callback();
    this.#stream.end();
  }
}
