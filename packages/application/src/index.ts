// For users
export { type Application, type ApplicationOptions, createApplication } from "./application.js";
export type { ConfigChange } from "./live-config/live-config.js";
export type { MigrateOptions } from "./migration.js";
export { readSettings, type ReadSettingsOptions } from "./live-config/read-settings.js";
export type { MethodOptions, ReferenceMethodOptions, ReferenceOptions, ServiceOptions } from "./options.js";
export type { ServiceHandle } from "./provider.js";
// For authors of adapters
export {
  asRegistry,
  type CenterBackend,
  pick,
  type ProtocolFactory,
  type ProtocolSettings,
  type RegistryBackend,
  type RegistryFactory,
  type RegistrySettings,
} from "./extensions.js";
export { metadataServiceCaller } from "./call-metadata-service.js";
export { readClientTls } from "./tls-files.js";
export { plainRegistry } from "./registries.js";
