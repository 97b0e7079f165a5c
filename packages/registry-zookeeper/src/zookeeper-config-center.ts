import { type RegistryError, type Runtime, systemRuntime } from "@dubbo-ts/core";
import {
  changedRecords,
  checkConfigItem,
  type ConfigCenter,
  type ConfigItem,
  type ConfigRecord,
  type ExpectedVersion,
} from "@dubbo-ts/config";
import { isZooKeeperError, type NodeData, watchData, type ZooKeeperClient } from "@dubbo-ts/zookeeper-client";
import { createWithParents, nodeAt } from "./nodes.js";
import { failureOf, registryError } from "./errors.js";
import {
  type ZooKeeperConnection,
  type ZooKeeperOptions,
  zookeeperConnection,
} from "./zookeeper-connection.js";

/**
 * The {@link ConfigCenter} on ZooKeeper, in the layout of Java and Go: `/dubbo/config/{group}/{key}`, the first part
 * moved by the namespace, else by the registry's group (`TreePathDynamicConfiguration.java`).
 * A record's version is the transaction that wrote it. ZooKeeper keeps no history.
 * @param options a connection that is shared is not closed with the config center.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link zookeeperConnection}.
 */
export async function zookeeperConfigCenter(
  options: ZooKeeperOptions | { readonly connection: ZooKeeperConnection },
  runtime: Runtime = systemRuntime,
): Promise<ConfigCenter> {
  if ("connection" in options) return new ZooKeeperConfigCenter(options.connection, false);
  return new ZooKeeperConfigCenter(await zookeeperConnection(options, runtime), true);
}

class ZooKeeperConfigCenter implements ConfigCenter {
  readonly name: string;
  readonly #client: ZooKeeperClient;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: ZooKeeperConnection,
    private readonly owned: boolean,
  ) {
    this.name = connection.name;
    this.#client = connection.client;
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.connection.name, this.#client);
  }

  async get(item: ConfigItem, signal: AbortSignal): Promise<ConfigRecord | undefined> {
    return this.#at(item, signal, async (path) => {
      // The server asked may lag behind the one that it was written on.
      await this.#client.sync(path, { signal });
      return recordOf(await nodeAt(this.#client, path, signal));
    });
  }

  async publish(
    item: ConfigItem,
    text: string,
    signal: AbortSignal,
    expected?: ExpectedVersion,
  ): Promise<boolean> {
    return this.#at(item, signal, async (path) => {
      const data = Buffer.from(text, "utf8");
      try {
        if (expected === "absent") await createWithParents(this.#client, path, data, signal);
        else if (expected === undefined) await this.#put(path, data, signal);
        else return await this.#replace(path, data, expected.version, signal);
        return true;
      } catch (error) {
        if (isZooKeeperError(error, "NODE_EXISTS", "BAD_VERSION", "NO_NODE")) return false;
        // The answer was lost: what is there tells whether it was done.
        if (!isZooKeeperError(error, "CONNECTION_LOSS")) throw error;
        return (await nodeAt(this.#client, path, signal))?.data.equals(data) ?? false;
      }
    });
  }

  async remove(item: ConfigItem, signal: AbortSignal): Promise<void> {
    await this.#at(item, signal, async (path) => {
      for (;;) {
        try {
          return await this.#client.delete(path, -1, { signal });
        } catch (error) {
          if (isZooKeeperError(error, "NO_NODE")) return;
          // The answer was lost: removing what is removed is no harm.
          if (!isZooKeeperError(error, "CONNECTION_LOSS")) throw error;
        }
      }
    });
  }

  async *watch(
    item: ConfigItem,
    signal: AbortSignal,
  ): AsyncGenerator<ConfigRecord | undefined, void, undefined> {
    const path = this.#pathOf(item);
    const { resyncMs } = this.connection;
    const either = AbortSignal.any([signal, this.#closing.signal]);
    try {
      const states = watchData(this.#client, path, { signal: either, resyncMs, settleMs: 0 });
      yield* changedRecords(states, ({ value }) => recordOf(value));
    } catch (error) {
      if (!this.#closing.signal.aborted) throw registryError(this.name, error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    if (this.owned) await this.connection[Symbol.asyncDispose]();
  }

  async #put(path: string, data: Buffer, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#client.setData(path, data, -1, { signal });
        return;
      } catch (error) {
        if (isZooKeeperError(error, "CONNECTION_LOSS")) continue;
        if (!isZooKeeperError(error, "NO_NODE")) throw error;
      }
      try {
        return await createWithParents(this.#client, path, data, signal);
      } catch (error) {
        // Somebody else was quicker, or the answer was lost: written over.
        if (!isZooKeeperError(error, "NODE_EXISTS", "CONNECTION_LOSS")) throw error;
      }
    }
  }

  /** A node's own version begins anew when it is made anew, a transaction's number never comes twice. */
  async #replace(path: string, data: Buffer, version: string, signal: AbortSignal): Promise<boolean> {
    await this.#client.sync(path, { signal });
    const node = await nodeAt(this.#client, path, signal);
    if (recordOf(node)?.version !== version) return false;
    await this.#client.setData(path, data, node?.stat.version, { signal });
    return true;
  }

  /** Java takes a key with slashes as a deeper path, and so do we. */
  #pathOf(item: ConfigItem): string {
    checkConfigItem(item, this.name);
    return `${this.connection.configRoot}/${item.group}/${item.key}`;
  }

  async #at<T>(item: ConfigItem, signal: AbortSignal, work: (path: string) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const path = this.#pathOf(item);
    try {
      return await work(path);
    } catch (error) {
      throw registryError(this.name, error);
    }
  }
}

function recordOf(node: NodeData): ConfigRecord | undefined {
  if (node === undefined) return undefined;
  return { text: node.data.toString("utf8"), version: String(node.stat.mzxid) };
}
