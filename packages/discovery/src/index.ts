// For users
export { type DiskCacheOptions, diskCache } from "./disk-cache.js";
export { MemoryRegistryStore, memoryRegistry } from "./memory-registry.js";
export {
  type RegistryClient,
  registryClient,
  type RequestOptions,
  unusableReason,
  type WatchOptions,
} from "./registry-client.js";
export type { Watcher, WatchResult } from "./watcher.js";
// For authors of adapters
export type { CachedApplication, DiscoveryCache } from "./discovery-cache.js";
export { matchingServices, type ServiceQuery } from "./match-service.js";
export { type Lane, type Offer, type OfferedService, offerOf } from "./offer.js";
export type { InstanceSet, Registration, Registry } from "./registry.js";
export {
  createServiceDiscovery,
  type ServiceDiscovery,
  type ServiceDiscoveryOptions,
  type WatchQuery,
} from "./service-discovery.js";
export {
  createServicePublisher,
  type PublishedState,
  type ServicePublisher,
  type ServicePublisherOptions,
} from "./service-publisher.js";
