import { RedisFault } from "./fault.js";
import type { Command, Link, Reply } from "./link.js";
import type { RedisNode } from "./redis-address.js";

/**
 * Asks a Sentinel where the master is.
 * @throws {RedisFault} `refused`: it watches no master of that name, and which it does; others see {@link Link.call}.
 */
export async function masterAt(sentinel: Link, masterName: string, signal: AbortSignal): Promise<RedisNode> {
  const found = await sentinel.call(["sentinel", "get-master-addr-by-name", masterName], signal);
  if (Array.isArray(found)) return { host: String(found[0]), port: Number(found[1]) };
  const masters = await sentinel.call(["sentinel", "masters"], signal);
  const names = (Array.isArray(masters) ? masters : []).map((fields: Reply) => fieldOf(fields, "name"));
  const known = names.length === 0 ? "none" : names.join(", ");
  throw new RedisFault(
    "refused",
    `the Sentinels watch no master ${JSON.stringify(masterName)}; they watch: ${known}`,
  );
}

/**
 * Makes sure that a link leads to a master: for a moment after a fail-over a Sentinel may still name the old one.
 * @throws {RedisFault} `busy`.
 */
export async function mustBeMaster(link: Link, signal: AbortSignal): Promise<void> {
  const role = await optional(link, ["role"], signal);
  if (Array.isArray(role) && role[0] !== "master")
    throw new RedisFault("busy", "the Sentinels still name a server that is no master any more");
}

/** The members of a cluster that `link` knows: masters and replicas. Empty where asking is not allowed. */
export async function membersOf(link: Link, signal: AbortSignal): Promise<readonly RedisNode[]> {
  const slots = await optional(link, ["cluster", "slots"], signal);
  if (!Array.isArray(slots)) return [];
  const members = slots.flatMap((range: Reply) => (Array.isArray(range) ? range.slice(2) : []));
  return members.map(([host, port]: Reply[]) => ({
    host: String(host ?? "") || link.node.host,
    port: Number(port),
  }));
}

/** Undefined where a user may not ask. */
async function optional(link: Link, command: Command, signal: AbortSignal): Promise<Reply | undefined> {
  try {
    return await link.call(command, signal);
  } catch (error) {
    if (error instanceof RedisFault && error.kind === "denied") return undefined;
    throw error;
  }
}

/** A field of a map that RESP 2 writes as a list. */
function fieldOf(fields: Reply, name: string): string {
  const list = Array.isArray(fields) ? fields : [];
  return String(list[list.indexOf(name) + 1]);
}
