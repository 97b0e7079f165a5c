import type { Codec } from "./codec.js";
import { notA } from "./codec.js";
import type { Decoder } from "./decoder.js";
import type { Encoder } from "./encoder.js";
import { Misfit } from "./misfit.js";
import { Kind } from "./tags.js";

/** `byte`, `short`, `int`. Any number on the wire will do that is whole and in range, as in Java. */
export class IntegerCodec implements Codec {
  constructor(
    private readonly name: string,
    private readonly min: number,
    private readonly max: number,
  ) {}

  write(encoder: Encoder, value: unknown): void {
    encoder.writeInt(this.#fit(value));
  }

  read(decoder: Decoder): number {
    const value = decoder.kind() === Kind.int ? decoder.readInt() : this.#readOther(decoder);
    return value >= this.min && value <= this.max ? value : this.#fit(value);
  }

  #readOther(decoder: Decoder): number {
    return decoder.takeNull() ? 0 : this.#fit(readNumber(decoder, this.name));
  }

  #fit(value: unknown): number {
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= this.min && number <= this.max)
      return number;
    throw notA(this.name, value);
  }

  absent(): number {
    return 0;
  }
}

function readNumber(decoder: Decoder, expected: string): number | bigint {
  const kind = decoder.kind();
  if (kind === Kind.long || kind === Kind.int || kind === Kind.double) return decoder.readNumber();
  throw decoder.expected(expected);
}

/** `long` as a bigint. Numbers are taken where they are exact. */
export const longCodec: Codec = {
  write(encoder, value) {
    encoder.writeLong(fitLong(value));
  },
  read(decoder) {
    if (decoder.takeNull()) return 0n;
    const value = decoder.kind() === Kind.long ? decoder.readLong() : readNumber(decoder, "long");
    return typeof value === "bigint" ? value : BigInt(fitLong(value));
  },
  absent: () => 0n,
};

/** `long` as a number: one beyond 2^53 is an error, not another number. */
export const numberLongCodec: Codec = {
  write(encoder, value) {
    encoder.writeLong(fitLong(value));
  },
  read(decoder) {
    if (decoder.takeNull()) return 0;
    const value = decoder.kind() === Kind.long ? decoder.readLong() : readNumber(decoder, "long");
    const number = Number(fitLong(value));
    if (Number.isSafeInteger(number)) return number;
    throw new Misfit(`expected long within 2^53, got ${value}`);
  },
  absent: () => 0,
};

function fitLong(value: unknown): number | bigint {
  if (typeof value === "bigint") return value; // its width is checked where it is written
  if (Number.isSafeInteger(value)) return value as number;
  throw notA("long", value);
}

/** `double`: NaN and the infinities too, which Java has as well. */
export const doubleCodec: Codec = {
  write(encoder, value) {
    if (typeof value !== "number") throw notA("double", value);
    encoder.writeDouble(value);
  },
  read(decoder) {
    if (decoder.kind() === Kind.double) return decoder.readDouble();
    return decoder.takeNull() ? 0 : toDouble(readNumber(decoder, "double"));
  },
  absent: () => 0,
};

function toDouble(value: number | bigint): number {
  const number = Number(value);
  if (typeof value === "bigint" && BigInt(number) !== value)
    throw new Misfit(`expected double, got long ${value}, which none equals`);
  return number;
}

/**
 * `float`. Java writes the field of a class and the element of a `float[]` as the exact double, 0.10000000149011612
 * (`wide`), but a Float, which an argument is too, as the double with the same digits, 0.1 (UnsafeSerializer.java,
 * BasicSerializer.java).
 */
export class FloatCodec implements Codec {
  constructor(private readonly wide: boolean) {}

  write(encoder: Encoder, value: unknown): void {
    if (typeof value !== "number") throw notA("float", value);
    const float = Math.fround(value);
    if (Number.isFinite(value) && !Number.isFinite(float)) throw notA("float", value);
    encoder.writeDouble(this.wide ? float : sameDigits(float));
  }

  read(decoder: Decoder): number {
    return Math.fround(doubleCodec.read(decoder) as number);
  }

  absent(): number {
    return 0;
  }
}

/** The double with the digits that Java prints for the float, two at least: 0.1 for 0.10000000149011612. */
function sameDigits(float: number): number {
  if (float === 0) return float; // no text has the sign of -0
  for (let digits = 2; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return Number.isFinite(float) ? Number(float.toPrecision(9)) : float;
}

/** `boolean` and its box: one byte, `T` or `F`. */
export const booleanCodec: Codec = {
  write(encoder, value) {
    if (typeof value !== "boolean") throw notA("boolean", value);
    encoder.writeBool(value);
  },
  read: (decoder) => (decoder.takeNull() ? false : decoder.readBoolean()),
  absent: () => false,
};

/** `char`: a string of one UTF-16 unit. */
export const charCodec: Codec = {
  write(encoder, value) {
    if (typeof value !== "string" || value.length !== 1) throw notA("char", value);
    encoder.writeString(value);
  },
  read(decoder) {
    if (decoder.takeNull()) return "\0";
    if (decoder.kind() !== Kind.string) throw decoder.expected("char");
    const text = decoder.readString();
    if (text.length !== 1) throw notA("char", text);
    return text;
  },
  absent: () => "\0",
};

/** `java.lang.String`, in pieces of CESU-8. */
export const stringCodec: Codec = {
  write(encoder, value) {
    if (typeof value !== "string") throw notA("string", value);
    encoder.writeString(value);
  },
  read: (decoder) => (decoder.takeNull() ? null : decoder.readString()),
  absent: () => null,
};

/** `byte[]`: a Buffer comes out, any Uint8Array goes in. */
export const bytesCodec: Codec = {
  write(encoder, value) {
    if (!(value instanceof Uint8Array)) throw notA("bytes", value);
    encoder.writeBytes(value);
  },
  read: (decoder) => (decoder.takeNull() ? null : decoder.readBytes()),
  absent: () => null,
};
