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
  type AlarmOptions,
  isZooKeeperError,
  watchData,
  watchStats,
  type ZooKeeperClient,
} from "@dubbo-ts/zookeeper-client";
import { failureOf, metadataError } from "./errors.js";
import { createWithParents, nodeAt } from "./nodes.js";
import {
  type ZooKeeperConnection,
  type ZooKeeperOptions,
  zookeeperConnection,
} from "./zookeeper-connection.js";

/**
 * The {@link MetadataReport} on ZooKeeper. Java and Go keep metadata under different paths and read their own only (app-level
 * discovery 7.2), so it is written to both and read from either.
 * @param options a connection that is shared is not closed with the report.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link zookeeperConnection}.
 */
export async function zookeeperMetadataReport(
  options: ZooKeeperOptions | { readonly connection: ZooKeeperConnection },
  runtime: Runtime = systemRuntime,
): Promise<MetadataReport> {
  if ("connection" in options) return new ZooKeeperMetadataReport(options.connection, false);
  return new ZooKeeperMetadataReport(await zookeeperConnection(options, runtime), true);
}

class ZooKeeperMetadataReport implements MetadataReport {
  readonly #client: ZooKeeperClient;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: ZooKeeperConnection,
    private readonly owned: boolean,
  ) {
    this.#client = connection.client;
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.connection.name, this.#client);
  }

  async publish(metadata: MetadataInfo, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { application, revision } = metadata;
    const data = Buffer.from(JSON.stringify(encodeMetadata(metadata)), "utf8");
    await this.#translated(() =>
      Promise.all(this.#pathsOf(application, revision).map((path) => this.#put(path, data, signal))),
    );
  }

  async fetch(application: string, revision: string, signal: AbortSignal): Promise<MetadataInfo | undefined> {
    signal.throwIfAborted();
    const paths = this.#pathsOf(application, revision);
    const found = await this.#translated(async () => {
      const read = await Promise.all(paths.map((path) => this.#text(path, signal)));
      if (read.some((text) => text !== undefined)) return read;
      // The server asked may lag behind the one that it was published on.
      await this.#client.sync(this.connection.metadataRoot, { signal });
      return Promise.all(paths.map((path) => this.#text(path, signal)));
    });
    return firstReadable(application, revision, found);
  }

  async fetchDefinition(
    service: ServiceKey,
    application: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    signal.throwIfAborted();
    const path = this.#definitionPath(service, application);
    return this.#translated(() => this.#text(path, signal));
  }

  async *watchMetadata(
    application: string,
    revision: string,
    signal: AbortSignal,
  ): AsyncGenerator<boolean, void, undefined> {
    const paths = this.#pathsOf(application, revision);
    let last: boolean | undefined;
    const watching = (options: AlarmOptions) => watchStats(this.#client, paths, options);
    for await (const { value } of this.#watched(watching, signal)) {
      // For Java and for Go: one of them is not enough.
      const isThere = value.every((stat) => (stat?.dataLength ?? 0) > 0);
      if (isThere !== last) yield isThere;
      last = isThere;
    }
  }

  async readMapping(serviceInterface: string, signal: AbortSignal): Promise<MappingRecord> {
    signal.throwIfAborted();
    const path = this.#mappingPath(serviceInterface);
    return this.#translated(async () => {
      await this.#client.sync(path, { signal });
      const node = await nodeAt(this.#client, path, signal);
      return {
        applications: applicationsIn(node?.data.toString("utf8")),
        version: node === undefined ? undefined : String(node.stat.version),
      };
    });
  }

  async writeMapping(serviceInterface: string, next: MappingRecord, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const path = this.#mappingPath(serviceInterface);
    const data = Buffer.from(mappingText(next.applications), "utf8");
    return this.#translated(async () => {
      try {
        if (next.version === undefined) await createWithParents(this.#client, path, data, signal);
        else await this.#client.setData(path, data, Number(next.version), { signal });
        return true;
      } catch (error) {
        if (isZooKeeperError(error, "NODE_EXISTS", "BAD_VERSION", "NO_NODE")) return false;
        // The answer was lost: what is there tells whether it was done.
        if (!isZooKeeperError(error, "CONNECTION_LOSS")) throw error;
        return (await nodeAt(this.#client, path, signal))?.data.equals(data) ?? false;
      }
    });
  }

  async *watchMapping(
    serviceInterface: string,
    signal: AbortSignal,
  ): AsyncGenerator<ReadonlySet<string>, void, undefined> {
    const path = this.#mappingPath(serviceInterface);
    let last: string | undefined;
    const watching = (options: AlarmOptions) => watchData(this.#client, path, options);
    for await (const { value } of this.#watched(watching, signal)) {
      const applications = applicationsIn(value?.data.toString("utf8"));
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
  async *#watched<T>(
    watch: (options: AlarmOptions) => AsyncIterable<T>,
    signal: AbortSignal,
  ): AsyncGenerator<T, void, undefined> {
    const { resyncMs } = this.connection;
    const either = AbortSignal.any([signal, this.#closing.signal]);
    try {
      yield* watch({ signal: either, resyncMs, settleMs: 0 });
    } catch (error) {
      if (!this.#closing.signal.aborted) throw metadataError(this.connection.name, error);
    }
  }

  /** Java's path first, then Go's. Java drops a part that is there already: an application named `metadata`. */
  #pathsOf(application: string, revision: string): readonly string[] {
    const root = this.connection.metadataRoot;
    const name = partOf(application, "an application");
    const java = name === "metadata" ? `${root}/metadata` : `${root}/metadata/${name}`;
    const paths = [java, `${root}/${name}`].map((path) => `${path}/${partOf(revision, "a revision")}`);
    return [...new Set(paths)];
  }

  /** Java leaves out what is empty, and what is there already (app-level discovery 7.2). */
  #definitionPath({ serviceInterface, version, group }: ServiceKey, application: string): string {
    const parts = [partOf(serviceInterface, "an interface"), version, group, "provider", application];
    const kept = new Set(["metadata", ...parts.filter((part) => part !== "")]);
    return `${this.connection.metadataRoot}/${[...kept].map((part) => partOf(part, "a node")).join("/")}`;
  }

  #mappingPath(serviceInterface: string): string {
    return `${this.connection.metadataRoot}/mapping/${partOf(serviceInterface, "an interface")}`;
  }

  /** What a revision stands for never changes: only a node that is missing or blank is written, as in Java. */
  async #put(path: string, data: Buffer, signal: AbortSignal): Promise<void> {
    for (;;) {
      const node = await nodeAt(this.#client, path, signal);
      if (node !== undefined && node.data.toString("utf8").trim() !== "") return;
      try {
        if (node === undefined) await createWithParents(this.#client, path, data, signal);
        else await this.#client.setData(path, data, node.stat.version, { signal });
      } catch (error) {
        // Somebody else was quicker, or the answer was lost: look again.
        if (!isZooKeeperError(error, "NODE_EXISTS", "NO_NODE", "BAD_VERSION", "CONNECTION_LOSS")) throw error;
      }
    }
  }

  async #text(path: string, signal: AbortSignal): Promise<string | undefined> {
    const text = (await nodeAt(this.#client, path, signal))?.data.toString("utf8");
    return text?.trim() === "" ? undefined : text;
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw metadataError(this.connection.name, error);
    }
  }
}

/** @throws {MetadataError} METADATA_INVALID: nothing among `texts` is metadata, though something is there. */
function firstReadable(
  application: string,
  revision: string,
  texts: readonly (string | undefined)[],
): MetadataInfo | undefined {
  let failure: unknown;
  for (const text of texts) {
    if (text === undefined) continue;
    try {
      return decodeMetadata(application, revision, text);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return undefined;
}

/** @throws {MetadataError} METADATA_INVALID: it cannot be the name of a node. */
function partOf(text: string, what: string): string {
  if (["", ".", ".."].includes(text) || text.includes("/"))
    throw new MetadataError("METADATA_INVALID", `${JSON.stringify(text)} is no name of ${what}`);
  return text;
}
