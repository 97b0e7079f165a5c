import type { Clock, Timer } from "./environment.js";
import { ZooKeeperError } from "./errors.js";
import type { JuteReader } from "./jute.js";

/** One request, as the session sends it and reads its answer. */
export interface Request<T> {
  readonly opcode: number;
  /** What follows xid and opcode. */
  readonly body: Uint8Array;
  /** Reads the answer. Runs in the turn in which it arrives, before any later event. */
  readonly decode: (reader: JuteReader) => T;
  /** The answer when the server refused with `error`; throws it when it stays an error. */
  readonly refused?: (error: ZooKeeperError) => T;
  /** True: it only reads, so it is sent again when the link broke before the answer. */
  readonly repeatable: boolean;
  /** For errors. */
  readonly path: string | undefined;
}

/** What a call waits with. */
export interface CallLimits {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** The error of the deadline. */
  readonly onTimeout: () => unknown;
}

/** A {@link Request} on its way. Settles once; what comes later is dropped. */
export class Call<T = unknown> {
  readonly result: Promise<T>;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #timer: Timer;
  #done = false;

  constructor(
    readonly request: Request<T>,
    private readonly limits: CallLimits,
    private readonly onSettled: (call: Call<T>) => void,
  ) {
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = limits.clock.setTimeout(() => this.fail(limits.onTimeout()), limits.timeoutMs);
    limits.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get done(): boolean {
    return this.#done;
  }

  /** Reads the answer. One that comes after the call was given up is dropped. */
  answer(error: ZooKeeperError | undefined, reader: JuteReader): void {
    if (this.#done) return;
    try {
      if (error === undefined) this.#succeed(this.request.decode(reader));
      else if (this.request.refused === undefined) this.fail(error);
      else this.#succeed(this.request.refused(error));
    } catch (cause) {
      this.fail(cause instanceof ZooKeeperError ? cause : this.#unreadable(cause));
    }
  }

  fail(error: unknown): void {
    if (this.#settle()) this.#reject(error);
  }

  #unreadable(cause: unknown): ZooKeeperError {
    return new ZooKeeperError("SERVER_ERROR", "the answer cannot be read", this.request.path, { cause });
  }

  #succeed(value: T): void {
    if (this.#settle()) this.#resolve(value);
  }

  #settle(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#timer.cancel();
    this.limits.signal?.removeEventListener("abort", this.#onAbort);
    this.onSettled(this);
    return true;
  }

  readonly #onAbort = () => this.fail(this.limits.signal?.reason);
}
