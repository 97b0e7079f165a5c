// For users
export type {
  ApplicationConfig,
  CacheConfig,
  CenterConfig,
  Config,
  ConfigCenterConfig,
  ConsumerConfig,
  CorsConfig,
  LimitConfig,
  LoggerConfig,
  MetadataReportConfig,
  MethodConfig,
  MethodEntryConfig,
  MigrationConfig,
  ProtocolConfig,
  ProviderConfig,
  ReferenceConfig,
  RegistryConfig,
  RouterRule,
  ServiceConfig,
  ShutdownConfig,
  TlsConfig,
  TripleConfig,
} from "./config.js";
export type { ExplainedSetting, LayerKind, SettingSource } from "./explain.js";
export type { ChangedSetting } from "./changed-settings.js";
export { layeredOf } from "./layered-config.js";
export type {
  CenterChange,
  CenterItem,
  CenterOptions,
  LayeredConfig,
  RefusedSetting,
} from "./layered-config.js";
export { loadConfig, type LoadConfigOptions } from "./load-config.js";
export type { MetricsConfig, TracingConfig } from "./metrics-config.js";
export type { ConfigNotice } from "./notices.js";
export { configuredByEnvironment } from "./read-files.js";
export { type MemoryConfigCenter, MemoryConfigStore, memoryConfigCenter } from "./memory-config-center.js";
export {
  type MigrationRead,
  type MigrationRule,
  type MigrationSettings,
  migrationStep,
  readMigrationRule,
} from "./center/migration-rule.js";
export { redacted } from "./redacted.js";
export type { KnownNames } from "./schema/calls.js";
export {
  type AddressMatch,
  type OverrideItem,
  type OverrideMatch,
  type OverrideRead,
  type OverrideRule,
  readOverrideRule,
  type TextMatch,
} from "./center/override-rule.js";
// For authors of adapters
export { changedRecords } from "./changed-records.js";
export { configJsonSchema } from "./json-schema.js";
export {
  checkConfigItem,
  type ConfigCenter,
  type ConfigItem,
  type ConfigRecord,
  type ExpectedVersion,
  type PastConfigRecord,
} from "./config-center.js";
export {
  chosenRegistry,
  parseRegistryAddress,
  type RegistryAddress,
  type RegistryChoice,
  type RegistryHost,
} from "./registry-address.js";
