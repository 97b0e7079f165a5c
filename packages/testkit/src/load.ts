/** Calls at a steady rate until it is stopped, and counts. */
export class Load {
  /** How many calls succeeded so far. */
  answered = 0;
  /** What the others were rejected with, in the order in which they failed. */
  readonly failures: unknown[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  /** @param perSecond calls begun in a second, whether or not earlier ones have ended. */
  constructor(call: () => Promise<unknown>, perSecond: number) {
    const startedMs = performance.now();
    let made = 0;
    this.#timer = setInterval(() => {
      for (const due = ((performance.now() - startedMs) * perSecond) / 1_000; made < due; made += 1)
        this.#one(call);
    }, 5);
  }

  #one(call: () => Promise<unknown>): void {
    const done = call().then(
      () => void (this.answered += 1),
      (error: unknown) => void this.failures.push(error),
    );
    this.#inFlight.add(done);
    void done.finally(() => this.#inFlight.delete(done));
  }

  /** No more calls; waits for those that are under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#inFlight);
  }
}
