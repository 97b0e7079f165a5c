// For users
export {
  loadProto,
  type LoadProtoOptions,
  type Message,
  type ProtoMethod,
  type ProtoService,
} from "./load-proto.js";
export type { TripleOptions } from "./options.js";
export type { ClientTls, ServerTls } from "@dubbo-ts/rpc";
export type { StatusName } from "./status.js";
export { statusException } from "./status-exception.js";
export { tripleProtocol } from "./triple-protocol.js";
// For protocols that share a port
export { jsonHandler, type JsonHandlerOptions } from "./json/json-handler.js";
export { ServiceTable } from "./service-table.js";
