import type { Clock, Timer } from "@dubbo-ts/core";

/** Something that is looked at from time to time. */
export interface Swept {
  /** `elapsedMs`: since the last time; at most two intervals, however long the event loop was blocked. */
  sweep(elapsedMs: number): void;
}

/**
 * Looks at everything in it at a fixed interval, with one timer that runs only while there is something. Idle
 * time is counted in such steps instead of by the clock: after a blocked event loop or a suspended machine, the
 * peers were not silent, this process was deaf.
 */
export class Sweep {
  readonly #members = new Set<Swept>();
  #timer: Timer | undefined;
  #lastMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  add(member: Swept): void {
    this.#members.add(member);
    if (this.#timer !== undefined) return;
    this.#lastMs = this.clock.monotonicMs();
    this.#arm();
  }

  delete(member: Swept): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.clock.setTimeout(this.#run, this.intervalMs, { background: true });
  }

  readonly #run = () => {
    this.#timer = undefined;
    const now = this.clock.monotonicMs();
    const elapsedMs = Math.min(now - this.#lastMs, 2 * this.intervalMs);
    this.#lastMs = now;
    for (const member of this.#members) member.sweep(elapsedMs);
    if (this.#members.size > 0 && this.#timer === undefined) this.#arm();
  };
}
