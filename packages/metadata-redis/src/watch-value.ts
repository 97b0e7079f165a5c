import { backoffMs, Latest, sleep } from "@dubbo-ts/core";
import { RedisFault } from "./fault.js";
import type { Listening } from "./listening.js";
import type { RedisClient } from "./redis-client.js";

/** What is watched. */
export interface Watched<T> {
  /** Where changes are told of. */
  readonly channel: string;
  /** Which messages tell of this one; undefined: none, only gaps do. */
  readonly message: string | undefined;
  readonly read: (signal: AbortSignal) => Promise<T>;
  /** Equal values are not yielded twice. */
  readonly same: (one: T, other: T) => boolean;
  /** Nobody tells of some changes: it is read after so long, or at random up to a quarter sooner. Default: never so. */
  readonly lookMs?: number;
}

/**
 * The value now, and after each change. While the server is away nothing is yielded. Ends when `signal` aborts or
 * the client closes.
 * @throws {RedisFault} what does not pass by itself.
 */
export async function* watchValue<T>(
  client: RedisClient,
  listening: Listening,
  { channel, message, read, same, lookMs }: Watched<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const { clock, random } = client.runtime;
  if (signal.aborted) return;
  const asked = new Latest<true>(signal);
  const leave = listening.follow(channel, {
    onMessage: (text) => text === message && asked.set(true),
    onGap: () => asked.set(true),
    onFailure: (fault) => asked.fail(fault),
  });
  const look = () =>
    clock.setTimeout(
      () => {
        timer = look();
        asked.set(true);
      },
      (lookMs ?? 0) * (0.75 + random() / 4),
      { background: true },
    );
  let timer = lookMs === undefined ? undefined : look();
  try {
    let last: { readonly value: T } | undefined;
    let failures = 0;
    for await (const _ of asked) {
      try {
        const value = await read(signal);
        failures = 0;
        if (last === undefined || !same(last.value, value)) yield value;
        last = { value };
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof RedisFault) || !error.isTransient) throw error;
        await sleep(clock, backoffMs(failures++, random), signal, { background: true }).catch(() => {});
        asked.set(true);
      }
    }
  } finally {
    timer?.cancel();
    leave();
  }
}
