import type { JavaType } from "@dubbo-ts/rpc";
import type { Decoder, ValueReader } from "./decoder.js";
import type { Encoder } from "./encoder.js";
import { Misfit, show } from "./misfit.js";

/** Writes and reads the values of one Java type. Knows no stream: encoder and decoder bring theirs. */
export interface Codec extends ValueReader {
  /** @throws {Misfit} `value` is none of the type's. */
  write(encoder: Encoder, value: unknown): void;
  /**
   * Null on the wire is null for every type that Java calls a reference, as Java reads it, and the zero of a primitive.
   *
   * @throws {Misfit} what is next is none of the type's.
   */
  read(decoder: Decoder): unknown;
  /** What Java has in a field that nobody set: null, or the zero of a primitive. */
  absent(): unknown;
}

/** The codec of a type, the same one each time. */
export type Compile = (type: JavaType) => Codec;

/** The error for a value that is none of a type's. */
export function notA(what: string, value: unknown): Misfit {
  return new Misfit(`expected ${what}, got ${show(value)}`);
}

/** A type, or null; `undefined` is null too: a field that was left out. */
export class OptionalCodec implements Codec {
  constructor(private readonly inner: Codec) {}

  write(encoder: Encoder, value: unknown): void {
    if (value === null || value === undefined) encoder.writeNull();
    else this.inner.write(encoder, value);
  }

  read(decoder: Decoder): unknown {
    return decoder.takeNull() ? null : this.inner.read(decoder);
  }

  absent(): null {
    return null;
  }
}

/** A type that is asked for when it is needed first: types may refer to themselves. */
export class LazyCodec implements Codec {
  #inner: Codec | undefined;

  constructor(private readonly resolve: () => Codec) {}

  write(encoder: Encoder, value: unknown): void {
    (this.#inner ??= this.resolve()).write(encoder, value);
  }

  read(decoder: Decoder): unknown {
    return (this.#inner ??= this.resolve()).read(decoder);
  }

  absent(): unknown {
    return (this.#inner ??= this.resolve()).absent();
  }
}

/** The user's side of a mapping. */
export interface Mapping {
  decode(value: unknown): unknown;
  encode(value: unknown): unknown;
}

/** A type on the wire, another one in the program. Only a mapping of a type that may be null is given null. */
export class MappedCodec implements Codec {
  constructor(
    private readonly inner: Codec,
    private readonly mapping: Mapping,
    private readonly takesNull: boolean,
  ) {}

  write(encoder: Encoder, value: unknown): void {
    this.inner.write(encoder, this.mapping.encode(value));
  }

  read(decoder: Decoder): unknown {
    return this.#decode(this.inner.read(decoder));
  }

  absent(): unknown {
    return this.#decode(this.inner.absent());
  }

  #decode(value: unknown): unknown {
    return value === null && !this.takesNull ? null : this.mapping.decode(value);
  }
}

/** No value. What an older or newer provider returns nevertheless is left unread. */
export const voidCodec: Codec = {
  write: (encoder) => {
    encoder.writeNull();
  },
  read: (decoder) => decoder.skip(),
  absent: () => undefined,
};
