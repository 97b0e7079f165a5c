// For users
export { type DiskCacheOptions, diskCache } from "./disk-cache.js";
export { MemoryInterfaceStore, memoryInterfaceRegistry } from "./memory-interface-registry.js";
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
export type { OnResolution } from "./following.js";
export {
  createInterfaceDiscovery,
  type InterfaceDiscovery,
  type InterfaceDiscoveryOptions,
} from "./interface-discovery.js";
export {
  createInterfacePublisher,
  type InterfacePublisher,
  type InterfacePublisherOptions,
} from "./interface-publisher.js";
export type { InterfaceRegistration, InterfaceRegistry, ServiceUrlSet } from "./interface-registry.js";
export { matchesKey, matchingServices, type ServiceQuery } from "./match-service.js";
export { type Lane, type Offer, type OfferedService, offerOf } from "./offer.js";
export {
  createMigratingDiscovery,
  type MigratingDiscovery,
  type MigratingDiscoveryOptions,
} from "./migrating-discovery.js";
export type {
  AddressSource,
  MigrationPlan,
  MigrationRules,
  MigrationStatus,
  MigrationStep,
} from "./migration-choice.js";
export type { InstanceSet, Registration, Registry } from "./registry.js";
export {
  createServiceDiscovery,
  type ServiceDiscovery,
  type ServiceDiscoveryOptions,
  type WatchQuery,
} from "./service-discovery.js";
export {
  decodeServiceUrl,
  encodeServiceUrl,
  formatServiceUrl,
  formEncoded,
  interfaceNamed,
  isProviderUrl,
  parseServiceUrl,
  type ServiceUrl,
  serviceUrl,
  serviceUrlId,
} from "./service-url.js";
export { ServiceUrlReader } from "./url-reader.js";
export { type KeptRecord, UrlRecords, type UrlRecordsOptions } from "./url-records.js";
export {
  createServicePublisher,
  type PublishedState,
  type ServicePublisher,
  type ServicePublisherOptions,
} from "./service-publisher.js";
