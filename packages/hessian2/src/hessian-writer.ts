import type { JavaType } from "@dubbo-ts/rpc";
import { anyCodec, codecOf } from "./compile.js";
import { defaultMaxDepth, Encoder } from "./encoder.js";
import { asRpcError } from "./misfit.js";
import { nameOfType } from "./name-of-type.js";
import { Tag } from "./tags.js";
import { untypedMap } from "./map-codec.js";

/** A buffer larger than this is not kept for the next stream. */
const maxKeptBytes = 1024 * 1024;
const firstBytes = 1024;

/** Settings of a {@link HessianWriter}. */
export interface HessianWriterOptions {
  /** Bytes left free at the front, for a header that is filled in later. Default 0. */
  readonly headroom?: number;
  /** How deep values may be nested. Default 200. */
  readonly maxDepth?: number;
}

/**
 * Writes the values of one Hessian 2 stream, typed and untyped ones in any order: class definitions, types and
 * references are shared by all of them. For the next stream there is `reset`.
 *
 * All that write throw an {@link RpcError} ENCODE_FAILED, whose message names the place in the value; the stream
 * is of no use then.
 */
export class HessianWriter {
  readonly #headroom: number;
  readonly #maxDepth: number;
  #encoder: Encoder;

  constructor({ headroom = 0, maxDepth = defaultMaxDepth }: HessianWriterOptions = {}) {
    this.#headroom = headroom;
    this.#maxDepth = maxDepth;
    this.#encoder = this.#create();
  }

  #create(): Encoder {
    const encoder = new Encoder(firstBytes + this.#headroom, this.#maxDepth);
    encoder.byteBuffer._offset = this.#headroom;
    return encoder;
  }

  /** How many bytes there are, headroom included. */
  get position(): number {
    return this.#encoder.byteBuffer._offset;
  }

  /** Writes a value of a declared type: the bytes are those that Java writes for it. */
  write(type: JavaType, value: unknown): void {
    try {
      codecOf(type).write(this.#encoder, value);
    } catch (error) {
      throw asRpcError("ENCODE_FAILED", nameOfType(type), error);
    }
  }

  /** Writes what `java.any()` takes: the Java type follows from the value. */
  writeAny(value: unknown): void {
    try {
      anyCodec.write(this.#encoder, value);
    } catch (error) {
      throw asRpcError("ENCODE_FAILED", "value", error);
    }
  }

  /**
   * Writes an exception: a RemoteException as its class with its fields, any other error as a
   * `java.lang.RuntimeException`, with the chain of causes. Java gets no stack trace.
   */
  writeThrowable(error: unknown): void {
    try {
      anyCodec.errors.write(this.#encoder, error);
    } catch (cause) {
      throw asRpcError("ENCODE_FAILED", "exception", cause);
    }
  }

  writeString(value: string | null): void {
    if (value === null) this.writeNull();
    else this.#encoder.writeString(value);
  }

  /** @param value a whole number of 32 bits. */
  writeInt(value: number): void {
    if (value === (value | 0)) this.#encoder.writeInt(value);
    else throw asRpcError("ENCODE_FAILED", "int", new Error(`expected int, got number ${value}`));
  }

  writeNull(): void {
    this.#encoder.writeNull();
  }

  /** Writes a HashMap of texts, as attachments are one. */
  writeStringMap(entries: Iterable<readonly [string, string]>): void {
    const encoder = this.#encoder;
    encoder.skipReference();
    encoder.writeTag(untypedMap);
    for (const [key, value] of entries) {
      if (typeof key !== "string" || typeof value !== "string")
        throw asRpcError(
          "ENCODE_FAILED",
          `[${String(key)}]`,
          new Error(`expected string, got ${typeof value}`),
        );
      encoder.writeString(key);
      encoder.writeString(value);
    }
    encoder.writeTag(Tag.end);
  }

  /** Leaves `bytes` zeros out of the stream here, to be filled in later in what `finish` gives. */
  reserve(bytes: number): void {
    const buffer = this.#encoder.room(bytes);
    buffer._bytes.fill(0, buffer._offset, buffer._offset + bytes);
    buffer._offset += bytes;
  }

  /** All bytes from the headroom on, the caller's own. Nothing may be written afterwards but after `reset`. */
  finish(): Buffer {
    const { _bytes: bytes, _offset: length } = this.#encoder.byteBuffer;
    // A large buffer is given away instead of copied: `reset` drops it.
    if (bytes.length > maxKeptBytes) return bytes.subarray(0, length);
    const copy = Buffer.allocUnsafe(length);
    bytes.copy(copy, 0, 0, length);
    return copy;
  }

  /** Begins the next stream. */
  reset(): void {
    if (this.#encoder.byteBuffer._bytes.length > maxKeptBytes) {
      this.#encoder = this.#create();
      return;
    }
    this.#encoder.forget();
    this.#encoder.byteBuffer._offset = this.#headroom;
  }
}
