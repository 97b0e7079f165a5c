import type { AlarmOptions, Pass } from "./alarm.js";
import type { ZooKeeperClient } from "./client.js";
import { isZooKeeperError } from "./errors.js";
import { Floor } from "./floor.js";
import { type Followed, follow } from "./follow.js";
import type { KnownStrings } from "./known-strings.js";
import type { Stat } from "./records.js";

/** Children of a node at one moment; undefined: there is no such node. */
export type Children = { readonly names: readonly string[]; readonly stat: Stat } | undefined;

/** Data of a node at one moment; undefined: there is no such node. */
export type NodeData = { readonly data: Buffer; readonly stat: Stat } | undefined;

/** Yields the names of the children of `path`, sorted, now and after each change. See {@link follow}. */
export function watchChildren(
  client: ZooKeeperClient,
  path: string,
  options: AlarmOptions,
): AsyncIterable<Followed<Children>> {
  const floor = new Floor<NonNullable<Children>>(client);
  return follow(
    client,
    async (pass) => floor.keep(sorted(await readChildren(client, path, pass)), (it) => it.stat.pzxid),
    {
      ...options,
      same: (a, b) => a?.stat.czxid === b?.stat.czxid && a?.names.join("/") === b?.names.join("/"),
    },
  );
}

/** Yields the data of `path`, now and after each change. See {@link follow}. */
export function watchData(
  client: ZooKeeperClient,
  path: string,
  options: AlarmOptions,
): AsyncIterable<Followed<NodeData>> {
  const floor = new Floor<NonNullable<NodeData>>(client);
  return follow(
    client,
    async (pass) => floor.keep(await readData(client, path, pass), (it) => it.stat.mzxid),
    {
      ...options,
      same: (a, b) => a?.stat.mzxid === b?.stat.mzxid,
    },
  );
}

/** Yields what is known of each of `paths` beside its data, now and after each change. See {@link follow}. */
export function watchStats(
  client: ZooKeeperClient,
  paths: readonly string[],
  options: AlarmOptions,
): AsyncIterable<Followed<readonly (Stat | undefined)[]>> {
  return follow(client, (pass) => Promise.all(paths.map((path) => client.exists(path, pass))), {
    ...options,
    same: (a, b) => a.every((stat, index) => stat?.mzxid === b[index]?.mzxid),
  });
}

function sorted(children: Children): Children {
  return children && { ...children, names: [...children.names].sort() };
}

/**
 * The children in no order, with a watch on them, or undefined with a watch for the node's creation.
 * @param known where the names were read before, see {@link ReadChildrenOptions}.
 */
export async function readChildren(
  client: ZooKeeperClient,
  path: string,
  pass: Pass,
  known?: KnownStrings,
): Promise<Children> {
  return orMissing(client, path, pass, async () => {
    const { signal, watcher } = pass;
    const { children, stat } = await client.getChildren(path, { signal, watcher, known });
    return { names: children, stat };
  });
}

/** The data with a watch on it, or undefined with a watch for the node's creation. */
export async function readData(client: ZooKeeperClient, path: string, pass: Pass): Promise<NodeData> {
  return orMissing(client, path, pass, () => client.getData(path, pass));
}

async function orMissing<T>(
  client: ZooKeeperClient,
  path: string,
  pass: Pass,
  read: () => Promise<T>,
): Promise<T | undefined> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!isZooKeeperError(error, "NO_NODE")) throw error;
    }
    // The same watcher on both: what is created between the two steps is seen by the second.
    if ((await client.exists(path, pass)) === undefined) return undefined;
  }
}
