import {
  decodeMetadata,
  encodeMetadata,
  MetadataError,
  type MetadataInfo,
  type RegistryError,
  type Runtime,
  type ServiceKey,
  systemRuntime,
} from "@dubbo-ts/core";
import { applicationsIn, type MappingRecord, mappingText, type MetadataReport } from "@dubbo-ts/metadata";
import {
  type EtcdClient,
  isEtcdError,
  type Snapshot,
  watchKeys,
  type WatchOptions,
} from "@dubbo-ts/etcd-client";
import { failureOf, metadataError } from "./errors.js";
import { type EtcdConnection, etcdConnection, type EtcdOptions } from "./etcd-connection.js";

/**
 * The {@link MetadataReport} on etcd, in the layout of dubbo-go (app-level discovery 5.1, 7.4): keys without a lease.
 * @param options a connection that is shared is not closed with the report.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link etcdConnection}.
 */
export async function etcdMetadataReport(
  options: EtcdOptions | { readonly connection: EtcdConnection },
  runtime: Runtime = systemRuntime,
): Promise<MetadataReport> {
  if ("connection" in options) return new EtcdMetadataReport(options.connection, false);
  return new EtcdMetadataReport(await etcdConnection(options, runtime), true);
}

class EtcdMetadataReport implements MetadataReport {
  readonly #client: EtcdClient;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: EtcdConnection,
    private readonly owned: boolean,
  ) {
    this.#client = connection.client;
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.connection.name, this.#client);
  }

  /** What a revision stands for never changes: only a key that is missing or blank is written. */
  async publish(metadata: MetadataInfo, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const key = this.#metadataKey(metadata.application, metadata.revision);
    const value = JSON.stringify(encodeMetadata(metadata));
    await this.#translated(async () => {
      const found = await this.#client.get(key, { signal });
      if (found !== undefined && found.value.toString("utf8").trim() !== "") return;
      // Whoever was quicker has written the same.
      await this.#write(key, value, found?.modRevision ?? 0n, signal);
    });
  }

  async fetch(application: string, revision: string, signal: AbortSignal): Promise<MetadataInfo | undefined> {
    signal.throwIfAborted();
    const text = await this.#text(this.#metadataKey(application, revision), signal);
    return text === undefined ? undefined : decodeMetadata(application, revision, text);
  }

  /** Java's adapter for etcd writes definitions and nothing else (app-level discovery 7.4). */
  async fetchDefinition(
    { serviceInterface, version, group }: ServiceKey,
    application: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    signal.throwIfAborted();
    const parts = [serviceInterface, version, group, "provider", application].filter((part) => part !== "");
    return this.#text(`${this.connection.metadataRoot}metadata/${parts.join("/")}`, signal);
  }

  async *watchMetadata(
    application: string,
    revision: string,
    signal: AbortSignal,
  ): AsyncGenerator<boolean, void, undefined> {
    const key = this.#metadataKey(application, revision);
    let last: boolean | undefined;
    for await (const { entries } of this.#watched(key, { signal, keysOnly: true })) {
      const isThere = entries.has(key);
      if (isThere !== last) yield isThere;
      last = isThere;
    }
  }

  async readMapping(serviceInterface: string, signal: AbortSignal): Promise<MappingRecord> {
    signal.throwIfAborted();
    const key = this.#mappingKey(serviceInterface);
    const found = await this.#translated(() => this.#client.get(key, { signal }));
    return {
      applications: applicationsIn(found?.value.toString("utf8")),
      version: found?.modRevision.toString(),
    };
  }

  async writeMapping(serviceInterface: string, next: MappingRecord, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const key = this.#mappingKey(serviceInterface);
    const value = mappingText(next.applications);
    return this.#translated(() => this.#write(key, value, BigInt(next.version ?? 0), signal));
  }

  async *watchMapping(
    serviceInterface: string,
    signal: AbortSignal,
  ): AsyncGenerator<ReadonlySet<string>, void, undefined> {
    const key = this.#mappingKey(serviceInterface);
    let last: string | undefined;
    for await (const { entries } of this.#watched(key, { signal })) {
      const applications = applicationsIn(entries.get(key)?.value.toString("utf8"));
      const text = mappingText(applications);
      if (text !== last) yield applications;
      last = text;
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

  /** Ends with the report too. */
  async *#watched(key: string, options: WatchOptions): AsyncGenerator<Snapshot, void, undefined> {
    const { resyncMs } = this.connection;
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    try {
      yield* watchKeys(this.#client, { key }, { ...options, signal, resyncMs, settleMs: 0 });
    } catch (error) {
      if (!this.#closing.signal.aborted) throw metadataError(this.connection.name, error);
    }
  }

  /** Compared with the key's own revision, never the store's: that is what keeps a second application out in Go (peers GB17). */
  async #write(key: string, value: string, modRevision: bigint, signal: AbortSignal): Promise<boolean> {
    try {
      const txn = { compare: [{ key, modRevision }], success: [{ type: "put" as const, key, value }] };
      return (await this.#client.txn(txn, { signal })).succeeded;
    } catch (error) {
      // The answer was lost: what is there tells whether it was done.
      if (!isEtcdError(error, "UNAVAILABLE", "TIMEOUT") || signal.aborted) throw error;
      const found = await this.#client.get(key, { signal });
      return found?.value.toString("utf8") === value;
    }
  }

  async #text(key: string, signal: AbortSignal): Promise<string | undefined> {
    const found = await this.#translated(() => this.#client.get(key, { signal }));
    const text = found?.value.toString("utf8");
    return text?.trim() === "" ? undefined : text;
  }

  #metadataKey(application: string, revision: string): string {
    return `${this.connection.metadataRoot}${partOf(application, "an application")}/${partOf(revision, "a revision")}`;
  }

  #mappingKey(serviceInterface: string): string {
    return `${this.connection.metadataRoot}mapping/${partOf(serviceInterface, "an interface")}`;
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw metadataError(this.connection.name, error);
    }
  }
}

/** @throws {MetadataError} METADATA_INVALID: it cannot be a part of a key. */
function partOf(text: string, what: string): string {
  if (text === "" || text.includes("/"))
    throw new MetadataError("METADATA_INVALID", `${JSON.stringify(text)} is no name of ${what}`);
  return text;
}
