import type { Clock } from "../runtime.js";
import { sleep } from "./sleep.js";

/** How long to wait between attempts. */
export interface BackoffOptions {
  /** The bound of the first wait. Default 100 ms. */
  baseMs?: number;
  /** The bound of every wait. Default 5000 ms. */
  capMs?: number;
}

/**
 * The wait before attempt `failures + 1`: evenly random below `base * 2^failures`, at most `cap`. Full jitter,
 * so that a herd that lost the same server spreads. Written here, since the randomness has to be passed in.
 */
export function backoffMs(
  failures: number,
  random: () => number,
  { baseMs = 100, capMs = 5_000 }: BackoffOptions = {},
): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(failures, 30));
}

/** What {@link retry} needs. */
export interface RetryOptions extends BackoffOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Attempts in all. Default: until `signal` aborts. */
  readonly attempts?: number;
  /** False ends it with that error. Default: everything is tried again. */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Told of each failure that is followed by another attempt. */
  readonly onFailure?: (error: unknown, failures: number) => void;
}

/** Runs `attempt` until it succeeds, waiting with {@link backoffMs} in between. Rejects with the last error. */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, signal, attempts = Infinity, isRetryable = () => true, onFailure } = options;
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      if (failures >= attempts || !isRetryable(error)) throw error;
      onFailure?.(error, failures);
    }
    await sleep(clock, backoffMs(failures - 1, random, options), signal, { background: true });
  }
}
