import {
  decodeInstance,
  encodeInstance,
  type InstanceParts,
  RegistryError,
  type ServiceInstance,
} from "@dubbo-ts/core";

/** Java refuses all instances of an application when one of them has no `@class` (app-level discovery 2.6). */
const payloadClass = "org.apache.dubbo.registry.zookeeper.ZookeeperInstance";

/**
 * The data of an instance's node, byte for byte as Dubbo for Java 3.3.6 writes it through Curator (app-level discovery
 * 2.6): metadata sorted by key, no line breaks.
 */
export function encodeInstanceJson(instance: ServiceInstance, registeredAtMs: number): Buffer {
  const { application, host, port, id } = instance;
  const metadata = Object.entries(encodeInstance(instance)).sort(([a], [b]) => (a < b ? -1 : 1));
  const record = {
    name: application,
    id,
    address: host,
    port,
    sslPort: null,
    payload: { "@class": payloadClass, id, name: application, metadata: Object.fromEntries(metadata) },
    registrationTimeUTC: Math.round(registeredAtMs),
    serviceType: "DYNAMIC",
    uriSpec: null,
  };
  return Buffer.from(JSON.stringify(record), "utf8");
}

/**
 * Reads the data of an instance's node: Java's form and Go's, which leaves fields out.
 * @throws {RegistryError} INSTANCE_INVALID: no JSON, no object, no address.
 */
export function decodeInstanceJson(
  application: string,
  data: Buffer,
  parts?: InstanceParts,
): ServiceInstance {
  const record = asObject(parse(application, data));
  if (record === undefined)
    throw new RegistryError("INSTANCE_INVALID", `instance of ${application}: the node's data is no object`);
  const metadata = asObject(asObject(record["payload"])?.["metadata"]) ?? {};
  const host = record["address"] as string;
  const port = record["port"] as number;
  const enabled = record["enabled"] !== false;
  return decodeInstance({ application, host, port, metadata, enabled }, parts);
}

function parse(application: string, data: Buffer): unknown {
  try {
    return JSON.parse(data.toString("utf8"));
  } catch (cause) {
    throw new RegistryError("INSTANCE_INVALID", `instance of ${application}: the node's data is no JSON`, {
      cause,
    });
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
