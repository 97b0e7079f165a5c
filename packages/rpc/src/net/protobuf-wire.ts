import { RpcError } from "@dubbo-ts/core";

const varint = 0;
const fixed64 = 1;
const bytes = 2;
const fixed32 = 5;

/**
 * Writes protobuf's wire format, for the few messages that Dubbo itself defines: texts, bytes and small numbers.
 * Fields are collected first, so that one buffer of the right size is made at the end.
 */
export class WireWriter {
  readonly #parts: (Uint8Array | string | number)[] = [];
  #length = 0;

  /** A field of texts or bytes, or of a message that was finished; absent ones are left out by the caller. */
  field(number: number, value: string | Uint8Array): this {
    const length = typeof value === "string" ? Buffer.byteLength(value) : value.length;
    const tag = (number << 3) | bytes;
    this.#parts.push(tag, length, value);
    this.#length += sizeOf(tag) + sizeOf(length) + length;
    return this;
  }

  /** A field of a whole number from 0 to 2^53; 0 is left out, as proto3 does. */
  number(number: number, value: number): this {
    if (value === 0) return this;
    const tag = (number << 3) | varint;
    this.#parts.push(tag, value);
    this.#length += sizeOf(tag) + sizeOf(value);
    return this;
  }

  finish(): Buffer {
    const buffer = Buffer.allocUnsafe(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      if (typeof part === "number") at = writeVarint(buffer, at, part);
      else if (typeof part === "string") at += buffer.write(part, at);
      else {
        buffer.set(part, at);
        at += part.length;
      }
    }
    return buffer;
  }
}

/** How many bytes a number takes as a varint. */
function sizeOf(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

function writeVarint(buffer: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) buffer[at++] = (rest % 128) | 128;
  buffer[at++] = rest;
  return at;
}

/**
 * Reads the fields of a message one after another:
 *
 *     for (const reader = new WireReader(bytes); reader.next(); )
 *       if (reader.field === 1) name = reader.text();
 *
 * Fields that are not read are skipped. What is read points into the bytes.
 *
 * @throws {RpcError} DECODE_FAILED from all that read: the bytes are no message, or a field is of another type.
 */
export class WireReader {
  /** The number of the field that `next` found. */
  field = 0;
  #type = varint;
  #at: number;
  readonly #end: number;
  /** The payload of the field: its value, or where its bytes start and end. */
  #value = 0;
  #start = 0;

  constructor(private readonly source: Buffer) {
    this.#at = 0;
    this.#end = source.length;
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#type = tag % 8;
    if (this.field === 0) throw malformed("a field has number 0");
    if (this.#type === varint) this.#value = this.#varint();
    else if (this.#type === bytes) this.#skip(this.#varint());
    else if (this.#type === fixed64) this.#skip(8);
    else if (this.#type === fixed32) this.#skip(4);
    else throw malformed(`wire type ${this.#type} is unknown`);
    return true;
  }

  bytes(): Buffer {
    this.#expect(bytes, "bytes");
    return this.source.subarray(this.#start, this.#at);
  }

  text(): string {
    this.#expect(bytes, "text");
    return this.source.toString("utf8", this.#start, this.#at);
  }

  /** A whole number; 64 bits lose what is above 2^53, negative ones are wrong. */
  number(): number {
    this.#expect(varint, "number");
    return this.#value;
  }

  #expect(type: number, what: string): void {
    if (this.#type !== type) throw malformed(`field ${this.field} is no ${what}`);
  }

  #skip(length: number): void {
    if (length > this.#end - this.#at) throw malformed(`field ${this.field} ends after the message`);
    this.#start = this.#at;
    this.#at += length;
  }

  #varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count += 1) {
      const byte = this.source[this.#at];
      if (byte === undefined) break;
      this.#at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
    throw malformed("a number has no end");
  }
}

function malformed(why: string): RpcError {
  return new RpcError("DECODE_FAILED", `no protobuf message: ${why}`);
}
