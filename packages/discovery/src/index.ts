// For users
export { type DiskCacheOptions, diskCache } from "./disk-cache.js";
export { MemoryRegistryStore, memoryRegistry } from "./memory-registry.js";
// For authors of adapters
export type { CachedApplication, DiscoveryCache } from "./discovery-cache.js";
export type { InstanceSet, Registration, Registry } from "./registry.js";
export {
  createServiceDiscovery,
  type ServiceDiscovery,
  type ServiceDiscoveryOptions,
  type WatchQuery,
} from "./service-discovery.js";
