import { type Clock, sleep } from "@dubbo-ts/core";

/**
 * What `read` gives, then again whenever it gives another object. Ends when `signal` aborts. A slow reader cannot
 * fall behind: nothing is read until it asks.
 */
export async function* poll<T>(
  read: () => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  let last: T | undefined;
  try {
    for (; !signal.aborted; await sleep(clock, 50, signal, { background: true })) {
      const next = await read();
      if (next === last || signal.aborted) continue;
      last = next;
      yield next;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
