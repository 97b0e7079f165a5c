import { decodeInstance, encodeInstance, RegistryError, type ServiceInstance } from "@dubbo-ts/core";

/** What dubbo-go takes for normal; ours is 1. */
const goWeight = 100;

/**
 * The value of an instance's key: one object in Go's spelling and in Java's, since neither reads the other's (app-level
 * discovery 2.7).
 */
export function encodeInstanceJson(instance: ServiceInstance): Buffer {
  const { application, host, port, id, enabled, healthy } = instance;
  const metadata = encodeInstance(instance);
  const weight = encodeWeight(instance.weight);
  const record = {
    ID: id,
    ServiceName: application,
    Host: host,
    Port: port,
    Weight: weight,
    Enable: enabled,
    Healthy: healthy,
    Metadata: metadata,
    serviceName: application,
    host,
    port,
    enabled,
    healthy,
    metadata,
  };
  return Buffer.from(JSON.stringify(record), "utf8");
}

/**
 * Reads the value of an instance's key: Go's form, Java's, or both.
 * @throws {RegistryError} INSTANCE_INVALID: no JSON, no object, no address.
 */
export function decodeInstanceJson(application: string, value: Buffer): ServiceInstance {
  const record = asObject(parse(application, value));
  if (record === undefined)
    throw new RegistryError("INSTANCE_INVALID", `instance of ${application}: the value is no object`);
  return decodeInstance({
    application,
    host: (record["host"] ?? record["Host"]) as string,
    port: (record["port"] ?? record["Port"]) as number,
    metadata: asObject(record["metadata"]) ?? asObject(record["Metadata"]) ?? {},
    weight: decodeWeight(record),
    enabled: (record["enabled"] ?? record["Enable"]) !== false,
    healthy: (record["healthy"] ?? record["Healthy"]) !== false,
  });
}

function encodeWeight(weight: number): number {
  return weight <= 0 ? 0 : Math.max(1, Math.round(weight * goWeight));
}

/** Go writes 0 whatever was configured (peers GB1): that is not "no traffic". Java writes none. */
function decodeWeight(record: Readonly<Record<string, unknown>>): number {
  const weight = record["Weight"];
  const isGos = record["serviceName"] === undefined;
  if (typeof weight !== "number" || weight < 0 || (weight === 0 && isGos)) return 1;
  return weight / goWeight;
}

function parse(application: string, value: Buffer): unknown {
  try {
    return JSON.parse(value.toString("utf8"));
  } catch (cause) {
    throw new RegistryError("INSTANCE_INVALID", `instance of ${application}: the value is no JSON`, {
      cause,
    });
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
