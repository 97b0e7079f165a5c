import {
  decodeMetadata,
  encodeMetadata,
  MetadataError,
  type MetadataInfo,
  type RegistryError,
  type Runtime,
  type ServiceKey,
  sleep,
  systemRuntime,
} from "@dubbo-ts/core";
import { applicationsIn, type MappingRecord, mappingText, type MetadataReport } from "@dubbo-ts/metadata";
import type { ConfigKey, NacosAdmin, NacosConfig, NacosConfigValue } from "@dubbo-ts/nacos-client";
import { failureOf, metadataError } from "./errors.js";
import { plainName } from "./nacos-names.js";

/** What {@link NacosMetadataReport} needs. */
export interface NacosMetadataReportOptions {
  readonly name: string;
  /** Closed with the report. */
  readonly config: NacosConfig;
  /** Looks into the server's database where a mapping cannot be written. Undefined: the server has none. */
  readonly admin?: NacosAdmin | undefined;
  /** The group in which dubbo-go up to 3.1 keeps metadata. */
  readonly legacyGroup: string;
  /** Default {@link systemRuntime}. */
  readonly runtime?: Runtime;
}

/**
 * What a server has taken it shows 30 to 140 ms later, once 1.1 s (nacos-server 8, A1.7). Whoever publishes metadata then
 * registers an instance that points to it, so it has to be there for everybody by then.
 */
const readable = { withinMs: 5_000, firstPauseMs: 10, maxPauseMs: 200 } as const;

/** The literal group of all mappings, whatever the registry's (app-level discovery 5.1). */
const mappingGroup = "mapping";
/** Java's default group of service definitions (app-level discovery 7.1). */
const definitionGroup = "dubbo";
/** No md5 is that: writes only if nothing is there, as Java does (app-level discovery 5.2). */
const absentMd5 = "0";

/**
 * The {@link MetadataReport} on Nacos' config half, with the keys of Java and Go: metadata under dataId = application and
 * group = revision, mappings under dataId = interface and group `mapping` (app-level discovery 7.1 and 5.1).
 */
export class NacosMetadataReport implements MetadataReport {
  readonly #options: NacosMetadataReportOptions;
  /** Mappings whose last write lost: what is handed out may be behind what writes are compared with. */
  readonly #lost = new Set<string>();
  #closed: Promise<void> | undefined;

  /** Use {@link nacosMetadataReport} or {@link openNacos}. */
  constructor(options: NacosMetadataReportOptions) {
    this.#options = options;
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.#options.name, this.#options.config.state);
  }

  async publish(metadata: MetadataInfo, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const key = { dataId: plainName(metadata.application), group: metadata.revision };
    const content = JSON.stringify(encodeMetadata(metadata));
    await this.#translated(() => this.#options.config.publish(key, content, { type: "json" }, signal));
    await this.#untilReadable(key, metadata, content, signal);
  }

  async fetch(application: string, revision: string, signal: AbortSignal): Promise<MetadataInfo | undefined> {
    signal.throwIfAborted();
    const { legacyGroup } = this.#options;
    const content =
      (await this.#read({ dataId: plainName(application), group: revision }, signal)) ??
      (await this.#read({ dataId: `${plainName(application)}:${revision}`, group: legacyGroup }, signal));
    return content === undefined ? undefined : decodeMetadata(application, revision, content);
  }

  async fetchDefinition(
    { serviceInterface, version, group }: ServiceKey,
    application: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    signal.throwIfAborted();
    const dataId = plainName([serviceInterface, version, group, "provider", application].join(":"));
    return this.#read({ dataId, group: definitionGroup }, signal);
  }

  async *watchMetadata(
    application: string,
    revision: string,
    signal: AbortSignal,
  ): AsyncGenerator<boolean, void, undefined> {
    let last: boolean | undefined;
    for await (const content of this.#watched({ dataId: plainName(application), group: revision }, signal)) {
      const isThere = content !== undefined && content.trim() !== "";
      if (isThere !== last) yield isThere;
      last = isThere;
    }
  }

  async readMapping(serviceInterface: string, signal: AbortSignal): Promise<MappingRecord> {
    signal.throwIfAborted();
    const key = mappingKey(serviceInterface);
    const stored = this.#lost.delete(serviceInterface) ? await this.#stored(key, signal) : undefined;
    const { value } = stored ?? {
      value: await this.#translated(() => this.#options.config.get(key, signal)),
    };
    return { applications: applicationsIn(value?.content), version: value?.md5 };
  }

  async writeMapping(serviceInterface: string, next: MappingRecord, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const content = mappingText(next.applications);
    const options = { casMd5: next.version ?? absentMd5, type: "text" };
    const key = mappingKey(serviceInterface);
    const isWritten = await this.#translated(() =>
      this.#options.config.publish(key, content, options, signal),
    );
    if (!isWritten) this.#lost.add(serviceInterface);
    return isWritten;
  }

  async *watchMapping(
    serviceInterface: string,
    signal: AbortSignal,
  ): AsyncGenerator<ReadonlySet<string>, void, undefined> {
    for await (const content of this.#watched(mappingKey(serviceInterface), signal))
      yield applicationsIn(content);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#options.config.close();
    return this.#closed;
  }

  /** Undefined: nobody may look there, or nobody answers. */
  async #stored(
    key: ConfigKey,
    signal: AbortSignal,
  ): Promise<{ readonly value: NacosConfigValue | undefined } | undefined> {
    const { admin, name, runtime = systemRuntime } = this.#options;
    if (admin === undefined) return undefined;
    try {
      return { value: await admin.stored(key, signal) };
    } catch (err) {
      signal.throwIfAborted();
      runtime.log.debug({ err, key, registry: name }, "the database of Nacos cannot be looked into");
      return undefined;
    }
  }

  /** Ends with the report too. */
  async *#watched(key: ConfigKey, signal: AbortSignal): AsyncGenerator<string | undefined, void, undefined> {
    const { config, name } = this.#options;
    try {
      yield* config.watch(key, signal);
    } catch (error) {
      if (this.#closed === undefined && !signal.aborted) throw metadataError(name, error);
    }
  }

  /** Who else publishes this revision writes it otherwise, Java for one: what it says is the same by definition. */
  async #untilReadable(
    key: ConfigKey,
    metadata: MetadataInfo,
    content: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { name, runtime = systemRuntime } = this.#options;
    const untilMs = runtime.clock.monotonicMs() + readable.withinMs;
    for (
      let pauseMs: number = readable.firstPauseMs;
      ;
      pauseMs = Math.min(pauseMs * 2, readable.maxPauseMs)
    ) {
      const found = await this.#read(key, signal);
      if (found === content || (found !== undefined && isReadable(metadata, found))) return;
      if (runtime.clock.monotonicMs() > untilMs)
        throw new MetadataError(
          "METADATA_UNAVAILABLE",
          `${name}: ${key.dataId} was published, and is not readable after ${readable.withinMs} ms`,
        );
      await sleep(runtime.clock, pauseMs, signal);
    }
  }

  async #read(key: ConfigKey, signal: AbortSignal): Promise<string | undefined> {
    const value = await this.#translated(() => this.#options.config.get(key, signal));
    // Go's servers and clients give an empty text for what is not there (app-level discovery 7.1).
    return value === undefined || value.content.trim() === "" ? undefined : value.content;
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw metadataError(this.#options.name, error);
    }
  }
}

function isReadable({ application, revision }: MetadataInfo, content: string): boolean {
  try {
    decodeMetadata(application, revision, content);
    return true;
  } catch {
    return false; // what was there before, and was broken
  }
}

function mappingKey(serviceInterface: string): ConfigKey {
  return { dataId: plainName(serviceInterface), group: mappingGroup };
}
