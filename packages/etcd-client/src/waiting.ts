import type { Clock, Environment } from "./environment.js";

/** What ends work before it is done. */
export interface Limits {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The error of the deadline. */
  readonly onTimeout: () => unknown;
  readonly signals: readonly (AbortSignal | undefined)[];
}

/**
 * Runs `work` with a signal that aborts when one of `signals` does or when the time is over, with the reason of the
 * first. Leaves nothing behind on the signals: they may live as long as the program.
 */
export async function withLimits<T>(
  { clock, timeoutMs, onTimeout, signals }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const cleanups: (() => void)[] = [];
  for (const signal of signals) {
    if (signal === undefined) continue;
    if (signal.aborted) throw signal.reason;
    const onAbort = () => controller.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    cleanups.push(() => signal.removeEventListener("abort", onAbort));
  }
  const timer = clock.setTimeout(() => controller.abort(onTimeout()), timeoutMs);
  try {
    return await work(controller.signal);
  } finally {
    timer.cancel();
    for (const cleanup of cleanups) cleanup();
  }
}

/** Resolves after `delayMs`, or as soon as the signal aborts. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimeout(done, delayMs);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Settles as `work` does, but rejects with the signal's reason as soon as that aborts. The work itself goes on. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Evenly random below a bound that doubles with each failure: a herd that lost the same server spreads. */
export function backoffMs({ random }: Environment, failures: number, baseMs: number, capMs: number): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(failures, 20));
}

/** Wakes a loop that waits for something to happen: what happened before the wait counts too. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Until it rings, at most `delayMs`. Does not keep the process alive. */
  async wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#rung) return resolve();
      const timer = this.clock.setTimeout(resolve, delayMs, { background: true });
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#wake = undefined;
    this.#rung = false;
  }
}
