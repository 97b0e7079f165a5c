import { retry } from "./retry.mjs";

/** Calls at a steady rate until it is stopped, and counts. */
export class Load {
  #calls = 0;
  #failed = 0;
  #errors = [];
  #byLabel = {};
  #inFlight = new Set();
  #beginMs = performance.now();
  #timer;

  /** Resolves when a first call has succeeded, which may take 30 s. */
  static async start(call, perSecond) {
    await retry(call, 30_000);
    return new Load(call, perSecond);
  }

  constructor(call, perSecond) {
    const due = () => ((performance.now() - this.#beginMs) * perSecond) / 1_000;
    this.#timer = setInterval(() => {
      while (this.#calls < due()) this.#one(call);
    }, 5);
  }

  #one(call) {
    this.#calls += 1;
    const done = call().then(
      (label) => void (this.#byLabel[label] = (this.#byLabel[label] ?? 0) + 1),
      (error) => {
        this.#failed += 1;
        const atMs = Math.round(performance.now() - this.#beginMs);
        if (this.#errors.length < 20) this.#errors.push(`${atMs} ${error.code}: ${error.message}`);
      },
    );
    this.#inFlight.add(done);
    void done.finally(() => this.#inFlight.delete(done));
  }

  async stop() {
    clearInterval(this.#timer);
    await Promise.all(this.#inFlight);
    return { calls: this.#calls, failed: this.#failed, errors: this.#errors, byLabel: this.#byLabel };
  }
}
