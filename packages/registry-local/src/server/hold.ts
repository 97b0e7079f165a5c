import type { Clock, Timer } from "@dubbo-ts/core";

/**
 * The first moments of a server that took over: its clients are still registering again, so what it knows is not
 * yet worth telling. Answers and pushes wait until it is {@link over} (registries E2, 3).
 */
export class Hold implements Disposable {
  readonly over: Promise<void>;
  #release: () => void = () => {};
  readonly #timer: Timer | undefined;

  constructor(clock: Clock, holdMs: number) {
    this.over = new Promise((resolve) => {
      this.#release = resolve;
    });
    if (holdMs > 0) this.#timer = clock.setTimeout(() => this.#release(), holdMs, { background: true });
    else this.#release();
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#release();
  }
}
