import { type Codec, type Compile, notA } from "./codec.js";
import type { Decoder } from "./decoder.js";
import { dynamicLayout, type Encoder } from "./encoder.js";
import { readAnyValue } from "./any-reader.js";
import { DistinctKeys } from "./java-equality.js";
import { JavaBigInteger, JavaDecimal, JavaObject, TypedValue } from "./java-object.js";
import { hashSet } from "./list-codecs.js";
import { isRecord, untypedMap } from "./map-codec.js";
import { Misfit, show, within } from "./misfit.js";
import { Tag } from "./tags.js";
import { ErrorWriter } from "./throwable-codec.js";

/** The values that stand for Java objects and are written by the codec of a type. */
export interface ValueCodecs {
  readonly decimal: Codec;
  readonly bigInteger: Codec;
}

/**
 * `java.lang.Object`: the Java type follows from the value. Whole numbers of 32 bits are an Integer, other safe
 * whole ones and bigints a Long, all else a Double; arrays an ArrayList, Sets a HashSet, Maps and plain objects a
 * HashMap; an Error an exception. What JavaScript has and Java has not, is refused. No key is an instruction:
 * `$class` is a key like any other.
 */
export class AnyCodec implements Codec {
  readonly errors = new ErrorWriter(this);

  constructor(
    private readonly compile: Compile,
    private readonly values: ValueCodecs,
  ) {}

  write(encoder: Encoder, value: unknown): void {
    switch (typeof value) {
      case "string":
        encoder.writeString(value);
        return;
      case "number":
        return writeNumber(encoder, value);
      case "boolean":
        encoder.writeBool(value);
        return;
      case "bigint":
        encoder.writeLong(value);
        return;
      case "object":
        if (value === null) encoder.writeNull();
        else this.#writeObject(encoder, value);
        return;
      default:
        throw notA("a value that can be sent", value);
    }
  }

  read(decoder: Decoder): unknown {
    return readAnyValue(decoder, this);
  }

  absent(): null {
    return null;
  }

  #writeObject(encoder: Encoder, value: object): void {
    if (Array.isArray(value)) this.#writeList(encoder, value, value, undefined);
    else if (value instanceof Map) this.#writeMap(encoder, value, value as Map<unknown, unknown>);
    else if (value instanceof Date) writeDate(encoder, value);
    else if (value instanceof Uint8Array) encoder.writeBytes(value);
    else if (value instanceof Set) this.#writeSet(encoder, value);
    else if (value instanceof Error) this.errors.write(encoder, value);
    else if (value instanceof TypedValue) this.compile(value.type).write(encoder, value.value);
    else if (value instanceof JavaObject) this.#writeJavaObject(encoder, value);
    else if (value instanceof JavaDecimal) this.values.decimal.write(encoder, value.value);
    else if (value instanceof JavaBigInteger) this.values.bigInteger.write(encoder, value.value);
    else if (ArrayBuffer.isView(value)) writeTypedArray(encoder, value);
    else if (isRecord(value)) this.#writeMap(encoder, value, definedEntries(value));
    else throw notA("a value that can be sent", value);
  }

  #writeList(encoder: Encoder, value: object, list: readonly unknown[], type: string | undefined): void {
    if (encoder.writeReference(value, this)) return;
    encoder.beginList(list.length, type);
    encoder.enter();
    let index = 0;
    try {
      for (; index < list.length; index++) this.write(encoder, list[index]);
    } catch (error) {
      throw within(`[${index}]`, error);
    }
    encoder.leave();
  }

  #writeSet(encoder: Encoder, set: ReadonlySet<unknown>): void {
    const distinct = new DistinctKeys();
    for (const value of set) distinct.add(value);
    this.#writeList(encoder, set, [...set], hashSet);
  }

  #writeMap(encoder: Encoder, value: object, entries: Iterable<readonly [unknown, unknown]>): void {
    if (encoder.writeReference(value, this)) return;
    encoder.writeTag(untypedMap);
    encoder.enter();
    const distinct = new DistinctKeys();
    for (const [key, entry] of entries) this.#writeEntry(encoder, key, entry, distinct);
    encoder.leave();
    encoder.writeTag(Tag.end);
  }

  #writeEntry(encoder: Encoder, key: unknown, entry: unknown, distinct: DistinctKeys): void {
    try {
      distinct.add(key);
      this.write(encoder, key);
      this.write(encoder, entry);
    } catch (error) {
      throw within(`[${show(key)}]`, error);
    }
  }

  #writeJavaObject(encoder: Encoder, value: JavaObject): void {
    if (encoder.writeReference(value, this)) return;
    const fields = definedEntries(value.fields);
    encoder.enter();
    const names = fields.map(([name]) => name);
    encoder.beginObject(dynamicLayout(value.className, names));
    for (const [name, field] of fields) {
      try {
        this.write(encoder, field);
      } catch (error) {
        throw within(`.${name}`, error);
      }
    }
    encoder.leave();
  }
}

/** Without what is undefined, which JSON leaves out too. */
function definedEntries(value: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(value).filter(([, entry]) => entry !== undefined);
}

function writeNumber(encoder: Encoder, value: number): void {
  if (value === (value | 0)) encoder.writeInt(value);
  else if (Number.isSafeInteger(value)) encoder.writeLong(value);
  else if (Number.isNaN(value)) throw new Misfit("expected a value that can be sent, got NaN");
  else encoder.writeDouble(value);
}

function writeDate(encoder: Encoder, value: Date): void {
  const time = value.getTime();
  if (Number.isNaN(time)) throw notA("date", value);
  encoder.writeDate(time);
}

/** Java's arrays of numbers; those without a sign it has not. */
function writeTypedArray(encoder: Encoder, value: ArrayBufferView): void {
  if (value instanceof Int32Array || value instanceof Int16Array)
    return writeArray(encoder, value instanceof Int32Array ? "[int" : "[short", value, (one) =>
      encoder.writeInt(one),
    );
  if (value instanceof Float64Array || value instanceof Float32Array)
    return writeArray(encoder, value instanceof Float64Array ? "[double" : "[float", value, (one) =>
      encoder.writeDouble(one),
    );
  if (value instanceof BigInt64Array)
    return writeArray(encoder, "[long", value, (one) => encoder.writeLong(one));
  if (!(value instanceof Int8Array)) throw notA("a value that can be sent", value);
  encoder.writeBytes(new Uint8Array(value.buffer, value.byteOffset, value.length));
}

function writeArray<T>(
  encoder: Encoder,
  type: string,
  values: Iterable<T> & { readonly length: number },
  write: (value: T) => unknown,
): void {
  if (encoder.writeReference(values, writeArray)) return;
  encoder.beginList(values.length, type);
  for (const value of values) write(value);
}
