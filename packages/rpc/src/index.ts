// For users
export { java, lazy } from "./java.js";
export type { Infer, JavaType } from "./java-type.js";
export { method } from "./method.js";
export { defineService, genericService } from "./define-service.js";
export type {
  ArgumentsOf,
  CallOf,
  CallOptions,
  Client,
  Implementation,
  ImplementationOf,
  MethodDefinition,
  MethodKind,
  Methods,
  ResultOf,
  ServiceDefinition,
} from "./service-definition.js";
export { type CallContext, callContext, tryCallContext } from "./call-context.js";
export { createClient, echo } from "./client.js";
export type { ClientSettings } from "./caller.js";
export { createGenericClient, type GenericCallOptions, type GenericClient } from "./generic-client.js";
export type { Invocation, Peer } from "./invocation.js";
export { accessLog, type AccessLogOptions } from "./access-log.js";
export { applyFilters, type Filter, type Invoker } from "./invoker.js";
export { serveImplementation } from "./serve.js";
// For authors of protocols
export {
  checkArguments,
  checkMethodArguments,
  checkMethodResult,
  checkResult,
  isStreamIn,
} from "./check-call.js";
export { copyValue } from "./copy-value.js";
export { type FoundMethod, findMethod } from "./define-service.js";
export { generalize } from "./generalize.js";
export { genericException, unwrapGenericException } from "./generic-call.js";
export { echoMethod, genericMethod } from "./method.js";
export { messageType } from "./java.js";
export { methodNotFound } from "./method-not-found.js";
export { realize } from "./realize.js";
export { asCallError, type CallError, toRemoteException } from "./remote-exception.js";
export { isAsyncIterable } from "./streams.js";
export { localInvoker } from "./local-protocol.js";
export { descriptorOf, javaTypeName, parseDescriptor } from "./type-names.js";
export type {
  EnumNode,
  Fields,
  Flat,
  JavaTypeNode,
  LazyNode,
  ListNode,
  LongNode,
  MapNode,
  MessageNode,
  NullableNode,
  ObjectNode,
  ObjectOf,
  PlainNode,
  PrimitiveNode,
  ThrowableNode,
  TransformNode,
  TypeMethods,
} from "./java-type.js";
export type { Exporter, ListenOptions, Protocol, ProtocolInvoker, ServedService } from "./protocol.js";
export type { PortLimits, PortMember, WireDetector } from "./net/port-listener.js";
export { type PortLease, Ports } from "./net/ports.js";
export { SharedClients } from "./net/shared-clients.js";
export { type OpenPort, SharedPorts } from "./net/shared-ports.js";
export { Silence, type SilenceSettings } from "./net/silence.js";
export { Sweep, type Swept } from "./net/sweep.js";
export {
  begun,
  type ClientTls,
  isTlsAlert,
  requireUsableTls,
  secureSocket,
  type ServerTls,
  tlsFailure,
} from "./net/tls.js";
export { WireReader, WireWriter } from "./net/protobuf-wire.js";
