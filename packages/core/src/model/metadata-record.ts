import { MetadataError } from "../errors.js";
import { matchKey, type MetadataInfo, type ServiceInfo } from "./metadata-info.js";
import { serviceKey } from "./service-key.js";

/** The JSON form of one service (app-level discovery 3.2). */
interface ServiceRecord {
  name: string;
  group?: string;
  version?: string;
  protocol: string;
  port: number;
  path: string;
  params: Record<string, string>;
}

/** More text than this is no metadata of an application. */
const maxLength = 8 * 1024 * 1024;

/**
 * The object that Java and Go read from a metadata report, ready for `JSON.stringify`: `params` always there,
 * `path` equal to the interface, both of which Java's consumer insists on (app-level discovery 3.2).
 */
export function encodeMetadata({ application, revision, services }: MetadataInfo): object {
  const records: Record<string, ServiceRecord> = {};
  for (const { key, protocol, port, params } of services.values())
    records[matchKey(key, protocol)] = {
      name: key.serviceInterface,
      ...(key.group !== "" && { group: key.group }),
      ...(key.version !== "" && { version: key.version }),
      protocol,
      port: port ?? -1,
      path: key.serviceInterface,
      params: { ...params },
    };
  return { app: application, revision, services: records };
}

/**
 * Reads what a report or a MetadataService answered: JSON text, or an object decoded from another form. The
 * revision asked for is the one it gets, since that is what instances carry. A service that cannot be read is
 * left out; unknown keys are ignored.
 *
 * @throws {MetadataError} METADATA_INVALID: no JSON, no object, longer than 8 MiB, or of another revision.
 */
export function decodeMetadata(application: string, revision: string, answer: unknown): MetadataInfo {
  const where = `metadata of ${application} at revision ${revision}`;
  const record = asRecord(typeof answer === "string" ? parse(where, answer) : answer);
  const services = asRecord(record?.["services"]);
  if (record === undefined || services === undefined)
    throw new MetadataError("METADATA_INVALID", `${where}: no object with "services"`);
  const told = record["revision"];
  if (typeof told === "string" && told !== "" && told !== revision)
    throw new MetadataError("METADATA_INVALID", `${where}: the answer is of revision ${told}`);
  const decoded = new Map<string, ServiceInfo>();
  for (const value of Object.values(services)) {
    const service = decodeService(value);
    if (service !== undefined) decoded.set(matchKey(service.key, service.protocol), service);
  }
  return { application, revision, services: decoded };
}

function decodeService(value: unknown): ServiceInfo | undefined {
  const record = asRecord(value);
  const name = textOf(record?.["name"]);
  const protocol = textOf(record?.["protocol"]);
  if (record === undefined || name === "" || protocol === "") return undefined;
  const port = Number(record["port"]);
  const params: Record<string, string> = {};
  for (const [key, param] of Object.entries(asRecord(record["params"]) ?? {}))
    if (typeof param === "string") define(params, key, param);
  return {
    key: serviceKey(name, { group: textOf(record["group"]), version: textOf(record["version"]) }),
    protocol,
    port: Number.isInteger(port) && port > 0 && port <= 65_535 ? port : undefined,
    params,
  };
}

function parse(where: string, text: string): unknown {
  if (text.length > maxLength)
    throw new MetadataError("METADATA_INVALID", `${where}: ${text.length} characters, at most ${maxLength}`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MetadataError("METADATA_INVALID", `${where}: no JSON`, { cause });
  }
}

// `__proto__` as a name must become an own property, not a prototype.
function define(target: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}

/** A Map, an object of a class (as Hessian is decoded) or a plain object, as an object without a prototype. */
function asRecord(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { className, fields } = value as { className?: unknown; fields?: unknown };
  if (typeof className === "string" && typeof fields === "object") return asRecord(fields);
  const entries =
    value instanceof Map ? [...value].map(([k, v]) => [String(k), v] as const) : Object.entries(value);
  const record = Object.create(null) as Record<string, unknown>;
  for (const [key, one] of entries) record[key] = one;
  return record;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
