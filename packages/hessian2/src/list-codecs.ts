import { type Codec, notA } from "./codec.js";
import type { Decoder } from "./decoder.js";
import type { Encoder } from "./encoder.js";
import { DistinctKeys } from "./java-equality.js";
import { within } from "./misfit.js";
import { bytesCodec, stringCodec } from "./scalar-codecs.js";
import { Kind } from "./tags.js";

/** Writes a list's elements; the list has been begun. */
function writeElements(encoder: Encoder, element: Codec, values: Iterable<unknown>): void {
  let index = 0;
  encoder.enter();
  try {
    for (const value of values) {
      element.write(encoder, value);
      index++;
    }
  } catch (error) {
    throw within(`[${index}]`, error);
  }
  encoder.leave();
}

/**
 * Reads the elements of a list that was begun.
 *
 * @param length undefined: up to an end tag.
 */
export function readElements(
  decoder: Decoder,
  element: Pick<Codec, "read">,
  length: number | undefined,
  add: (value: unknown) => void,
): void {
  let index = 0;
  decoder.enter();
  try {
    for (; length === undefined ? !decoder.takeEnd() : index < length; index++) add(element.read(decoder));
  } catch (error) {
    throw within(`[${index}]`, error);
  }
  decoder.leave();
}

/**
 * `java.util.List` as an untyped list, which Java reads as an ArrayList, and Java arrays as typed lists. Any list
 * is read, whatever its type.
 */
export class ListCodec implements Codec {
  /** @param type gives the type on the wire, undefined for none. Called when it is needed first. */
  constructor(
    private readonly element: Codec,
    private readonly type: () => string | undefined,
  ) {}

  write(encoder: Encoder, value: unknown): void {
    if (!Array.isArray(value)) throw notA("list", value);
    if (encoder.writeReference(value, this)) return;
    encoder.beginList(value.length, this.type());
    this.#writeElements(encoder, value);
  }

  #writeElements(encoder: Encoder, list: readonly unknown[]): void {
    let index = 0;
    encoder.enter();
    try {
      for (; index < list.length; index++) this.element.write(encoder, list[index]);
    } catch (error) {
      throw within(`[${index}]`, error);
    }
    encoder.leave();
  }

  read(decoder: Decoder): unknown {
    if (decoder.takeNull()) return null;
    const kind = decoder.kind();
    if (kind === Kind.reference) return decoder.readReference(this);
    if (kind !== Kind.list) throw decoder.expected("list");
    const { length } = decoder.readListBegin();
    const list: unknown[] = [];
    decoder.register(list, this);
    if (length === undefined) readElements(decoder, this.element, length, (value) => list.push(value));
    else this.#readElements(decoder, list, length);
    return list;
  }

  #readElements(decoder: Decoder, list: unknown[], length: number): void {
    decoder.enter();
    try {
      for (let i = 0; i < length; i++) list.push(this.element.read(decoder));
    } catch (error) {
      throw within(`[${list.length}]`, error);
    }
    decoder.leave();
  }

  absent(): null {
    return null;
  }
}

/** What a set is to Java where nothing else is asked for. */
export const hashSet = "java.util.HashSet";

/** `java.util.Set`: a Set. Written as a HashSet; any list is read. */
export class SetCodec implements Codec {
  constructor(private readonly element: Codec) {}

  write(encoder: Encoder, value: unknown): void {
    if (!(value instanceof Set)) throw notA("set", value);
    if (encoder.writeReference(value, this)) return;
    const distinct = new DistinctKeys();
    for (const member of value) distinct.add(member);
    encoder.beginList(value.size, hashSet);
    writeElements(encoder, this.element, value);
  }

  read(decoder: Decoder): unknown {
    if (decoder.takeNull()) return null;
    const kind = decoder.kind();
    if (kind === Kind.reference) return decoder.readReference(this);
    if (kind !== Kind.list) throw decoder.expected("set");
    const { length } = decoder.readListBegin();
    const set = new Set<unknown>();
    decoder.register(set, this);
    readElements(decoder, this.element, length, (value) => set.add(value));
    return set;
  }

  absent(): null {
    return null;
  }
}

/** `byte[]` declared as an array of bytes: a binary on the wire, an array of numbers in the program. */
export const byteArrayCodec: Codec = {
  write(encoder, value) {
    if (!Array.isArray(value)) throw notA("byte[]", value);
    for (const byte of value as unknown[])
      if (!Number.isInteger(byte) || (byte as number) < -128 || (byte as number) > 127)
        throw notA("byte", byte);
    encoder.writeBytes(Buffer.from(value as number[]));
  },
  read(decoder) {
    const bytes = bytesCodec.read(decoder) as Buffer | null;
    return bytes === null ? null : [...new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)];
  },
  absent: () => null,
};

/** `char[]`: one string on the wire, an array of strings of one unit in the program. */
export const charArrayCodec: Codec = {
  write(encoder, value) {
    if (!Array.isArray(value)) throw notA("char[]", value);
    for (const unit of value as unknown[])
      if (typeof unit !== "string" || unit.length !== 1) throw notA("char", unit);
    encoder.writeString(value.join(""));
  },
  read(decoder) {
    const text = stringCodec.read(decoder) as string | null;
    return text === null ? null : text.split("");
  },
  absent: () => null,
};
