import {
  ensurePath,
  isZooKeeperError,
  type NodeData,
  type ZooKeeperClient,
} from "@dubbo-ts/zookeeper-client";

/** What is at `path`; undefined: no such node. */
export async function nodeAt(client: ZooKeeperClient, path: string, signal: AbortSignal): Promise<NodeData> {
  try {
    return await client.getData(path, { signal });
  } catch (error) {
    if (isZooKeeperError(error, "NO_NODE")) return undefined;
    throw error;
  }
}

/** Makes a persistent node, and what is missing above it. Fails with NODE_EXISTS. */
export async function createWithParents(
  client: ZooKeeperClient,
  path: string,
  data: Buffer,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(path, data, { signal });
  } catch (error) {
    if (!isZooKeeperError(error, "NO_NODE")) throw error;
    await ensurePath(client, path.slice(0, path.lastIndexOf("/")), "persistent", { signal });
    await client.create(path, data, { signal });
  }
}
