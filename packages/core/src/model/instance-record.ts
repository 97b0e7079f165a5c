import { RegistryError } from "../errors.js";
import { InstanceParts } from "./instance-parts.js";
import { emptyRevision } from "./revision.js";
import { instanceId, type MetadataServiceAddress, type ServiceInstance } from "./service-instance.js";

/**
 * The one place with the keys that registries store for an instance (app-level discovery 2.2). All adapters
 * call it, so they differ in transport only.
 */
const keys = {
  revision: "dubbo.metadata.revision",
  storage: "dubbo.metadata.storage-type",
  endpoints: "dubbo.endpoints",
  metadataService: "dubbo.metadata-service.url-params",
  metadataVersion: "meta-v",
  startedAt: "timestamp",
  tag: "dubbo.tag",
} as const;

const known: ReadonlySet<string> = new Set(Object.values(keys));

/** What a registry hands over: an address, a map of texts, and what the registry itself adds. */
export interface InstanceRecord {
  readonly application: string;
  readonly host: string;
  readonly port: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Default 1. */
  readonly weight?: number | undefined;
  /** Default true. */
  readonly enabled?: boolean | undefined;
  /** Default true. */
  readonly healthy?: boolean | undefined;
}

/**
 * Reads a record. An instance without a Dubbo revision (Spring Cloud's, for example) is a valid instance that
 * offers nothing; parts that cannot be read are left out, as Java and Go do.
 *
 * @param parts shared with other instances where they say the same. Default: nothing is shared.
 * @throws {RegistryError} INSTANCE_INVALID: no host, or no port between 1 and 65535.
 */
export function decodeInstance(record: InstanceRecord, parts = new InstanceParts()): ServiceInstance {
  const { application, host, port, metadata } = record;
  if (typeof host !== "string" || host === "" || !isPort(port))
    throw new RegistryError(
      "INSTANCE_INVALID",
      `instance of ${application}: ${JSON.stringify(host)}:${String(port)} is no address`,
    );
  const text = (key: string) => (typeof metadata[key] === "string" ? metadata[key] : undefined);
  const revision = text(keys.revision);
  const startedAt = Number(text(keys.startedAt));
  return {
    application,
    host,
    port,
    id: instanceId(host, port),
    revision:
      revision === undefined || ["", emptyRevision, "N/A"].includes(revision)
        ? undefined
        : parts.revisions.get(revision, () => revision),
    storage: text(keys.storage) === "remote" ? "remote" : "local",
    ports: portsOf(text(keys.endpoints), parts),
    metadataService: metadataServiceOf(text(keys.metadataService), text(keys.metadataVersion), parts),
    weight: record.weight ?? 1,
    enabled: record.enabled ?? true,
    healthy: record.healthy ?? true,
    startedAtMs: Number.isFinite(startedAt) && startedAt > 0 ? startedAt : undefined,
    tag: text(keys.tag),
    labels: labelsOf(metadata, parts),
  };
}

/**
 * The map that a registry stores for `instance`; the inverse of {@link decodeInstance}. All values are texts,
 * those within `url-params` too: Go and Java refuse a number there.
 */
export function encodeInstance(instance: ServiceInstance): Record<string, string> {
  const { ports, metadataService } = instance;
  const metadata: Record<string, string> = {
    ...instance.labels,
    [keys.endpoints]: JSON.stringify(Object.entries(ports).map(([protocol, port]) => ({ port, protocol }))),
    [keys.revision]: instance.revision ?? emptyRevision,
    [keys.storage]: instance.storage,
  };
  // Without an address there is no version either, as in Go: only who asks an instance looks at it.
  if (metadataService !== undefined) {
    metadata[keys.metadataService] = encodeMetadataService(metadataService);
    metadata[keys.metadataVersion] = metadataService.version;
  }
  if (instance.startedAtMs !== undefined) metadata[keys.startedAt] = String(instance.startedAtMs);
  if (instance.tag !== undefined) metadata[keys.tag] = instance.tag;
  return metadata;
}

function encodeMetadataService({ protocol, port }: MetadataServiceAddress): string {
  return JSON.stringify({
    "prefer.serialization": "hessian2",
    version: "1.0.0",
    dubbo: "2.0.2",
    side: "provider",
    port: String(port),
    protocol,
  });
}

function portsOf(text: string | undefined, parts: InstanceParts): Readonly<Record<string, number>> {
  return parts.ports.get(text ?? "", () => decodePorts(text));
}

function metadataServiceOf(
  params: string | undefined,
  version: string | undefined,
  parts: InstanceParts,
): MetadataServiceAddress | undefined {
  const text = JSON.stringify([params, version]);
  return parts.metadataServices.get(text, () => decodeMetadataService(params, version));
}

function labelsOf(
  metadata: Readonly<Record<string, unknown>>,
  parts: InstanceParts,
): Readonly<Record<string, string>> {
  const labels = Object.entries(metadata).filter(
    (entry): entry is [string, string] => !known.has(entry[0]) && typeof entry[1] === "string",
  );
  return parts.labels.get(JSON.stringify(labels), () => Object.fromEntries(labels));
}

function decodePorts(text: string | undefined): Record<string, number> {
  const ports: Record<string, number> = Object.create(null) as Record<string, number>;
  const list = parseJson(text);
  if (!Array.isArray(list)) return ports;
  for (const item of list as unknown[]) {
    const { protocol, port } = (item ?? {}) as { protocol?: unknown; port?: unknown };
    const number = Number(port);
    if (typeof protocol === "string" && isPort(number)) ports[protocol] = number;
  }
  return ports;
}

function decodeMetadataService(
  params: string | undefined,
  version: string | undefined,
): MetadataServiceAddress | undefined {
  const parsed = parseJson(params) as { protocol?: unknown; port?: unknown } | undefined;
  const port = Number(parsed?.port);
  if (typeof parsed?.protocol !== "string" || !isPort(port)) return undefined;
  return { protocol: parsed.protocol, port, version: version ?? "1.0.0" };
}

function isPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535;
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
