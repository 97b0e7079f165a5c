import { Alarm, type AlarmOptions, type Pass } from "./alarm.js";
import type { ZooKeeperClient } from "./client.js";
import { isZooKeeperError } from "./errors.js";

/** How to follow. */
export interface FollowOptions<T> extends AlarmOptions {
  /** True: nothing to tell. Default: `Object.is`. */
  readonly same?: (before: T, after: T) => boolean;
  /**
   * How long changes are gathered after a reading that gave `value`, in ms from its beginning: the first change after a
   * rest is read at once, a train of them together. Default 0.
   */
  readonly restMs?: (value: T) => number;
}

/** What {@link follow} yields. */
export interface Followed<T> {
  readonly value: T;
  /**
   * False when it was read so soon after a reconnect that others, who lost the same server, may not be back yet.
   * The value is then yielded once more when that time is over.
   */
  readonly settled: boolean;
}

/**
 * Yields what `read` gives, and again after each change: when a watch fires, after each reconnect (watches that
 * fired meanwhile are not all replayed, registries B3), and every minute or so. While no server answers it yields nothing.
 * Ends when the signal aborts. Failures are tried again; one that cannot pass by itself (NO_AUTH, CLOSED …) is
 * thrown, but once something was yielded only CLOSED is.
 */
export async function* follow<T>(
  client: ZooKeeperClient,
  read: (pass: Pass) => Promise<T>,
  options: FollowOptions<T>,
): AsyncGenerator<Followed<T>, void, undefined> {
  const { signal, same = Object.is, restMs = () => 0 } = options;
  const alarm = new Alarm(client, options);
  let last: Followed<T> | undefined;
  let failures = 0;
  try {
    while (!signal.aborted) {
      const pass = alarm.begin();
      try {
        const value = await read(pass);
        const settled = alarm.settle();
        failures = 0;
        if (last === undefined || !same(last.value, value) || (settled && !last.settled))
          yield (last = { value, settled });
      } catch (error) {
        if (signal.aborted) return;
        if (isFinal(error, last !== undefined)) throw error;
        client.environment.log.warn({ err: error }, "could not read from ZooKeeper, trying again");
        alarm.failed(pass, failures);
        failures += 1;
      }
      await alarm.wait(last === undefined ? 0 : restMs(last.value));
    }
  } finally {
    alarm.stop();
  }
}

function isFinal(error: unknown, begun: boolean): boolean {
  if (
    !isZooKeeperError(error, "CONNECTION_LOSS", "TIMEOUT", "SESSION_EXPIRED", "SESSION_MOVED", "SERVER_ERROR")
  )
    return !begun || !(error instanceof Error) || isZooKeeperError(error, "CLOSED");
  return false;
}
