import { deadline, type Runtime } from "@dubbo-ts/core";
import { RedisFault } from "./fault.js";
import { greet } from "./greeting.js";
import { Link } from "./link.js";
import { masterAt, membersOf, mustBeMaster } from "./master.js";
import { nodeText, type RedisNode } from "./redis-address.js";
import type { Credentials, RedisSettings } from "./redis-settings.js";

/** A link that is ready for commands, and the members of the cluster that its server knows. */
interface OpenedLink {
  readonly link: Link;
  readonly members: readonly RedisNode[];
}

/**
 * Opens a link to the server, to whoever the Sentinels call the master, or to a member of a cluster.
 * @param node the member; undefined where there is no cluster.
 * @throws {RedisFault}, or the reason of `signal`; nothing stays open then.
 */
export async function openLink(
  settings: RedisSettings,
  runtime: Runtime,
  node: RedisNode | undefined,
  signal: AbortSignal,
): Promise<OpenedLink> {
  const { mode, credentials, database, nodes } = settings;
  if (mode === "sentinel") return { link: await openMaster(settings, runtime, signal), members: [] };
  const [first] = nodes as readonly [RedisNode];
  const link = await greeted(settings, runtime, node ?? first, { credentials, database, mode }, signal);
  if (mode === "mono") return { link, members: [] };
  return { link, members: await orClosed(link, membersOf(link, signal)) };
}

/** Asks one Sentinel after the other; one that is lost does not matter while another answers. */
async function openMaster(settings: RedisSettings, runtime: Runtime, signal: AbortSignal): Promise<Link> {
  const { nodes, credentials, database } = settings;
  const begin = Math.floor(runtime.random() * nodes.length);
  let failure: unknown;
  for (const sentinel of [...nodes.slice(begin), ...nodes.slice(0, begin)])
    try {
      const node = await askSentinel(settings, runtime, sentinel, signal);
      const link = await greeted(settings, runtime, node, { credentials, database, mode: "mono" }, signal);
      await orClosed(link, mustBeMaster(link, signal));
      return link;
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  throw failure;
}

/** Where the master is. A Sentinel that does not answer is not to use up the time that the others need. */
async function askSentinel(
  settings: RedisSettings,
  runtime: Runtime,
  sentinel: RedisNode,
  signal: AbortSignal,
): Promise<RedisNode> {
  const { nodes, masterName, sentinelCredentials: credentials, callTimeoutMs } = settings;
  const ms = callTimeoutMs / (nodes.length + 1);
  const late = () =>
    new RedisFault("lost", `${nodeText(sentinel)} did not answer within ${Math.round(ms)} ms`);
  using limit = deadline(runtime.clock, ms, late, signal);
  const as = { credentials, database: 0, mode: "sentinel" } as const;
  const link = await greeted(settings, runtime, sentinel, as, limit.signal);
  return masterAt(link, masterName, limit.signal).finally(() => link.close());
}

/** Connected, logged in, and known to be what it is taken for. */
async function greeted(
  settings: RedisSettings,
  runtime: Runtime,
  node: RedisNode,
  as: { readonly credentials: Credentials; readonly database: number; readonly mode: RedisSettings["mode"] },
  signal: AbortSignal,
): Promise<Link> {
  const link = await Link.open(node, settings, runtime, signal);
  const { credentials, database, mode: expected } = as;
  await orClosed(link, greet(link, { credentials, database, expected, log: runtime.log }, signal));
  return link;
}

async function orClosed<T>(link: Link, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    link.close();
    throw error;
  }
}
