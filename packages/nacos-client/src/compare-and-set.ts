import { type Body, textOf } from "./body.js";
import { md5Of } from "./config-key.js";
import { type Connection, tries } from "./connection.js";
import { isPermanent, NacosError } from "./nacos-error.js";
import { bodyOfReply, hasBeenOvertaken, isContended, type Reply } from "./reply.js";
import type { Session } from "./session.js";
import { backoffMs, pause } from "./waiting.js";

/** How long a published value may take to become readable: 30 to 140 ms, once 1.1 s, were seen (nacos-server 8). */
const readableWithinMs = 3_000;

/** The `casMd5` of nothing, since no md5 is that: Nacos inserts if the row is absent, and compares in vain if not (registries A1.7). */
export const absentMd5 = "0";

/** A conditional write, and how it is made. */
export interface ConditionalWrite {
  readonly connection: Connection;
  /** For messages: `publishing a@@b`. */
  readonly what: string;
  /** Has `content` and `casMd5`. */
  readonly body: Body;
  readonly send: (session: Session) => Promise<Reply>;
  /** The md5 of what can be read now, undefined when there is nothing. */
  readonly read: () => Promise<string | undefined>;
}

/**
 * One try that the server took, since a second one would lose against the first. Servers lie: Nacos 2.3 may tell two inserters that
 * they won, and r-nacos compares nothing. So what counts is what can be read afterwards (registries A1.7).
 * @throws {NacosError} TIMEOUT: not readable within 3 s; and what the write itself throws. @throws `signal.reason`.
 */
export async function compareAndSet(write: ConditionalWrite, signal: AbortSignal): Promise<boolean> {
  const outcome = await writeOnce(write, signal);
  return outcome === "lost" ? false : await isReadable(write, outcome.unsure, signal);
}

/** `unsure`: why nobody knows whether it was done; undefined when the server said that it was. */
async function writeOnce(
  { connection, what, send }: ConditionalWrite,
  signal: AbortSignal,
): Promise<"lost" | { readonly unsure: unknown }> {
  const { environment } = connection.settings;
  for (let failures = 1; ; failures += 1) {
    const session = await connection.ready(signal);
    try {
      const reply = await send(session);
      if (hasLost(reply)) return "lost";
      if (isContended(reply) && failures < tries) {
        await pause(environment.clock, backoffMs(failures, environment.random, 100, 1_000), [signal]);
        signal.throwIfAborted();
        continue;
      }
      bodyOfReply(reply, what);
      return { unsure: undefined };
    } catch (error) {
      signal.throwIfAborted();
      const wasNotDone =
        !(error instanceof NacosError) || error.serverCode !== undefined || isPermanent(error);
      const isUnknownConnection = error instanceof NacosError && error.serverCode === 301;
      if (isUnknownConnection && failures === 1) continue;
      if (wasNotDone) throw error;
      return { unsure: error };
    }
  }
}

async function isReadable(
  { connection, what, body, read }: ConditionalWrite,
  unsure: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock } = connection.settings.environment;
  const until = clock.monotonicMs() + readableWithinMs;
  const wanted = md5Of(textOf(body, "content"));
  for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 200)) {
    const md5 = await read();
    if (md5 === wanted) return true;
    if (md5 !== undefined && md5 !== textOf(body, "casMd5")) return false;
    if (clock.monotonicMs() >= until) break;
    await pause(clock, waitMs, [signal, connection.signal]);
    signal.throwIfAborted();
  }
  throw unsure ?? new NacosError("TIMEOUT", `${what}: not readable within ${readableWithinMs} ms`);
}

function hasLost(reply: Reply): boolean {
  const { ok, errorCode, message } = reply;
  const isCas = errorCode === 409 || errorCode === 410 || (errorCode === 500 && /cas/i.test(message));
  return !ok && (isCas || hasBeenOvertaken(reply));
}
