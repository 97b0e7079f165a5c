// For authors of servers and test doubles that speak the same protocol
export { decodePayload, encodePayload, nacosService, noMetadata, type Payload } from "./wire.js";
