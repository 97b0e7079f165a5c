import type { NacosClock, NacosEnvironment } from "./environment.js";

/** Resolves after `delayMs`, or at once when one of `signals` aborts. Never rejects: loops look at their state afterwards. */
export function pause(
  clock: NacosClock,
  delayMs: number,
  signals: readonly AbortSignal[],
  options?: { background?: boolean },
): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal.aborted)) return resolve();
    const done = () => {
      timer.cancel();
      for (const signal of signals) signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimeout(done, delayMs, options);
    for (const signal of signals) signal.addEventListener("abort", done, { once: true });
  });
}

/** Settles as `promise` does, but rejects with `signal.reason` as soon as `signal` aborts. The work itself goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Settles as `promise` does, but rejects with `reason()` after `delayMs`. The work itself goes on. */
export function within<T>(
  clock: NacosClock,
  delayMs: number,
  promise: Promise<T>,
  reason: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(reason()), delayMs);
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Evenly random below `base * 2^failures`, at most `cap`: full jitter, so that a herd spreads (registries F4). */
export function backoffMs(failures: number, random: () => number, baseMs: number, capMs: number): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(failures, 30));
}

/** `meanMs` give or take a quarter, so that what clients do at intervals spreads. */
export function jitteredMs(meanMs: number, { random }: NacosEnvironment): number {
  return meanMs * (0.75 + random() / 2);
}
