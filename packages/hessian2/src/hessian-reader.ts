import { RemoteException } from "@dubbo-ts/core";
import type { JavaType } from "@dubbo-ts/rpc";
import { anyCodec, codecOf } from "./compile.js";
import { Decoder } from "./decoder.js";
import { JavaObject } from "./java-object.js";
import { defaultLimits, type HessianLimits } from "./limits.js";
import { asRpcError, show } from "./misfit.js";
import { nameOfType } from "./name-of-type.js";
import { StringMapReader } from "./string-map.js";

/** Settings of a {@link HessianReader}. */
export interface HessianReaderOptions {
  /** Where the stream starts in the bytes. Default 0. */
  readonly offset?: number;
  /** Where it ends. Default: with the bytes. */
  readonly end?: number;
  readonly limits?: HessianLimits;
}

const stringMap = new StringMapReader(anyCodec);

/**
 * Reads the values of one Hessian 2 stream, typed and untyped ones in the order in which they were written: class
 * definitions, types and references are shared by all of them. What is read does not point into the bytes.
 *
 * All that read throw an {@link RpcError} DECODE_FAILED, whose message names the place in the value, for whatever
 * is wrong with the bytes: they may come from a stranger. Nothing more can be read then.
 */
export class HessianReader {
  readonly #decoder: Decoder;

  constructor(bytes: Buffer, { offset = 0, end = bytes.length, limits }: HessianReaderOptions = {}) {
    const start = Math.min(Math.max(offset, 0), bytes.length);
    this.#decoder = new Decoder(bytes, start, Math.min(Math.max(end, start), bytes.length), {
      ...defaultLimits,
      ...limits,
    });
  }

  /** Where the next value starts, counted from the start of the bytes. */
  get position(): number {
    return this.#decoder.position;
  }

  get end(): number {
    return this.#decoder.end;
  }

  /**
   * Reads a value of a declared type. Null is null for all that Java calls references, whether declared or not, and
   * zero for primitives; fields that the writer does not have likewise; fields that nobody declared are ignored.
   */
  read(type: JavaType): unknown {
    return this.#attempt(
      () => nameOfType(type),
      () => codecOf(type).read(this.#decoder),
    );
  }

  /** Reads whatever is next as `java.any()` gives it. */
  readAny(): unknown {
    return this.#attempt(
      () => "value",
      () => anyCodec.read(this.#decoder),
    );
  }

  readString(): string | null {
    return this.#attempt(
      () => "string",
      () => (this.#decoder.takeNull() ? null : this.#decoder.readString()),
    );
  }

  readInt(): number {
    return this.#attempt(
      () => "int",
      () => this.#decoder.readInt(),
    );
  }

  /** Reads a map of texts, as attachments are one. Other values become text, nulls are left out; null is empty. */
  readStringMap(): Map<string, string> {
    return this.#attempt(
      () => "map",
      () => stringMap.read(this.#decoder),
    );
  }

  /**
   * Reads an exception with its fields and causes. Something else, which no peer should send, becomes a
   * `java.lang.RuntimeException` that shows it.
   */
  readThrowable(): RemoteException {
    return toException(this.readAny());
  }

  #attempt<T>(name: () => string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw asRpcError("DECODE_FAILED", name(), error);
    }
  }
}

function toException(value: unknown): RemoteException {
  if (value instanceof RemoteException) return value;
  if (value instanceof JavaObject)
    return new RemoteException(value.className, messageIn(value.fields), value.fields);
  const message = typeof value === "string" ? value : value === null ? null : `no exception: ${show(value)}`;
  return new RemoteException("java.lang.RuntimeException", message);
}

function messageIn(fields: Readonly<Record<string, unknown>>): string | null {
  const message = fields["detailMessage"] ?? fields["message"];
  return typeof message === "string" ? message : null;
}
