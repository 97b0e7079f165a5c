// For users
export { MemoryMetadataStore, memoryMetadataReport } from "./memory-metadata-report.js";
// For authors of adapters
export {
  describeServices,
  type ExportedMethodOptions,
  type ExportedService,
  type ExportedServiceOptions,
} from "./describe-services.js";
export { MetadataCache, type MetadataCacheOptions, type MetadataHold } from "./metadata-cache.js";
export { applicationsIn, mappingText } from "./mapping-text.js";
export type { MappingRecord, MetadataReport } from "./metadata-report.js";
export {
  createMetadataService,
  type MetadataInfoRecord,
  type MetadataService,
  metadataServiceClientDefinition,
  metadataServiceDefinition,
  metadataServiceKey,
  type ServiceInfoRecord,
} from "./metadata-service.js";
export {
  metadataServiceV2,
  metadataServiceV2Definition,
  metadataServiceV2Key,
} from "./metadata-service-v2.js";
export { type CallMetadataService, fetchMetadata, type MetadataRequest } from "./metadata-source.js";
export { MetadataStore, type MetadataStoreOptions } from "./metadata-store.js";
export { ServiceNameMapping, type ServiceNameMappingOptions } from "./service-name-mapping.js";
