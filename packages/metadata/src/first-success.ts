import { setMaxListeners } from "node:events";
import { abortable, type Clock, deadline } from "@dubbo-ts/core";

/** How {@link firstSuccess} goes through its attempts. */
export interface FirstSuccessOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Without an answer for so long, the next attempt starts beside the running ones. */
  readonly hedgeMs: number;
  /** How long one attempt may take. */
  readonly attemptMs: number;
}

/**
 * Tries one attempt after the other, and gives what succeeds first; the others are aborted. One that hangs costs
 * `hedgeMs`, not its whole deadline.
 * @throws {AggregateError} when all have failed, with their errors; `signal.reason` when it aborts.
 */
export async function firstSuccess<T>(
  attempts: readonly ((signal: AbortSignal) => Promise<T>)[],
  { clock, signal, hedgeMs, attemptMs }: FirstSuccessOptions,
): Promise<T> {
  signal.throwIfAborted();
  const settled = new AbortController();
  setMaxListeners(0, settled.signal);
  const stop = () => settled.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await new Promise<T>((resolve, reject) => {
      const errors: unknown[] = [];
      let started = 0;
      const next = () => {
        if (!settled.signal.aborted && started < attempts.length) void run(started++);
      };
      const run = async (index: number) => {
        const hedge = clock.setTimeout(next, hedgeMs);
        const late = () => new Error(`no answer in ${attemptMs} ms`);
        const limit = deadline(clock, attemptMs, late, settled.signal);
        try {
          const attempt = attempts[index] as (signal: AbortSignal) => Promise<T>;
          resolve(await abortable(attempt(limit.signal), limit.signal));
        } catch (error) {
          errors.push(error);
          if (settled.signal.aborted) reject(signal.reason);
          else if (errors.length === attempts.length)
            reject(new AggregateError(errors, "every attempt failed"));
          // The newest attempt hands over at once; an older one was followed by its hedge already.
          else if (index === started - 1) next();
        } finally {
          hedge.cancel();
          limit[Symbol.dispose]();
        }
      };
      if (attempts.length === 0) reject(new AggregateError([], "there is nothing to try"));
      next();
    });
  } finally {
    signal.removeEventListener("abort", stop);
    settled.abort(new Error("another attempt succeeded"));
  }
}
