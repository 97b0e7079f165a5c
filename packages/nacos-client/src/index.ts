export type { ConfigKey, NacosConfigValue } from "./config-key.js";
export { connectNacos, type Nacos } from "./connect-nacos.js";
export type { NacosState } from "./connection-state.js";
export type { NacosCredentials, SecuredRequest } from "./credentials.js";
export type { NacosClock, NacosEnvironment, NacosLogger, NacosTimer } from "./environment.js";
export type { NacosInstance, NewInstance, ServiceInfo, ServiceName } from "./instance.js";
export { type NacosConfig, nacosConfig, type PublishOptions } from "./nacos-config.js";
export { NacosError, type NacosErrorCode } from "./nacos-error.js";
export { type NacosNaming, nacosNaming } from "./nacos-naming.js";
export type { NacosOptions, ServerAddress } from "./options.js";
export { type PasswordOptions, passwordCredentials } from "./password-credentials.js";
export type { ServiceSnapshot } from "./subscription.js";

// For authors of servers and test doubles that speak the same protocol
export { decodePayload, encodePayload, nacosService, noMetadata, type Payload } from "./wire.js";
