import type { MetadataInfo, RegistryError, ServiceKey } from "@dubbo-ts/core";

/** A store outside the providers: metadata by application and revision, and the mapping of interfaces to applications. */
export interface MetadataReport extends AsyncDisposable {
  /**
   * Why the server cannot be used at this moment, as far as that is known. What has waited in vain says it: a deadline
   * alone does not tell a wrong address from a slow server. Undefined: nothing is known to be wrong.
   */
  readonly failure?: RegistryError | undefined;
  /** Keeps `metadata` under its application and revision; content of a revision never changes, so twice is harmless. */
  publish(metadata: MetadataInfo, signal: AbortSignal): Promise<void>;
  /**
   * Undefined when the store has nothing under that revision.
   * @throws {MetadataError} METADATA_INVALID: what is there is no metadata.
   */
  fetch(application: string, revision: string, signal: AbortSignal): Promise<MetadataInfo | undefined>;
  /**
   * Whether the store has something under that revision, now and after each change; whoever published it learns so
   * that it was wiped. Content is not read for it again and again: one provider watches one record all its life.
   * A loss is told within ten seconds of when the store can be asked. Ends when `signal` aborts.
   */
  watchMetadata(application: string, revision: string, signal: AbortSignal): AsyncIterable<boolean>;
  /**
   * The service definition that `application` has published as a provider of `service`: JSON text, as it is. Java
   * publishes one (app-level discovery 7.5), nothing needs it but tools. Undefined when there is none; left out
   * where the store keeps none.
   */
  fetchDefinition?(
    service: ServiceKey,
    application: string,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  readMapping(serviceInterface: string, signal: AbortSignal): Promise<MappingRecord>;
  /** False when another writer came first: read again. */
  writeMapping(serviceInterface: string, next: MappingRecord, signal: AbortSignal): Promise<boolean>;
  /** The applications that provide the interface, now and after each change. Ends when `signal` aborts. */
  watchMapping(serviceInterface: string, signal: AbortSignal): AsyncIterable<ReadonlySet<string>>;
}

/** The applications that provide an interface, and what the store compares when they are written. */
export interface MappingRecord {
  /** In the order in which they were added. */
  readonly applications: ReadonlySet<string>;
  /** md5 in Nacos, version in ZooKeeper, mod revision in etcd. Undefined: there is no record yet. */
  readonly version: string | undefined;
}
