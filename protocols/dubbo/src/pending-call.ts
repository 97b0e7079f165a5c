import type { Invocation } from "@dubbo-ts/rpc";
import type { WheelEntry } from "./deadline-wheel.js";

/** Who is told when a {@link PendingCall} is over before its answer. */
export interface CallOwner {
  /** The deadline has passed. */
  onExpired(call: PendingCall): void;
  /** The caller cancelled. */
  onAborted(call: PendingCall): void;
}

/** A call that waits for its answer. One object for all that a call needs, since there may be 100,000 a second. */
export class PendingCall implements WheelEntry {
  wheelPrevious: WheelEntry | undefined = undefined;
  wheelNext: WheelEntry | undefined = undefined;
  wheelSlot = -1;
  readonly deadlineMs: number;
  #onAbort: (() => void) | undefined = undefined;

  constructor(
    private readonly owner: CallOwner,
    readonly invocation: Invocation,
    /** The last half of its id; the first is the connection's. */
    readonly idLow: number,
    /** The batch of the connection's writer that the request is in. */
    readonly batch: number,
    readonly resolve: (value: unknown) => void,
    readonly reject: (error: unknown) => void,
  ) {
    this.deadlineMs = invocation.deadlineMs;
  }

  expire(): void {
    this.owner.onExpired(this);
  }

  /** Listens to the caller's signal, until {@link unlisten}. */
  listen(signal: AbortSignal): void {
    this.#onAbort = () => this.owner.onAborted(this);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  unlisten(): void {
    if (this.#onAbort === undefined) return;
    this.invocation.signal?.removeEventListener("abort", this.#onAbort);
    this.#onAbort = undefined;
  }
}
