import { RpcError } from "@dubbo-ts/core";
import { WireReader } from "@dubbo-ts/rpc";

/** TripleRequestWrapper (rpc-protocols 3.3; triple_wrapper.proto). */
export interface RequestWrapper {
  /** As it was sent, to be echoed: `hessian4` by Java, `hessian2` by dubbo-go. */
  readonly serializeType: string;
  /** One Hessian 2 stream for each argument. */
  readonly args: readonly Buffer[];
}

/** The name that Java's clients have for Hessian 2. */
export const hessian4 = "hessian4";

const serializeTypes: ReadonlySet<string> = new Set([hessian4, "hessian2"]);

/** @throws {RpcError} SERIALIZATION_UNKNOWN: neither `hessian4` nor `hessian2`; nothing was run. */
export function requireHessian(serializeType: string): void {
  if (serializeTypes.has(serializeType)) return;
  const shown = JSON.stringify(serializeType.slice(0, 60));
  throw new RpcError("SERIALIZATION_UNKNOWN", `serialization ${shown} is not known here, only hessian2`, {
    mayHaveRun: false,
  });
}

/** A field of texts or bytes with a number below 16. */
export function textField(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([fieldHead(number, bytes.length), bytes]);
}

function fieldHead(number: number, length: number): Buffer {
  const head = Buffer.alloc(1 + varintSize(length));
  head[0] = (number << 3) | 2;
  writeVarint(head, 1, length);
  return head;
}

/**
 * A wrapper from its constant ends and the streams in the middle, in one buffer.
 *
 * @param streams each becomes a field 2: `args` of a request, `data` of an answer.
 */
export function wrap(head: Buffer, streams: readonly Buffer[], tail: Buffer): Buffer {
  let length = head.length + tail.length;
  for (const stream of streams) length += 1 + varintSize(stream.length) + stream.length;
  const wrapper = Buffer.allocUnsafe(length);
  let at = head.copy(wrapper, 0);
  for (const stream of streams) {
    wrapper[at++] = (2 << 3) | 2;
    at = writeVarint(wrapper, at, stream.length);
    at += stream.copy(wrapper, at);
  }
  tail.copy(wrapper, at);
  return wrapper;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest >>>= 7) size += 1;
  return size;
}

function writeVarint(buffer: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 128; rest >>>= 7) buffer[at++] = (rest & 127) | 128;
  buffer[at++] = rest;
  return at;
}

/**
 * Reads a request. The types of the arguments are not read: a method has one list of parameters here.
 * @throws {RpcError} DECODE_FAILED.
 */
export function readRequest(message: Buffer): RequestWrapper {
  let serializeType = hessian4;
  const args: Buffer[] = [];
  for (const reader = new WireReader(message); reader.next(); ) {
    if (reader.field === 1) serializeType = reader.text();
    else if (reader.field === 2) args.push(reader.bytes());
  }
  return { serializeType, args };
}

/**
 * The Hessian 2 stream in an answer, undefined when there is none: null is to be `4e`, but not everybody knows.
 * @throws {RpcError} DECODE_FAILED, SERIALIZATION_UNKNOWN.
 */
export function readResponse(message: Buffer): Buffer | undefined {
  let data: Buffer | undefined;
  for (const reader = new WireReader(message); reader.next(); ) {
    if (reader.field === 1) requireHessian(reader.text());
    else if (reader.field === 2) data = reader.bytes();
  }
  return data;
}
