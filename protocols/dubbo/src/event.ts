import { type Frame, frameFlags, frameOf, frameStatus, hessian2Id } from "./frame.js";

/**
 * What an event says (rpc-protocols 1.5): `heartbeat` asks for a sign of life, `readOnly` that the peer is leaving,
 * `writable` that it stays after all.
 */
export type DubboEvent = "heartbeat" | "readOnly" | "writable" | "unknown";

/** Java refuses events above this size (`deserialization.event.size`). */
const maxEventBytes = 15;

const nullByte = 0x4e;
const readOnlyBody = Buffer.from([0x01, 0x52]);
const nullBody = Buffer.from([nullByte]);

/** Reads the body of an event; dubbo-go's second `4e` is legal. Other serializations only have heartbeats here. */
export function readEvent({ bytes, start, end, flags }: Frame): DubboEvent {
  const length = end - start;
  if (length > maxEventBytes) return "unknown";
  if ((flags & frameFlags.serialization) !== hessian2Id || length === 0 || bytes[start] === nullByte) {
    return "heartbeat";
  }
  if (length < 2 || bytes[start] !== 1) return "unknown";
  if (bytes[start + 1] === 0x52) return "readOnly";
  if (bytes[start + 1] === 0x57) return "writable";
  return bytes[start + 1] === 0x48 ? "heartbeat" : "unknown";
}

/** Asks for a sign of life. */
export function heartbeatRequest(idHigh: number, idLow: number): Buffer {
  const flags = frameFlags.request | frameFlags.twoWay | frameFlags.event | hessian2Id;
  return frameOf({ flags, status: 0, idHigh, idLow }, nullBody);
}

/** The answer to a two-way event: same id, same serialization, and that serialization's null. */
export function eventResponse(request: Frame): Buffer {
  const serialization = request.flags & frameFlags.serialization;
  const { idHigh, idLow, bytes, start, end } = request;
  const foreign = serialization !== hessian2Id && end - start <= maxEventBytes;
  const body = foreign ? bytes.subarray(start, end) : nullBody;
  return frameOf({ flags: frameFlags.event | serialization, status: frameStatus.ok, idHigh, idLow }, body);
}

/** Tells a consumer that this provider is leaving: one way, as Java sends it. */
export function readOnlyEvent(idHigh: number, idLow: number): Buffer {
  const flags = frameFlags.request | frameFlags.event | hessian2Id;
  return frameOf({ flags, status: 0, idHigh, idLow }, readOnlyBody);
}
