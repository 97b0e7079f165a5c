// For users
export { dubboProtocol } from "./dubbo-protocol.js";
export type { DubboOptions } from "./options.js";
export type { ClientTls, ServerTls } from "@dubbo-ts/rpc";
// For tools that read recorded bytes
export { decodeFrames, type Frame, type FrameHeader, frameFlags, frameStatus } from "./frame.js";
