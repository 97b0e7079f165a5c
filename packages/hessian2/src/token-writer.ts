import { type ByteBuffer, EncoderV2 } from "./hessian-js.js";
import { Misfit } from "./misfit.js";
import { Tag } from "./tags.js";

/** The longest piece of a string, in UTF-16 units, and of a binary, in bytes (Hessian2Output.java, hessian.js). */
const stringChunk = 0x8000;
const binaryChunk = 4093;

/** Up to here writing a string unit by unit is faster than asking the Buffer to. */
const shortText = 24;

/**
 * hessian.js's encoder, which owns the growing buffer, with faster and stricter writers of the values that have no
 * parts. All give the shortest form, as Hessian2Output.java does.
 */
export class TokenWriter extends EncoderV2 {
  constructor(size: number) {
    super({ size });
  }

  /** Room for `count` more bytes. */
  room(count: number): ByteBuffer {
    const buffer = this.byteBuffer;
    if (buffer._offset + count > buffer._size) buffer._checkSize(buffer._offset + count);
    return buffer;
  }

  writeTag(tag: number): void {
    const buffer = this.room(1);
    buffer._bytes[buffer._offset++] = tag;
  }

  writeRaw(bytes: Uint8Array): void {
    const buffer = this.room(bytes.length);
    buffer._bytes.set(bytes, buffer._offset);
    buffer._offset += bytes.length;
  }

  override writeNull(): this {
    this.writeTag(Tag.null);
    return this;
  }

  override writeBool(value: boolean): this {
    this.writeTag(value ? 0x54 : 0x46);
    return this;
  }

  /** @param value a whole number of 32 bits. */
  override writeInt(value: number): this {
    const buffer = this.room(5);
    const bytes = buffer._bytes;
    let at = buffer._offset;
    if (value >= -16 && value <= 47) {
      bytes[at++] = 0x90 + value;
    } else if (value >= -0x800 && value <= 0x7ff) {
      bytes[at++] = 0xc8 + (value >> 8);
      bytes[at++] = value;
    } else if (value >= -0x40000 && value <= 0x3ffff) {
      bytes[at++] = 0xd4 + (value >> 16);
      bytes[at++] = value >> 8;
      bytes[at++] = value;
    } else {
      bytes[at++] = 0x49;
      at = putInt32(bytes, at, value);
    }
    buffer._offset = at;
    return this;
  }

  /** @param value a whole number: safe, or a bigint of 64 bits. */
  writeLong(value: number | bigint): this {
    if (typeof value === "bigint") {
      const small = Number(value);
      if (!Number.isSafeInteger(small)) return this.#writeWideLong(value);
      value = small;
    }
    const buffer = this.room(9);
    const bytes = buffer._bytes;
    let at = buffer._offset;
    if (value >= -8 && value <= 15) {
      bytes[at++] = 0xe0 + value;
    } else if (value >= -0x800 && value <= 0x7ff) {
      bytes[at++] = 0xf8 + (value >> 8);
      bytes[at++] = value;
    } else if (value >= -0x40000 && value <= 0x3ffff) {
      bytes[at++] = 0x3c + (value >> 16);
      bytes[at++] = value >> 8;
      bytes[at++] = value;
    } else if (value === (value | 0)) {
      bytes[at++] = 0x59;
      at = putInt32(bytes, at, value);
    } else {
      bytes[at++] = 0x4c;
      at = putInt32(bytes, at, Math.floor(value / 0x1_0000_0000));
      at = putInt32(bytes, at, value >>> 0);
    }
    buffer._offset = at;
    return this;
  }

  #writeWideLong(value: bigint): this {
    if (BigInt.asIntN(64, value) !== value) throw new Misfit("expected long of 64 bits, got a larger bigint");
    const buffer = this.room(9);
    buffer._bytes[buffer._offset] = 0x4c;
    buffer._bytes.writeBigInt64BE(value, buffer._offset + 1);
    buffer._offset += 9;
    return this;
  }

  /** The shortest exact form, as Hessian2Output.java chooses it; but -0 keeps its sign, which Java's loses. */
  writeDouble(value: number): this {
    const buffer = this.room(9);
    const bytes = buffer._bytes;
    let at = buffer._offset;
    const mills = value * 1000;
    if (value === (value | 0) && value >= -0x8000 && value < 0x8000 && !Object.is(value, -0)) {
      if (value === 0 || value === 1) {
        bytes[at++] = 0x5b + value;
      } else if (value >= -0x80 && value < 0x80) {
        bytes[at++] = 0x5d;
        bytes[at++] = value;
      } else {
        bytes[at++] = 0x5e;
        bytes[at++] = value >> 8;
        bytes[at++] = value;
      }
    } else if (
      mills > -0x8000_0001 &&
      mills < 0x8000_0000 &&
      Math.trunc(mills) * 0.001 === value &&
      value !== 0
    ) {
      bytes[at++] = 0x5f;
      at = putInt32(bytes, at, Math.trunc(mills));
    } else {
      bytes[at++] = 0x44;
      at = bytes.writeDoubleBE(value, at);
    }
    buffer._offset = at;
    return this;
  }

  /** @param time milliseconds since 1970, whole. */
  writeDate(time: number): this {
    const buffer = this.room(9);
    const bytes = buffer._bytes;
    let at = buffer._offset;
    const minutes = time / 60_000;
    if (minutes === (minutes | 0)) {
      bytes[at++] = 0x4b;
      at = putInt32(bytes, at, minutes);
    } else {
      bytes[at++] = 0x4a;
      at = putInt32(bytes, at, Math.floor(time / 0x1_0000_0000));
      at = putInt32(bytes, at, time >>> 0);
    }
    buffer._offset = at;
    return this;
  }

  writeBytes(value: Uint8Array): this {
    let start = 0;
    for (; value.length - start > binaryChunk; start += binaryChunk) {
      this.#writeHead(0x41, binaryChunk);
      this.writeRaw(value.subarray(start, start + binaryChunk));
    }
    const left = value.length - start;
    if (left <= 15) this.writeTag(0x20 + left);
    else if (left <= 1023) this.#writeHead(-1, 0x3400 + left);
    else this.#writeHead(0x42, left);
    this.writeRaw(start === 0 ? value : value.subarray(start));
    return this;
  }

  /** CESU-8 in pieces of at most 32,768 units, none of which ends between two surrogates (Hessian2Output.java). */
  writeString(text: string): this {
    const length = text.length;
    if (length <= 31) {
      this.writeTag(length);
      this.#writeUnits(text);
      return this;
    }
    let start = 0;
    while (length - start > stringChunk) {
      const size = isHighSurrogate(text.charCodeAt(start + stringChunk - 1)) ? stringChunk - 1 : stringChunk;
      this.#writeHead(0x52, size);
      this.#writeUnits(text.slice(start, start + size));
      start += size;
    }
    const left = length - start;
    if (left <= 31) this.writeTag(left);
    else if (left <= 1023) this.#writeHead(-1, 0x3000 + left);
    else this.#writeHead(0x53, left);
    this.#writeUnits(start === 0 ? text : text.slice(start));
    return this;
  }

  /** A tag, if there is one, and 16 bits. */
  #writeHead(tag: number, bits: number): void {
    const buffer = this.room(3);
    if (tag >= 0) buffer._bytes[buffer._offset++] = tag;
    buffer._bytes[buffer._offset++] = bits >> 8;
    buffer._bytes[buffer._offset++] = bits;
  }

  #writeUnits(text: string): void {
    const buffer = this.room(text.length * 3);
    const { _bytes: bytes, _offset: at } = buffer;
    if (text.length <= shortText) {
      buffer._offset = putCesu8(bytes, at, text);
      return;
    }
    // Node's own writer gives UTF-8, which is CESU-8 where there are no surrogates, and none are in ASCII.
    const written = bytes.write(text, at, "utf8");
    const done = written === text.length || !/[\ud800-\udfff]/.test(text);
    buffer._offset = done ? at + written : putCesu8(bytes, at, text);
  }
}

function putInt32(bytes: Buffer, at: number, value: number): number {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
  return at + 4;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** Each UTF-16 unit on its own, surrogates too, as Java writes them. */
function putCesu8(bytes: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at;
}
