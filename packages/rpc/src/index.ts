// For users
export type { Infer, JavaType } from "./java-type.js";
export type {
  ArgumentsOf,
  CallOptions,
  Client,
  Implementation,
  MethodDefinition,
  MethodKind,
  Methods,
  ResultOf,
  ServiceDefinition,
} from "./service-definition.js";
export type { Invocation, Peer } from "./invocation.js";
export { applyFilters, type Filter, type Invoker } from "./invoker.js";
// For authors of protocols
export type {
  EnumNode,
  JavaTypeNode,
  LazyNode,
  ListNode,
  LongNode,
  MapNode,
  NullableNode,
  ObjectNode,
  PlainNode,
  PrimitiveNode,
  ThrowableNode,
  TransformNode,
  TypeMethods,
} from "./java-type.js";
export type { Exporter, ListenOptions, Protocol, ProtocolInvoker, ServedService } from "./protocol.js";
