// For users
export type {
  ApplicationConfig,
  CacheConfig,
  CenterConfig,
  Config,
  ConsumerConfig,
  LoggerConfig,
  MetadataReportConfig,
  MethodConfig,
  ProtocolConfig,
  ProviderConfig,
  ReferenceConfig,
  RegistryConfig,
  ServiceConfig,
  ShutdownConfig,
} from "./config.js";
export { loadConfig, type LoadConfigOptions } from "./load-config.js";
export { type MemoryConfigCenter, memoryConfigCenter } from "./memory-config-center.js";
export { redacted } from "./redacted.js";
export type { KnownNames } from "./schema.js";
// For authors of adapters
export type { ConfigCenter } from "./config-center.js";
export {
  chosenRegistry,
  parseRegistryAddress,
  type RegistryAddress,
  type RegistryChoice,
  type RegistryHost,
} from "./registry-address.js";
