import { createHash } from "node:crypto";
import type { ServiceInfo } from "./metadata-info.js";
import { matchKey } from "./metadata-info.js";

/** What an instance that offers nothing has for a revision; it is never registered with it. */
export const emptyRevision = "0";

/**
 * The content hash of what an application offers: 32 hexadecimal digits, equal for equal content in every
 * process, whatever the order of the services and of their parameters. The formula is that of `MetadataInfo`
 * and `RevisionResolver` in apache/dubbo (app-level discovery 4.1), so that Java computes the same.
 */
export function revisionOf(application: string, services: Iterable<ServiceInfo>): string {
  const described = [...services].map(
    (service) => [matchKey(service.key, service.protocol), service] as const,
  );
  if (described.length === 0) return emptyRevision;
  const text = described
    .sort(byKey)
    .map(([key, service]) => key + describe(service))
    .join("");
  return createHash("md5")
    .update(application + text, "utf8")
    .digest("hex");
}

function describe({ key, port, params }: ServiceInfo): string {
  const sorted = Object.entries(params).sort(byKey);
  return `${port ?? -1}${key.serviceInterface}{${sorted.map(([name, value]) => `${name}=${value}`).join(", ")}}`;
}

// Java's String order is by UTF-16 code unit, as JavaScript's `<` is.
function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}
