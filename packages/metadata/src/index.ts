// For users
export { MemoryMetadataStore, memoryMetadataReport } from "./memory-metadata-report.js";
// For authors of adapters
export type { MappingRecord, MetadataReport } from "./metadata-report.js";
