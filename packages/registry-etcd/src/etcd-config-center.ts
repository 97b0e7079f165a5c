import {
  changedRecords,
  checkConfigItem,
  type ConfigCenter,
  type ConfigItem,
  type ConfigRecord,
  type ExpectedVersion,
} from "@dubbo-ts/config";
import { type RegistryError, type Runtime, systemRuntime } from "@dubbo-ts/core";
import { type EtcdClient, isEtcdError, type KeyValue, watchKeys } from "@dubbo-ts/etcd-client";
import { failureOf, registryError } from "./errors.js";
import { type EtcdConnection, etcdConnection, type EtcdOptions } from "./etcd-connection.js";

/**
 * The {@link ConfigCenter} on etcd: `/dubbo/config/{group}/{key}`, keys without a lease, in the layout that Java and Go have on
 * ZooKeeper; neither has a config center on etcd of its own. A record's version is the revision that wrote it. What a
 * revision wrote is kept until etcd compacts it, so no history is promised.
 * @param options a connection that is shared is not closed with the config center.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link etcdConnection}.
 */
export async function etcdConfigCenter(
  options: EtcdOptions | { readonly connection: EtcdConnection },
  runtime: Runtime = systemRuntime,
): Promise<ConfigCenter> {
  if ("connection" in options) return new EtcdConfigCenter(options.connection, false);
  return new EtcdConfigCenter(await etcdConnection(options, runtime), true);
}

class EtcdConfigCenter implements ConfigCenter {
  readonly name: string;
  readonly #client: EtcdClient;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: EtcdConnection,
    private readonly owned: boolean,
  ) {
    this.name = connection.name;
    this.#client = connection.client;
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.connection.name, this.#client);
  }

  async get(item: ConfigItem, signal: AbortSignal): Promise<ConfigRecord | undefined> {
    return this.#at(item, signal, async (key) => recordOf(await this.#client.get(key, { signal })));
  }

  async publish(
    item: ConfigItem,
    text: string,
    signal: AbortSignal,
    expected?: ExpectedVersion,
  ): Promise<boolean> {
    return this.#at(item, signal, async (key) => {
      const compare = expected === undefined ? [] : [{ key, modRevision: revisionOf(expected) }];
      const success = [{ type: "put" as const, key, value: text }];
      try {
        return (await this.#client.txn({ compare, success }, { signal })).succeeded;
      } catch (error) {
        // The answer was lost: what is there tells whether it was done.
        if (!isEtcdError(error, "UNAVAILABLE", "TIMEOUT") || signal.aborted) throw error;
        const found = recordOf(await this.#client.get(key, { signal }));
        if (found?.text === text) return true;
        if (expected === undefined || isStill(found, expected)) throw error;
        return false;
      }
    });
  }

  async remove(item: ConfigItem, signal: AbortSignal): Promise<void> {
    await this.#at(item, signal, (key) => this.#client.delete({ key }, { signal }));
  }

  async *watch(
    item: ConfigItem,
    signal: AbortSignal,
  ): AsyncGenerator<ConfigRecord | undefined, void, undefined> {
    const key = this.#keyOf(item);
    const { resyncMs } = this.connection;
    const either = AbortSignal.any([signal, this.#closing.signal]);
    try {
      const states = watchKeys(this.#client, { key }, { signal: either, resyncMs, settleMs: 0 });
      yield* changedRecords(states, ({ entries }) => recordOf(entries.get(key)));
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

  #keyOf(item: ConfigItem): string {
    checkConfigItem(item, this.name);
    return `${this.connection.configRoot}${item.group}/${item.key}`;
  }

  async #at<T>(item: ConfigItem, signal: AbortSignal, work: (key: string) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const key = this.#keyOf(item);
    try {
      return await work(key);
    } catch (error) {
      throw registryError(this.name, error);
    }
  }
}

function recordOf(entry: KeyValue | undefined): ConfigRecord | undefined {
  if (entry === undefined) return undefined;
  return { text: entry.value.toString("utf8"), version: entry.modRevision.toString() };
}

/** 0 is the revision of what is not there; a version of another store is none that was. */
function revisionOf(expected: ExpectedVersion): bigint {
  if (expected === "absent") return 0n;
  return /^\d{1,18}$/.test(expected.version) ? BigInt(expected.version) || -1n : -1n;
}

function isStill(found: ConfigRecord | undefined, expected: ExpectedVersion): boolean {
  return expected === "absent" ? found === undefined : found?.version === expected.version;
}
