import type { Logger } from "@dubbo-ts/core";
import { RedisFault } from "./fault.js";
import type { Command, Link, Reply } from "./link.js";
import { nodeText } from "./redis-address.js";
import type { Credentials } from "./redis-settings.js";

/** What a link is for. */
export interface Greeting {
  readonly credentials: Credentials;
  readonly database: number;
  /** What the server has to be. */
  readonly expected: "mono" | "sentinel" | "cluster";
  readonly log: Logger;
}

/** Older ones answer no PING on a connection that hears channels, and so cannot be watched for life. */
const oldestVersion = 3;

/** What to do when the server is another than `expected`. */
const advice = {
  sentinel: "is a Sentinel: name it with redis-client=sentinel and master.name=…",
  cluster: "belongs to a cluster: name it with redis-client=cluster",
  mono: "is a single server: leave redis-client and cluster out",
} as const;

/**
 * Makes sure that a Redis answers that can be used, logs in and chooses the database. The password is sent only to
 * what has answered as a Redis does.
 * @throws {RedisFault} `wrong-server`, `auth`, `refused`, or the reason of `signal`.
 */
export async function greet(link: Link, greeting: Greeting, signal: AbortSignal): Promise<void> {
  const { credentials, database, expected, log } = greeting;
  const where = nodeText(link.node);
  const pong = await answer(link, ["ping"], signal, "auth", "denied");
  if (pong !== undefined && pong !== "PONG") throw wrong(where, "answers, but not as a Redis");
  if (credentials.password !== undefined) await logIn(link, credentials, log, signal);
  else if (pong === undefined) await mustAnswer(link, signal);
  if (database !== 0) await link.call(["select", database], signal);
  const facts = factsOf(await answer(link, ["info", "server"], signal, "denied", "refused"));
  const major = Number.parseInt(facts.get("redis_version") ?? "", 10);
  if (major < oldestVersion)
    throw wrong(where, `Redis ${facts.get("redis_version")} is too old, ${oldestVersion}.0 is needed`);
  const mode = facts.get("redis_mode") === "standalone" ? "mono" : facts.get("redis_mode");
  if ((mode === "mono" || mode === "sentinel" || mode === "cluster") && mode !== expected)
    throw wrong(where, advice[mode]);
}

async function logIn(
  link: Link,
  { username, password = "" }: Credentials,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    await link.call(username === undefined ? ["auth", password] : ["auth", username, password], signal);
  } catch (error) {
    if (!(error instanceof RedisFault)) throw error;
    const where = nodeText(link.node);
    if (/no password is set|without any password configured/i.test(error.message))
      return log.warn({ server: where }, "a password is configured, but the server asks for none");
    if (/wrong number of arguments/i.test(error.message))
      throw new RedisFault("auth", `${where}: a user needs Redis 6: leave it out, keep the password`);
    throw error.kind === "refused" ? new RedisFault("auth", error.message) : error;
  }
}

/** @throws {RedisFault} `auth`: a password is needed, and none is configured. */
async function mustAnswer(link: Link, signal: AbortSignal): Promise<void> {
  await answer(link, ["ping"], signal, "denied");
}

/** Undefined: it failed in one of the ways that are no matter. */
async function answer(
  link: Link,
  command: Command,
  signal: AbortSignal,
  ...ignored: RedisFault["kind"][]
): Promise<Reply | undefined> {
  try {
    return await link.call(command, signal);
  } catch (error) {
    if (error instanceof RedisFault && ignored.includes(error.kind)) return undefined;
    throw error;
  }
}

/** `key:value` lines. Empty where INFO is not allowed. */
function factsOf(info: Reply | undefined): ReadonlyMap<string, string> {
  const lines = typeof info === "string" ? info.split(/\r?\n/) : [];
  return new Map(lines.map((line) => [line.split(":", 1)[0] ?? "", line.slice(line.indexOf(":") + 1)]));
}

function wrong(where: string, why: string): RedisFault {
  return new RedisFault("wrong-server", `${where} ${why}`);
}
