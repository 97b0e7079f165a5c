export { type AccessKey, type AccessKeyOptions, accessKeyCredentials } from "./access-key-credentials.js";
export type { ConfigKey, NacosConfigValue } from "./config-key.js";
export { connectNacos, type Nacos } from "./connect-nacos.js";
export type { NacosState } from "./connection-state.js";
export type { NacosCredentials, SecuredRequest } from "./credentials.js";
export type { NacosClock, NacosEnvironment, NacosLogger, NacosTimer } from "./environment.js";
export type { ApiRequest, NacosHttp } from "./http/http-api.js";
export type { NacosInstance, NewInstance, ServiceInfo, ServiceName } from "./instance.js";
export {
  type ConfigFilter,
  type ConfigVersion,
  type NacosAdmin,
  type NacosNamespace,
  type Page,
  type PageOptions,
  nacosAdmin,
} from "./nacos-admin.js";
export { type NacosConfig, nacosConfig, type PublishOptions } from "./nacos-config.js";
export { NacosError, type NacosErrorCode } from "./nacos-error.js";
export { type NacosNaming, nacosNaming } from "./nacos-naming.js";
export type { NacosHttpRequest, NacosHttpResponse, NacosNetwork, NacosUdpSocket } from "./network.js";
export type { NacosOptions, ServerAddress } from "./options.js";
export { type PasswordOptions, passwordCredentials } from "./password-credentials.js";
export { pickInstance, selectable } from "./pick-instance.js";
export type { ServiceSnapshot } from "./subscription.js";
export type { NacosTls } from "./tls.js";

// For authors of servers and test doubles that speak the same protocol
export { decodePayload, encodePayload, nacosService, noMetadata, type Payload } from "./wire.js";
