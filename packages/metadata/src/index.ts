// For authors of adapters
export type { MappingRecord, MetadataReport } from "./metadata-report.js";
