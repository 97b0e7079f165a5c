import type { RegistryBackend } from "@dubbo-ts/application";
import type { MetadataInfo, ServiceInstance } from "@dubbo-ts/core";
import { fetchMetadata, type MetadataReport } from "@dubbo-ts/metadata";
import type { CommandTools, Dialer } from "./tools.js";

/** What one revision of an application offers, and who told. */
export interface RevisionMetadata {
  readonly metadata: MetadataInfo;
  /** The instances that carry the revision. */
  readonly instances: readonly ServiceInstance[];
  /** `report`, or `host:port` of the instance that answered. */
  readonly source: string;
}

/**
 * Fetches the metadata of a revision as a consumer does, and notes who had it.
 * @throws {MetadataError} METADATA_UNAVAILABLE: nobody; `cause` holds what each one said.
 */
export async function readRevision(
  application: string,
  revision: string,
  instances: readonly ServiceInstance[],
  { metadataReport }: RegistryBackend,
  dialer: Dialer,
  { runtime }: CommandTools,
  signal: AbortSignal,
): Promise<RevisionMetadata> {
  const carriers = instances.filter((instance) => instance.revision === revision);
  const sources = new Map<unknown, string>();
  const metadata = await fetchMetadata({
    application,
    revision,
    instances: carriers,
    reports: metadataReport === undefined ? [] : [noting(metadataReport, sources)],
    async callMetadataService(instance, wanted, attempt) {
      const answer = await dialer.callMetadataService(instance, wanted, attempt);
      if (answer !== null && answer !== undefined) sources.set("instance", instance.id);
      return answer;
    },
    runtime,
    signal,
  });
  const source = sources.get(metadata) ?? sources.get("instance") ?? "report";
  return { metadata, instances: carriers, source };
}

function noting(report: MetadataReport, sources: Map<unknown, string>): MetadataReport {
  return {
    publish: (metadata, signal) => report.publish(metadata, signal),
    readMapping: (name, signal) => report.readMapping(name, signal),
    writeMapping: (name, next, signal) => report.writeMapping(name, next, signal),
    watchMetadata: (...args) => report.watchMetadata(...args),
    watchMapping: (name, signal) => report.watchMapping(name, signal),
    async fetch(application, revision, signal) {
      const metadata = await report.fetch(application, revision, signal);
      if (metadata !== undefined) sources.set(metadata, "report");
      return metadata;
    },
    [Symbol.asyncDispose]: () => report[Symbol.asyncDispose](),
  };
}
