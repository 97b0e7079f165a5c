import { RegistryError } from "@dubbo-ts/core";

/**
 * A source of settings that change while the program runs. Every store keeps texts under a key and a group, as
 * Java's and Go's do (app-level discovery 10): dataId and group in Nacos, `/{root}/config/{group}/{key}` in
 * ZooKeeper and etcd.
 */
export interface ConfigCenter extends AsyncDisposable {
  /** For people: the scheme and where it is, without secrets: `nacos://127.0.0.1:8848`. */
  readonly name: string;
  /**
   * Why the server cannot be used at this moment, as far as that is known. What has waited in vain says it: a deadline
   * alone does not tell a wrong address from a slow server. Undefined: nothing is known to be wrong.
   */
  readonly failure?: RegistryError | undefined;
  /**
   * Reads the item from the server; undefined when there is none.
   * @throws {RegistryError} REGISTRY_UNAVAILABLE: no answer before `signal` aborted; REGISTRY_REFUSED;
   *   REGISTRY_AUTH_FAILED.
   */
  get(item: ConfigItem, signal: AbortSignal): Promise<ConfigRecord | undefined>;
  /**
   * Writes `text`. With `expected` only over the record of that version, or over none (`"absent"`).
   * @returns false when another writer came first, or, where the store tells no more, right after: read again.
   * @throws as {@link ConfigCenter.get}.
   */
  publish(item: ConfigItem, text: string, signal: AbortSignal, expected?: ExpectedVersion): Promise<boolean>;
  /**
   * Removes the item; one that is not there is removed already.
   * @throws as {@link ConfigCenter.get}.
   */
  remove(item: ConfigItem, signal: AbortSignal): Promise<void>;
  /**
   * Yields the record, undefined when there is none, then again after each change. A slow reader skips records but
   * gets the latest; what stayed the same is not yielded again, a lost connection included. While the server is
   * away nothing is yielded. Ends when `signal` aborts.
   */
  watch(item: ConfigItem, signal: AbortSignal): AsyncIterable<ConfigRecord | undefined>;
  /**
   * Earlier records of the item, the newest first. Left out where the store keeps none.
   * @throws as {@link ConfigCenter.get}.
   */
  history?(item: ConfigItem, signal: AbortSignal): Promise<readonly PastConfigRecord[]>;
}

/** Where a text is kept. */
export interface ConfigItem {
  /** `dubbo.properties`, `demo-app.configurators`. */
  readonly key: string;
  /** `dubbo`, or the name of an application. */
  readonly group: string;
}

/** A text, and what the store compares when it is written. */
export interface ConfigRecord {
  readonly text: string;
  /** md5 in Nacos, version in ZooKeeper, mod revision in etcd. Opaque, equal for equal states of the store. */
  readonly version: string;
}

/** What a record was before. */
export interface PastConfigRecord extends ConfigRecord {
  /** When it was written, ms since 1970. Undefined: the store does not say. */
  readonly writtenAtMs: number | undefined;
}

/** What a writer takes to be there: the version that it read, or nothing. */
export type ExpectedVersion = { readonly version: string } | "absent";

/**
 * For adapters: what no store can keep, whatever else it refuses.
 * @param name of the config center, for the message.
 * @throws {RegistryError} REGISTRY_REFUSED: key or group is blank.
 */
export function checkConfigItem({ key, group }: ConfigItem, name: string): void {
  if (key.trim() === "" || group.trim() === "")
    throw new RegistryError(
      "REGISTRY_REFUSED",
      `${name}: an item needs a key and a group: ${JSON.stringify({ key, group })}`,
    );
}
