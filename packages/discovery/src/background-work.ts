import { setMaxListeners } from "node:events";
import { deadline, type Runtime, sleep } from "@dubbo-ts/core";

/** What goes on beside the calls of an object, and ends with it: disposing waits for all of it. */
export class BackgroundWork implements AsyncDisposable {
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(
    readonly runtime: Runtime,
    /** For the log: `something in the background of …`. */
    private readonly what: string,
  ) {
    setMaxListeners(0, this.#closing.signal); // one for each piece of work
  }

  /** Aborts when the object ends. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Ends it: what runs is told by {@link signal}. */
  abort(reason: unknown): void {
    if (!this.signal.aborted) this.#closing.abort(reason);
  }

  /** Runs `work` beside; what it fails with is said in the log. */
  run(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        if (!this.signal.aborted)
          this.runtime.log.warn({ err: error }, `something in the background of ${this.what} failed`);
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** A deadline that the end of the object brings on; to be disposed. */
  limit(ms: number, reason: () => unknown): ReturnType<typeof deadline> {
    const limit = deadline(this.runtime.clock, ms, reason, this.signal);
    setMaxListeners(0, limit.signal); // many mappings are written at once
    return limit;
  }

  /** Waits, but not beyond the end. */
  pause(ms: number): Promise<void> {
    return sleep(this.runtime.clock, ms, this.signal, { background: true }).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort(new Error(`${this.what} is over`));
    await Promise.all(this.#running);
  }
}
