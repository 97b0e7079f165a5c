import type { Clock } from "@dubbo-ts/core";

/** A fifth of the calls, and ten a second. */
const perCall = 0.2;
const perSecond = 10;
const startWith = 100;
const atMost = 1_000;

/**
 * Bounds the load that repeated calls add when everything fails: each call earns a fifth of a repetition, each
 * second ten, and up to 1,000 are kept for the moment in which a provider dies with many calls in flight.
 */
export class RetryBudget {
  #tokens = startWith;
  #filledMs: number;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledMs = clock.monotonicMs();
  }

  /** To be called once a call. */
  earn(): void {
    if (this.#tokens < atMost) this.#tokens += perCall;
  }

  /** True: one more repetition is allowed, and counted. */
  spend(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(atMost, this.#tokens + ((nowMs - this.#filledMs) * perSecond) / 1_000);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
