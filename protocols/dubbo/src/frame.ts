import { RpcError } from "@dubbo-ts/core";

/** Bytes of a header (rpc-protocols 1.1; ExchangeCodec.java). */
export const headerBytes = 16;

/** Bits of the third byte of a header. */
export const frameFlags = { request: 0x80, twoWay: 0x40, event: 0x20, serialization: 0x1f } as const;

/** The only serialization that is spoken here: the id in the low bits of the flags. */
export const hessian2Id = 2;

/** The fourth byte of a response (rpc-protocols 1.4). */
export const frameStatus = {
  ok: 20,
  serializationError: 25,
  clientTimeout: 30,
  serverTimeout: 31,
  channelInactive: 35,
  badRequest: 40,
  badResponse: 50,
  serviceNotFound: 60,
  serviceError: 70,
  serverError: 80,
  clientError: 90,
  threadPoolExhausted: 100,
} as const;

/** A header, but for its magic. The id is 64 bits, more than a number holds, so it stays in halves and is echoed as it came. */
export interface FrameHeader {
  readonly flags: number;
  /** Responses only; 0 in requests. */
  readonly status: number;
  /** The id's first 32 bits, as a signed number. */
  readonly idHigh: number;
  /** The id's last 32 bits, as a signed number. */
  readonly idLow: number;
  /** Bytes of the body, at least 0: a length that Java would take for negative is above 2^31 here. */
  readonly length: number;
}

/** A frame whose body is a part of a larger buffer, which is not copied. */
export interface Frame extends FrameHeader {
  readonly bytes: Buffer;
  /** Where the body starts in `bytes`. */
  readonly start: number;
  /** Where the body ends. */
  readonly end: number;
}

/** Reads the 16 bytes at `offset`; the magic is not looked at. */
export function readHeader(bytes: Buffer, offset: number): FrameHeader {
  return {
    flags: bytes[offset + 2] as number,
    status: bytes[offset + 3] as number,
    idHigh: bytes.readInt32BE(offset + 4),
    idLow: bytes.readInt32BE(offset + 8),
    length: bytes.readUInt32BE(offset + 12),
  };
}

/** Writes a header into the first 16 bytes of `frame`, whose rest is the body. */
export function writeHeader(
  frame: Buffer,
  flags: number,
  status: number,
  idHigh: number,
  idLow: number,
): void {
  frame[0] = 0xda;
  frame[1] = 0xbb;
  frame[2] = flags;
  frame[3] = status;
  frame.writeInt32BE(idHigh | 0, 4);
  frame.writeInt32BE(idLow | 0, 8);
  frame.writeUInt32BE(frame.length - headerBytes, 12);
}

/** A whole frame around a body that is at hand. */
export function frameOf(
  header: Pick<FrameHeader, "flags" | "status" | "idHigh" | "idLow">,
  body: Uint8Array,
): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.set(body, headerBytes);
  writeHeader(frame, header.flags, header.status, header.idHigh, header.idLow);
  return frame;
}

/** True when what is at `offset` cannot be a frame: looks at one byte or, where there are two, at both. */
export function isForeign(bytes: Buffer, offset: number): boolean {
  return bytes[offset] !== 0xda || (offset + 1 < bytes.length && bytes[offset + 1] !== 0xbb);
}

/** What a connection dies of that speaks something else. */
export function foreignBytes(bytes: Buffer, offset: number): RpcError {
  const seen = bytes.toString("hex", offset, Math.min(bytes.length, offset + headerBytes));
  return new RpcError("FRAME_INVALID", `not a dubbo frame: expected magic dabb, got ${seen}`);
}

/**
 * All frames of a recording, in order.
 * @throws {RpcError} FRAME_INVALID: other bytes in between, or an incomplete frame at the end.
 */
export function decodeFrames(recording: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < recording.length; ) {
    if (isForeign(recording, at)) throw foreignBytes(recording, at);
    if (recording.length - at < headerBytes) {
      throw new RpcError("FRAME_INVALID", `recording ends within the header at byte ${at}`);
    }
    const header = readHeader(recording, at);
    const start = at + headerBytes;
    const end = start + header.length;
    if (end > recording.length) {
      throw new RpcError("FRAME_INVALID", `recording ends within the frame at byte ${at}`);
    }
    frames.push({ ...header, bytes: recording, start, end });
    at = end;
  }
  return frames;
}
