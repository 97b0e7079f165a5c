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
import { compareAndSet } from "./compare-and-set.js";
import { failureOf, metadataError } from "./errors.js";
import { putMetadata } from "./put-metadata.js";
import type { RedisClient } from "./redis-client.js";
import { type RedisConnection, redisConnection } from "./redis-connection.js";
import type { RedisOptions } from "./redis-settings.js";
import { Upkeep } from "./upkeep.js";
import { type Watched, watchValue } from "./watch-value.js";

/** How often a look is taken whether metadata are still there: Redis tells nobody that it was emptied. */
const lookMs = 8_000;

/** As many revisions stay answerable at a provider. */
const maxRevisions = 16;

/**
 * The {@link MetadataReport} on Redis, in the layout of Dubbo for Java's extension (app-level discovery 5.1, 7.3).
 * @param options a connection that is shared is not closed with the report.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link redisConnection}.
 */
export async function redisMetadataReport(
  options: RedisOptions | { readonly connection: RedisConnection },
  runtime: Runtime = systemRuntime,
): Promise<MetadataReport> {
  if ("connection" in options) return new RedisMetadataReport(options.connection, false);
  return new RedisMetadataReport(await redisConnection(options, runtime), true);
}

class RedisMetadataReport implements MetadataReport {
  readonly #client: RedisClient;
  readonly #upkeep: Upkeep;
  readonly #revisions = new Set<string>();
  /** What this process has added to which interface. */
  readonly #added = new Map<string, Set<string>>();
  readonly #closing = new AbortController();
  /** The hash of all mappings. */
  readonly #mapping: string;
  /** Where Java tells of a changed mapping: the message is the interface. */
  readonly #changes: string;
  /** Java ends keys so in a cluster. */
  readonly #suffix: string;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: RedisConnection,
    private readonly owned: boolean,
  ) {
    this.#client = connection.client;
    const { mappingKey, mode, resyncMs, expiryMs = Infinity } = this.#client.settings;
    this.#upkeep = new Upkeep(this.#client, Math.min(resyncMs, expiryMs / 3));
    this.#mapping = mappingKey;
    this.#changes = `${this.#mapping}:queues`;
    this.#suffix = mode === "cluster" ? ".metaData" : "";
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.connection.name, this.#client);
  }

  async publish(metadata: MetadataInfo, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const key = this.#keyOf(metadata.application, metadata.revision);
    const text = JSON.stringify(encodeMetadata(metadata));
    const put = (limit: AbortSignal) => putMetadata(this.#client, key, text, limit);
    await this.#translated(() => put(signal));
    this.#upkeep.keep(key, put, true);
    this.#revisions.delete(key);
    const [oldest] = this.#revisions.add(key);
    if (this.#revisions.size <= maxRevisions || oldest === undefined) return;
    this.#revisions.delete(oldest);
    this.#upkeep.forget(oldest);
  }

  async fetch(application: string, revision: string, signal: AbortSignal): Promise<MetadataInfo | undefined> {
    signal.throwIfAborted();
    const text = await this.#text(this.#keyOf(application, revision), signal);
    return text === undefined ? undefined : decodeMetadata(application, revision, text);
  }

  async *watchMetadata(
    application: string,
    revision: string,
    signal: AbortSignal,
  ): AsyncGenerator<boolean, void, undefined> {
    const key = this.#keyOf(application, revision);
    const watched = {
      channel: this.#changes,
      message: undefined,
      read: async (limit: AbortSignal) => Number(await this.#client.call(key, ["strlen", key], limit)) > 0,
      same: (one: boolean, other: boolean) => one === other,
      lookMs,
    };
    yield* this.#watched(watched, signal);
  }

  /** Java forgets definitions after two days, unless they are written again. */
  async fetchDefinition(
    { serviceInterface, version, group }: ServiceKey,
    application: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    signal.throwIfAborted();
    return this.#text(this.#keyOf(serviceInterface, version, group, "provider", application), signal);
  }

  async readMapping(serviceInterface: string, signal: AbortSignal): Promise<MappingRecord> {
    signal.throwIfAborted();
    const text = await this.#translated(() => this.#mappingText(serviceInterface, signal));
    return { applications: applicationsIn(text), version: text ?? undefined };
  }

  async writeMapping(serviceInterface: string, next: MappingRecord, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (!(await this.#translated(() => this.#swapMapping(serviceInterface, next, signal)))) return false;
    const before = applicationsIn(next.version);
    const added = this.#added.get(serviceInterface) ?? new Set();
    for (const name of next.applications) if (!before.has(name)) added.add(name);
    this.#added.set(serviceInterface, added);
    // Not as soon as a connection was lost: who watches is to see that the mapping is gone, and acts sooner.
    this.#upkeep.keep(
      `${this.#mapping} ${serviceInterface}`,
      (limit) => this.#addAgain(serviceInterface, limit),
      false,
    );
    return true;
  }

  async *watchMapping(
    serviceInterface: string,
    signal: AbortSignal,
  ): AsyncGenerator<ReadonlySet<string>, void, undefined> {
    const watched = {
      channel: this.#changes,
      message: nameOf(serviceInterface, "an interface"),
      read: (limit: AbortSignal) => this.#mappingText(serviceInterface, limit),
      same: (one: string | null, other: string | null) =>
        [...applicationsIn(one)].join() === [...applicationsIn(other)].join(),
    };
    for await (const text of this.#watched(watched, signal)) yield applicationsIn(text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#upkeep[Symbol.asyncDispose]();
    if (this.owned) await this.connection[Symbol.asyncDispose]();
  }

  /** Ends with the report too. */
  async *#watched<T>(watched: Watched<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
    const either = AbortSignal.any([signal, this.#closing.signal, this.#client.closing]);
    try {
      yield* watchValue(this.#client, this.connection.listening, watched, either);
    } catch (error) {
      if (!either.aborted) throw metadataError(this.connection.name, error);
    }
  }

  /** What is compared is the text, as in Java. */
  #swapMapping(serviceInterface: string, next: MappingRecord, signal: AbortSignal): Promise<boolean> {
    const field = nameOf(serviceInterface, "an interface");
    const text = mappingText(next.applications);
    const change = {
      key: this.#mapping,
      read: ["hget", this.#mapping, field] as const,
      isExpected: (found: string | null) => (found ?? undefined) === next.version,
      next: text,
      write: [
        ["hset", this.#mapping, field, text],
        ["publish", this.#changes, field],
      ] as const,
    };
    return compareAndSet(this.#client, change, signal);
  }

  async #addAgain(serviceInterface: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const text = await this.#mappingText(serviceInterface, signal);
      const applications = applicationsIn(text);
      const missing = [...(this.#added.get(serviceInterface) ?? [])].filter(
        (name) => !applications.has(name),
      );
      const next = { applications: new Set([...applications, ...missing]), version: text ?? undefined };
      if (missing.length === 0 || (await this.#swapMapping(serviceInterface, next, signal))) return;
    }
  }

  async #mappingText(serviceInterface: string, signal: AbortSignal): Promise<string | null> {
    const field = nameOf(serviceInterface, "an interface");
    const found = await this.#client.call(this.#mapping, ["hget", this.#mapping, field], signal);
    return typeof found === "string" ? found : null;
  }

  async #text(key: string, signal: AbortSignal): Promise<string | undefined> {
    const found = await this.#translated(() => this.#client.call(key, ["get", key], signal));
    return typeof found === "string" && found.trim() !== "" ? found : undefined;
  }

  /** Parts after colons; a version or group that is not there leaves its place empty. */
  #keyOf(name: string, ...rest: readonly string[]): string {
    nameOf(name, "an application or interface");
    nameOf(rest.at(-1) ?? "", "an application or revision");
    return `${[name, ...rest].join(":")}${this.#suffix}`;
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw metadataError(this.connection.name, error);
    }
  }
}

/** @throws {MetadataError} METADATA_INVALID: it is empty. */
function nameOf(text: string, what: string): string {
  if (text === "") throw new MetadataError("METADATA_INVALID", `"" is no name of ${what}`);
  return text;
}
