import type { CenterConfig, RegistryConfig } from "@dubbo-ts/config";
import type { Logger } from "@dubbo-ts/core";

/** What is the same as no word of it. */
const defaults: ReadonlySet<string> = new Set(["", "public", "DEFAULT_GROUP", "DEFAULT"]);

/**
 * Warns of a metadata report on the same kind of center as a registry that looks at another part of it: other programs,
 * which name the registry alone, then write mapping and metadata where this one does not look.
 */
export function warnOfOtherPlace(
  registries: readonly RegistryConfig[],
  report: CenterConfig,
  log: Logger,
): void {
  for (const registry of registries) {
    if (registry.address.scheme !== report.address.scheme) continue;
    const [own, other] = [placeOf(registry), placeOf(report)];
    const different = Object.keys(own).filter((key) => own[key] !== other[key]);
    if (different.length === 0) continue;
    const text = different
      .map((key) => `${key} ${own[key] ?? "none"} and ${other[key] ?? "none"}`)
      .join(", ");
    log.warn(
      { registry: registry.id, different },
      `registry ${registry.id} and the metadata report differ in ${text}: mapping and metadata are looked for in the second`,
    );
  }
}

function placeOf({ namespace, group, params }: CenterConfig): Readonly<Record<string, string | undefined>> {
  const place = { namespace, group, cluster: params["cluster"] };
  return Object.fromEntries(
    Object.entries(place).map(([key, value]) => [key, defaults.has(value ?? "") ? undefined : value]),
  );
}
