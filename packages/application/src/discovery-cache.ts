import { homedir } from "node:os";
import { join } from "node:path";
import type { Config } from "@dubbo-ts/config";
import type { DisposalScope, Runtime } from "@dubbo-ts/core";
import { diskCache, type DiscoveryCache } from "@dubbo-ts/discovery";

/**
 * The cache that lets a consumer start while its registry is away; undefined when it is switched off, or when the
 * registry is part of this process. What was learnt from different registries, namespaces and groups is kept apart.
 *
 * @param places where providers are looked up.
 */
export function openDiscoveryCache(
  { cache }: Config,
  places: readonly string[],
  runtime: Runtime,
  scope: DisposalScope,
): DiscoveryCache | undefined {
  const names = places.filter((name) => !name.startsWith("memory:"));
  if (!cache.enabled || names.length === 0) return undefined;
  const directory = cache.directory ?? join(homedir(), ".cache", "dubbo-ts");
  return scope.use(diskCache({ directory, scope: names.sort().join(","), runtime }));
}
