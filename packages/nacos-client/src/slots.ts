/**
 * Bounds how much is done at once; what comes later waits its turn. Requests that a slow server has not come to yet would
 * otherwise time out together and be sent again, for ever.
 */
export class Slots {
  readonly #waiting = new Set<() => void>();
  #free: number;

  /** @param count how many at once; at least 1. */
  constructor(count: number) {
    this.#free = Math.max(1, count);
  }

  /** Does `work` as soon as there is room. @throws the reason of one of `signals` that aborts by then, and what `work` throws. */
  async run<T>(work: () => Promise<T>, signals: readonly AbortSignal[]): Promise<T> {
    for (const signal of signals) signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signals);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #turn(signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(enter);
        for (const signal of signals) signal.removeEventListener("abort", giveUp);
      };
      const enter = () => {
        end();
        resolve();
      };
      const giveUp = () => {
        end();
        reject(signals.find(({ aborted }) => aborted)?.reason);
      };
      this.#waiting.add(enter);
      for (const signal of signals) signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** Whoever waits longest gets the place. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else next();
  }
}
