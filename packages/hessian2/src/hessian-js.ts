// @ts-expect-error hessian.js brings no types: this file is where it gets some
import hessian from "hessian.js";

/** The growing buffer of hessian.js (package `byte`), big endian. */
export interface ByteBuffer {
  readonly _bytes: Buffer;
  /** Where the next byte is written or read. */
  _offset: number;
  /** The size of `_bytes`. */
  readonly _size: number;
  /** Makes `_bytes` twice `size` bytes long if it is shorter than `size`. */
  _checkSize(size: number): void;
}

/** As much of hessian.js's `EncoderV2` as is built on. */
interface BaseEncoder {
  readonly byteBuffer: ByteBuffer;
  writeNull(): this;
  writeBool(value: boolean): this;
  writeInt(value: number): this;
  /** Writes a reference to the object of that number. */
  writeRef(index: number): this;
  /** Writes the start of a list; negative: of variable length. Calls `writeType` and `writeInt`. */
  _writeListBegin(length: number, type: string | undefined): boolean;
}

/** As much of hessian.js's `DecoderV2` as is built on. */
interface BaseDecoder {
  readonly byteBuffer: ByteBuffer;
  /** What this stream has named as types of lists and maps, in order. */
  readonly types: string[];
}

/** Hessian 2 output of hessian.js. */
export const EncoderV2 = (hessian as { EncoderV2: new (options: { size: number }) => BaseEncoder }).EncoderV2;

/** Hessian 2 input of hessian.js. */
export const DecoderV2 = (hessian as { DecoderV2: new (bytes: Buffer) => BaseDecoder }).DecoderV2;
