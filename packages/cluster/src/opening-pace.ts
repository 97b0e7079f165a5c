import type { Clock } from "@dubbo-ts/core";

/** New connections a second, and how many at once after a quiet time. */
const perSecond = 50;

/**
 * Spreads the connecting when many providers appear at once: while more than 50 a second would be opened, those
 * that are not open yet count as unavailable, and calls go to those that are. The clock is read only then.
 */
export class OpeningPace {
  #left = perSecond;
  /** What the clock said in this turn: one pick may ask for ten thousand. */
  #refused = false;
  #filledMs: number;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledMs = clock.monotonicMs();
  }

  /** True: another one may be opened now. */
  allows(): boolean {
    if (this.#left >= 1) return true;
    if (this.#refused) return false;
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(perSecond, this.#left + ((nowMs - this.#filledMs) * perSecond) / 1_000);
    this.#filledMs = nowMs;
    this.#refused = this.#left < 1;
    if (this.#refused) queueMicrotask(this.#nextTurn);
    return !this.#refused;
  }

  readonly #nextTurn = () => {
    this.#refused = false;
  };

  /** To be called when one was opened, whether or not it was allowed: a call that has no other choice opens it. */
  opened(): void {
    this.#left = Math.max(0, this.#left - 1);
  }
}
