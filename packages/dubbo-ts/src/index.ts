// An application's author needs this import and no other.
export { createApplication, type CreateApplicationOptions, openRegistry } from "./create-application.js";
export { memoryCenters, type MemoryCenters } from "./adapters.js";
export type {
  Application,
  CenterBackend,
  ConfigChange,
  MethodOptions,
  MigrateOptions,
  ProtocolFactory,
  ReferenceMethodOptions,
  ReferenceOptions,
  RegistryBackend,
  RegistryFactory,
  ServiceHandle,
  ServiceOptions,
} from "@dubbo-ts/application";
export type { Candidate, Cluster, LoadBalancer, LoadBalancerFactory } from "@dubbo-ts/cluster";
export { chosenRegistry, type Config, loadConfig } from "@dubbo-ts/config";
export {
  ConfigError,
  DubboError,
  type Endpoint,
  type ErrorCode,
  hasCode,
  InvalidValueError,
  type Logger,
  MetadataError,
  NoProviderError,
  RegistryError,
  RemoteException,
  RpcError,
  type ServiceInstance,
  type ServiceKey,
} from "@dubbo-ts/core";
export { loadProto } from "./load-proto.js";
export type { Message, ProtoMethod, ProtoService } from "@dubbo-ts/protocol-triple";
export {
  type MigrationStatus,
  type MigrationStep,
  registryClient,
  type RegistryClient,
} from "@dubbo-ts/discovery";
export {
  Container,
  createContainer,
  dubboModule,
  inject,
  injectable,
  Reference,
  runningApplication,
  Service,
  type ServiceClass,
  UseFilters,
} from "@dubbo-ts/decorators";
export {
  accessLog,
  callContext,
  type CallContext,
  type CallOptions,
  type Client,
  defineService,
  echo,
  type Filter,
  type Flat,
  type GenericClient,
  type Implementation,
  type Infer,
  type Invocation,
  type Invoker,
  java,
  type JavaType,
  lazy,
  method,
  type MethodDefinition,
  type ServiceDefinition,
  type TypeMethods,
} from "@dubbo-ts/rpc";
