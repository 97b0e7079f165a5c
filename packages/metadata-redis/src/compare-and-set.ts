import { backoffMs, sleep } from "@dubbo-ts/core";
import { RedisFault } from "./fault.js";
import type { Command, Link, Reply } from "./link.js";
import type { RedisClient } from "./redis-client.js";

/** A change of one text under the condition that it is what it was. */
export interface Change {
  /** What is watched. */
  readonly key: string;
  /** Gives the text, or null. */
  readonly read: Command;
  /** Whether the text is what the writer takes it for. */
  readonly isExpected: (text: string | null) => boolean;
  /** What `read` gives afterwards. */
  readonly next: string | null;
  /** Sent as one transaction. */
  readonly write: readonly Command[];
}

/**
 * WATCH, read, MULTI, write, EXEC (registries D1). Somebody else's write to another field of the same hash breaks the
 * transaction too: then it is begun anew, and that is nobody's conflict.
 * @returns false when the text is not the expected one.
 * @throws {RedisFault}, or the reason of `signal`.
 */
export async function compareAndSet(
  client: RedisClient,
  change: Change,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, random } = client.runtime;
  // Between a lost answer and the next attempt the text tells whether it was done.
  const attempts = { sent: false };
  for (let broken = 0; ; broken++) {
    const done = await client.exclusive(change.key, signal, (link, limit) =>
      attempt(link, change, attempts, limit),
    );
    if (done !== undefined) return done;
    await sleep(clock, backoffMs(broken, random, { baseMs: 5, capMs: 50 }), signal, { background: true });
  }
}

/** Undefined: somebody wrote meanwhile. */
async function attempt(
  link: Link,
  { key, read, isExpected, next, write }: Change,
  attempts: { sent: boolean },
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const [, text] = await Promise.all([link.call(["watch", key], signal), link.call(read, signal)]);
  if (text !== null && typeof text !== "string") throw new RedisFault("refused", `${key} holds no text`);
  if (attempts.sent && text === next) return unwatched(link, true, signal);
  if (!isExpected(text)) return unwatched(link, false, signal);
  attempts.sent = true;
  const done = await transaction(link, write, signal);
  if (!done) attempts.sent = false;
  return done ? true : undefined;
}

async function unwatched(link: Link, outcome: boolean, signal: AbortSignal): Promise<boolean> {
  await link.call(["unwatch"], signal);
  return outcome;
}

/** Sends `commands` as one. False: what is watched was written by somebody else. @throws {RedisFault} the first that was refused. */
export async function transaction(
  link: Link,
  commands: readonly Command[],
  signal: AbortSignal,
): Promise<boolean> {
  const all: readonly Command[] = [["multi"], ...commands, ["exec"]];
  const settled = await Promise.allSettled(all.map((command) => link.call(command, signal)));
  const refused = settled.find((one) => one.status === "rejected");
  if (refused !== undefined) throw refused.reason;
  const replies = (settled.at(-1) as PromiseFulfilledResult<Reply>).value;
  return replies !== null;
}
