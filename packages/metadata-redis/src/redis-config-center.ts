import { createHash } from "node:crypto";
import {
  checkConfigItem,
  type ConfigCenter,
  type ConfigItem,
  type ConfigRecord,
  type ExpectedVersion,
} from "@dubbo-ts/config";
import { type RegistryError, type Runtime, systemRuntime } from "@dubbo-ts/core";
import { compareAndSet, transaction } from "./compare-and-set.js";
import { failureOf, registryError } from "./errors.js";
import type { RedisClient } from "./redis-client.js";
import { type RedisConnection, redisConnection } from "./redis-connection.js";
import type { RedisOptions } from "./redis-settings.js";
import { watchValue } from "./watch-value.js";

/**
 * The {@link ConfigCenter} on Redis. Dubbo for Java has none there, so the layout is our own: the paths of ZooKeeper and etcd,
 * `/dubbo/config/{group}/{key}`, as keys of texts, and changes told on the channel `/dubbo/config`, the message being
 * `{group}/{key}`.
 * @param options a connection that is shared is not closed with the config center.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link redisConnection}.
 */
export async function redisConfigCenter(
  options: RedisOptions | { readonly connection: RedisConnection },
  runtime: Runtime = systemRuntime,
): Promise<ConfigCenter> {
  if ("connection" in options) return new RedisConfigCenter(options.connection, false);
  return new RedisConfigCenter(await redisConnection(options, runtime), true);
}

class RedisConfigCenter implements ConfigCenter {
  readonly #client: RedisClient;
  readonly #closing = new AbortController();
  readonly #root: string;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: RedisConnection,
    private readonly owned: boolean,
  ) {
    this.#client = connection.client;
    this.#root = this.#client.settings.configRoot;
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.connection.name, this.#client);
  }

  get name(): string {
    return this.connection.name;
  }

  async get(item: ConfigItem, signal: AbortSignal): Promise<ConfigRecord | undefined> {
    signal.throwIfAborted();
    const place = this.#placeOf(item);
    return this.#translated(async () => recordOf(await this.#text(place, signal)));
  }

  async publish(
    item: ConfigItem,
    text: string,
    signal: AbortSignal,
    expected?: ExpectedVersion,
  ): Promise<boolean> {
    signal.throwIfAborted();
    const place = this.#placeOf(item);
    const key = this.#keyOf(place);
    const write = [
      ["set", key, text],
      ["publish", this.#root, place],
    ] as const;
    if (expected === undefined) {
      await this.#translated(() => this.#together(key, write, signal));
      return true;
    }
    const isExpected = (found: string | null) =>
      expected === "absent" ? found === null : recordOf(found)?.version === expected.version;
    const change = { key, read: ["get", key] as const, isExpected, next: text, write };
    return this.#translated(() => compareAndSet(this.#client, change, signal));
  }

  async remove(item: ConfigItem, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const place = this.#placeOf(item);
    const key = this.#keyOf(place);
    const write = [
      ["del", key],
      ["publish", this.#root, place],
    ] as const;
    await this.#translated(() => this.#together(key, write, signal));
  }

  async *watch(
    item: ConfigItem,
    signal: AbortSignal,
  ): AsyncGenerator<ConfigRecord | undefined, void, undefined> {
    const place = this.#placeOf(item);
    const either = AbortSignal.any([signal, this.#closing.signal, this.#client.closing]);
    const watched = {
      channel: this.#root,
      message: place,
      read: (limit: AbortSignal) => this.#text(place, limit),
      same: (one: string | null, other: string | null) => one === other,
    };
    try {
      for await (const text of watchValue(this.#client, this.connection.listening, watched, either))
        yield recordOf(text);
    } catch (error) {
      if (!either.aborted) throw registryError(this.name, error);
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

  /** `{group}/{key}`. @throws {RegistryError} REGISTRY_REFUSED: that can be no key or group. */
  #placeOf(item: ConfigItem): string {
    checkConfigItem(item, this.name);
    return `${item.group}/${item.key}`;
  }

  async #text(place: string, signal: AbortSignal): Promise<string | null> {
    const key = this.#keyOf(place);
    const found = await this.#client.call(key, ["get", key], signal);
    return typeof found === "string" ? found : null;
  }

  #together(key: string, write: Parameters<typeof transaction>[1], signal: AbortSignal): Promise<boolean> {
    return this.#client.exclusive(key, signal, (link, limit) => transaction(link, write, limit));
  }

  #keyOf(place: string): string {
    return `${this.#root}/${place}`;
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw registryError(this.name, error);
    }
  }
}

/** The version is a hash of the text: Redis counts no changes of a key. */
function recordOf(text: string | null): ConfigRecord | undefined {
  if (text === null) return undefined;
  return { text, version: createHash("sha256").update(text).digest("hex") };
}
