/** How long {@link waitFor} waits. */
export interface WaitOptions {
  /** Default 5000 ms. */
  timeoutMs?: number;
  /** Default 5 ms. */
  intervalMs?: number;
  /** Named in the error; a function is asked when time is over. */
  what?: string | (() => string);
}

/**
 * Asks until `condition` gives something truthy, and gives it back. Instead of sleeping: a test is as fast as
 * what it waits for. An exception of `condition` counts as "not yet".
 * @throws {Error} when time is over; its cause is the last exception of `condition`.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 5_000, intervalMs = 5, what = "the condition" }: WaitOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const endMs = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as NonNullable<Exclude<T, false>>;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > endMs) {
      const name = typeof what === "string" ? what : what();
      throw new Error(`waited ${timeoutMs} ms for ${name}`, { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
