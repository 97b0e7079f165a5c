import type { Decoder, ValueReader } from "./decoder.js";
import { fromWords } from "./words.js";
import { JavaBigInteger, JavaDecimal, JavaObject } from "./java-object.js";
import { DistinctNumbers } from "./java-equality.js";
import { readElements } from "./list-codecs.js";
import { Misfit, show, within } from "./misfit.js";
import { Kind } from "./tags.js";
import { isThrowable, readThrowable } from "./throwable-codec.js";

const noFields: ReadonlyMap<string, ValueReader> = new Map();

/**
 * Whatever is next: null, boolean, number (int, double), bigint (long), string, Date, Buffer, array, Set, an object
 * without prototype for a map whose keys are texts, else a Map; JavaObject, JavaDecimal, JavaBigInteger, and
 * RemoteException for exceptions.
 *
 * @param any reads the parts, by this function.
 */
export function readAnyValue(decoder: Decoder, any: ValueReader): unknown {
  switch (decoder.kind()) {
    case Kind.string:
      return decoder.readString();
    case Kind.int:
      return decoder.readInt();
    case Kind.long:
      return BigInt(decoder.readLong());
    case Kind.null:
      decoder.takeNull();
      return null;
    case Kind.boolean:
      return decoder.readBoolean();
    case Kind.double:
      return decoder.readDouble();
    case Kind.list:
      return readList(decoder, any);
    case Kind.map:
      return readMap(decoder, any);
    case Kind.object:
      return readObject(decoder, any);
    case Kind.reference:
      return decoder.readReference(any);
    case Kind.date:
      return decoder.readDate();
    case Kind.bytes:
      return decoder.readBytes();
    default:
      throw new Misfit(`0x${decoder.peek().toString(16)} starts no value`);
  }
}

/** `java.util.LinkedHashSet`, `java.util.Collections$EmptySet`, `java.util.concurrent.ConcurrentHashMap$KeySetView`. */
const setType = /Set(?:View)?$/;

function readList(decoder: Decoder, any: ValueReader): unknown {
  const { type, length } = decoder.readListBegin();
  if (type !== undefined && setType.test(type)) {
    const set = new Set<unknown>();
    decoder.register(set, any);
    const member = new DistinctNumbers(any);
    readElements(decoder, member, length, (value) => set.add(value));
    return set;
  }
  const list: unknown[] = [];
  decoder.register(list, any);
  readElements(decoder, any, length, (value) => list.push(value));
  return list;
}

function readMap(decoder: Decoder, any: ValueReader): unknown {
  decoder.readMapBegin();
  const object = Object.create(null) as Record<string, unknown>;
  const index = decoder.register(object, any);
  decoder.enter();
  let map: Map<unknown, unknown> | undefined;
  const keys = new DistinctNumbers(any);
  while (!decoder.takeEnd()) {
    decoder.countElement();
    const key = keys.read(decoder);
    if (map === undefined && typeof key !== "string") map = becomeMap(decoder, object, index, any);
    const value = readValue(decoder, any, key);
    if (map === undefined) object[key as string] = value;
    else map.set(key, value);
  }
  decoder.leave();
  return map ?? object;
}

function becomeMap(
  decoder: Decoder,
  object: Record<string, unknown>,
  index: number,
  any: ValueReader,
): Map<unknown, unknown> {
  if (decoder.wasAskedFor(index)) throw new Misfit("a map with keys of several types contains itself");
  const map = new Map<unknown, unknown>(Object.entries(object));
  decoder.settle(index, map, any);
  return map;
}

function readValue(decoder: Decoder, any: ValueReader, key: unknown): unknown {
  try {
    return any.read(decoder);
  } catch (error) {
    throw within(`[${show(key)}]`, error);
  }
}

function readObject(decoder: Decoder, any: ValueReader): unknown {
  const definition = decoder.beginObject();
  if (isThrowable(definition))
    return readThrowable(decoder, definition, { any, fields: noFields, reader: any });
  const fields = Object.create(null) as Record<string, unknown>;
  const object = new JavaObject(definition.className, fields);
  const index = decoder.register(object, any);
  decoder.enter();
  for (const name of definition.fields) fields[name] = readField(decoder, any, name);
  decoder.leave();
  const value = asNumber(object);
  if (value !== object) decoder.settle(index, value, any);
  return value;
}

function readField(decoder: Decoder, any: ValueReader, name: string): unknown {
  try {
    return any.read(decoder);
  } catch (error) {
    throw within(`.${name}`, error);
  }
}

function asNumber(object: JavaObject): JavaObject | JavaDecimal | JavaBigInteger {
  const { value, signum, mag } = object.fields;
  if (object.className === "java.math.BigDecimal" && typeof value === "string") return new JavaDecimal(value);
  if (object.className !== "java.math.BigInteger" || !isWords(mag)) return object;
  return new JavaBigInteger(signum === -1 ? -fromWords(mag) : fromWords(mag));
}

function isWords(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((word) => Number.isInteger(word));
}
