// For users
export {
  ConfigError,
  type ConfigErrorCode,
  DubboError,
  type ErrorCode,
  errorCodes,
  hasCode,
  InvalidValueError,
  MetadataError,
  type NoProviderDetails,
  NoProviderError,
  RegistryError,
  type RegistryErrorCode,
  RemoteException,
  RpcError,
  type RpcErrorCode,
  type RpcErrorDetails,
} from "./errors.js";
export { type ChangedSpan, changedSpan } from "./model/changed-span.js";
export { type Endpoint, type EndpointAddress, endpoint, endpointKey } from "./model/endpoint.js";
export { matchKey, type MetadataInfo, type ServiceInfo } from "./model/metadata-info.js";
export type { Resolution } from "./model/resolution.js";
export {
  instanceId,
  type MetadataServiceAddress,
  type MetadataStorage,
  type ServiceInstance,
} from "./model/service-instance.js";
export { type ServiceKey, serviceKey } from "./model/service-key.js";
export {
  type Clock,
  type Logger,
  type MachineAddress,
  type Network,
  type Runtime,
  silentLogger,
  systemClock,
  systemNetwork,
  systemRuntime,
  type Timer,
} from "./runtime.js";
// For authors of adapters
export { durationOfParameter, flagOfParameter } from "./address-parameters.js";
export { type TlsParameters, tlsOfParameters } from "./tls-parameters.js";
export { type TlsSocketOptions, tlsSocket } from "./tls-socket.js";
export { type BackoffOptions, backoffMs, retry, type RetryOptions } from "./async/backoff.js";
export { DisposalScope } from "./async/disposal-scope.js";
export { Latest } from "./async/latest.js";
export { OncePerKey } from "./async/once-per-key.js";
export { abortable, deadline, sleep } from "./async/sleep.js";
export { InstanceParts } from "./model/instance-parts.js";
export { decodeInstance, encodeInstance, type InstanceRecord } from "./model/instance-record.js";
export { decodeMetadata, encodeMetadata } from "./model/metadata-record.js";
export { emptyRevision, revisionOf } from "./model/revision.js";
