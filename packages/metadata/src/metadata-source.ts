import {
  decodeMetadata,
  MetadataError,
  type MetadataInfo,
  type Runtime,
  type ServiceInstance,
} from "@dubbo-ts/core";
import { firstSuccess } from "./first-success.js";
import type { MetadataReport } from "./metadata-report.js";

/**
 * Asks the MetadataService of `instance`: V2 over triple where the instance says so, else V1 (app-level discovery
 * 6.5). Resolves with what it answered, decoded from the wire: an object, a Map, JSON text, or null.
 */
export type CallMetadataService = (
  instance: ServiceInstance,
  revision: string,
  signal: AbortSignal,
) => Promise<unknown>;

/** Which metadata is wanted, and who may have it. */
export interface MetadataRequest {
  readonly application: string;
  readonly revision: string;
  /** The instances that carry the revision. */
  readonly instances: readonly ServiceInstance[];
  readonly reports?: readonly MetadataReport[];
  readonly callMetadataService: CallMetadataService;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
}

/** One instance that hangs costs `hedgeMs`; no attempt takes longer than `attemptMs` (Java's 5 s). */
const limits = { hedgeMs: 1_000, attemptMs: 5_000, maxInstances: 8 } as const;

/**
 * Fetches the metadata of one revision. Kept remotely: the reports first, then instances that have a
 * MetadataService; else the instances first, in random order, then the reports (app-level discovery 8.3). Gives
 * the first answer that can be read.
 * @throws {MetadataError} METADATA_UNAVAILABLE: nobody has it; `cause` holds what each one said.
 */
export async function fetchMetadata(request: MetadataRequest): Promise<MetadataInfo> {
  const { application, revision, instances, reports = [], runtime, signal } = request;
  const fromReports = reports.map((report) => askReport(request, report));
  const fromInstances = pick(
    instances.filter(({ metadataService }) => metadataService !== undefined),
    limits.maxInstances,
    runtime.random,
  ).map((instance) => askInstance(request, instance));
  const isRemote = instances.some(({ storage }) => storage === "remote");
  const attempts = isRemote ? [...fromReports, ...fromInstances] : [...fromInstances, ...fromReports];
  const where = `metadata of ${application} at revision ${revision}`;
  try {
    return await firstSuccess(attempts, { ...limits, clock: runtime.clock, signal });
  } catch (cause) {
    signal.throwIfAborted();
    const asked = `${fromReports.length} reports and ${fromInstances.length} instances`;
    throw new MetadataError("METADATA_UNAVAILABLE", `${where}: none of ${asked} has it`, { cause });
  }
}

function askReport({ application, revision }: MetadataRequest, report: MetadataReport) {
  return async (signal: AbortSignal): Promise<MetadataInfo> => {
    const metadata = await report.fetch(application, revision, signal);
    if (metadata === undefined)
      throw new MetadataError("METADATA_UNAVAILABLE", `the report has nothing at revision ${revision}`);
    return metadata;
  };
}

function askInstance(request: MetadataRequest, instance: ServiceInstance) {
  const { application, revision, callMetadataService } = request;
  return async (signal: AbortSignal): Promise<MetadataInfo> => {
    const answer = await callMetadataService(instance, revision, signal);
    if (answer === null || answer === undefined)
      throw new MetadataError("METADATA_UNAVAILABLE", `${instance.id} does not know revision ${revision}`);
    return decodeMetadata(application, revision, answer);
  };
}

/** At most `count` of `items`, at random. */
function pick<T>(items: readonly T[], count: number, random: () => number): T[] {
  const left = [...items];
  const picked: T[] = [];
  while (picked.length < count && left.length > 0) {
    const index = Math.floor(random() * left.length);
    picked.push(left[index] as T);
    left[index] = left[left.length - 1] as T;
    left.pop();
  }
  return picked;
}
