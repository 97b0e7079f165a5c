import type { Clock } from "../runtime.js";

/** Resolves after `delayMs`, or rejects with `signal.reason` as soon as `signal` aborts. */
export function sleep(
  clock: Clock,
  delayMs: number,
  signal: AbortSignal,
  options?: { background?: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.setTimeout(
      () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      },
      delayMs,
      options,
    );
    signal.addEventListener("abort", onAbort, { once: true });
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

/**
 * A signal that aborts with `reason()` after `delayMs` or when `parent` does. Dispose it as soon as the
 * work is done: a clock that is passed in cannot use `AbortSignal.timeout`.
 */
export function deadline(
  clock: Clock,
  delayMs: number,
  reason: () => unknown,
  parent?: AbortSignal,
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const timer = clock.setTimeout(() => controller.abort(reason()), delayMs);
  const onAbort = () => controller.abort(parent?.reason);
  if (parent?.aborted) onAbort();
  parent?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      timer.cancel();
      parent?.removeEventListener("abort", onAbort);
    },
  };
}
