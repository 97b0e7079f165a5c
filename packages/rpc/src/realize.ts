import { InvalidValueError, RemoteException } from "@dubbo-ts/core";
import { checkOf } from "./check-value.js";
import { fieldsOf, isRecord } from "./fields.js";
import type { JavaType } from "./java-type.js";
import { describeValue } from "./text-forms.js";
import { maxDepth, Walk } from "./walk.js";

/**
 * An untyped value as one of `type`, as Java's `PojoUtils.realize` reads it (rpc-protocols 2.5): Maps and plain
 * objects, with or without a key `class`, become objects of the declared shape, unknown keys left out and missing
 * ones null or the primitive's default; enums come from their names, numbers from texts and back, dates from
 * milliseconds or texts. The class is always the declared one: a caller does not choose it.
 *
 * @param path how messages call the value, `getUser.args[0]`.
 * @throws {InvalidValueError} INVALID_ARGUMENT: it cannot be read so.
 */
export function realize(type: JavaType, value: unknown, path: string): unknown {
  return real(type, value, { path, depth: 0 });
}

/** Where the value stands, and how deep. */
interface Place {
  readonly path: string;
  readonly depth: number;
}

function step(place: Place, name: string): Place {
  if (place.depth >= maxDepth)
    throw new InvalidValueError("INVALID_ARGUMENT", place.path, `nested deeper than ${maxDepth} levels`);
  return { path: place.path + name, depth: place.depth + 1 };
}

function real(type: JavaType, value: unknown, place: Place): unknown {
  switch (type.kind) {
    case "nullable":
      return value === null || value === undefined ? null : real(type.type, value, place);
    case "lazy":
      return real(type.resolve(), value, place);
    case "transform":
      return decoded(type, real(type.type, value, place), place);
    case "any":
      return value === undefined ? null : value;
    case "list":
    case "array":
    case "set":
      return realCollection(type, value, place);
    case "map":
      return realMap(type, value, place);
    case "object":
      return realObject(type, value, place);
    case "throwable":
      return realThrowable(type, value, place);
    case "message":
      return realMessage(type, value, place);
    default:
      return realScalar(type, value, place);
  }
}

function decoded(type: JavaType & { kind: "transform" }, value: unknown, place: Place): unknown {
  try {
    return type.decode(value);
  } catch (cause) {
    throw new InvalidValueError("INVALID_ARGUMENT", place.path, "cannot be decoded", { cause });
  }
}

/** A protobuf message comes as ProtoJSON: an object, or the Map that a generic call makes of one. */
function realMessage(type: JavaType & { kind: "message" }, value: unknown, place: Place): unknown {
  if (entriesOf(value) === undefined) return misfit(type.className, value, place);
  try {
    return type.fromJson(plainOf(value));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unreadable";
    throw new InvalidValueError("INVALID_ARGUMENT", place.path, why, { cause });
  }
}

function plainOf(value: unknown, depth = 0): unknown {
  if (depth > maxDepth) throw new Error(`nested deeper than ${maxDepth} levels`);
  if (Array.isArray(value)) return value.map((one) => plainOf(one, depth + 1));
  if (value instanceof Set) return [...(value as Set<unknown>)].map((one) => plainOf(one, depth + 1));
  if (typeof value === "bigint") return String(value);
  const entries = entriesOf(value);
  if (entries === undefined) return value;
  return Object.fromEntries(
    [...entries]
      .filter(([key]) => key !== "class")
      .map(([key, one]) => [String(key), plainOf(one, depth + 1)]),
  );
}

function misfit(expected: string, value: unknown, { path }: Place): never {
  throw new InvalidValueError("INVALID_ARGUMENT", path, `expected ${expected}, got ${describeValue(value)}`);
}

function realCollection(
  { kind, element }: JavaType & { kind: "list" | "array" | "set" },
  value: unknown,
  place: Place,
): unknown {
  const elements =
    Array.isArray(value) || value instanceof Set ? [...(value as Iterable<unknown>)] : undefined;
  if (elements === undefined) return misfit(kind, value, place);
  const list = elements.map((one, index) => real(element, one, step(place, `[${index}]`)));
  return kind === "set" ? new Set(list) : list;
}

/** The entries of a Map, or of a plain object. */
function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> | undefined {
  if (value instanceof Map) return value as Map<unknown, unknown>;
  return isRecord(value) ? Object.entries(value) : undefined;
}

function realMap(type: JavaType & { kind: "map" }, value: unknown, place: Place): unknown {
  const entries = entriesOf(value) ?? misfit("map", value, place);
  const map = new Map<unknown, unknown>();
  for (const [key, entry] of entries) {
    const inner = step(place, `[${describeValue(key)}]`);
    map.set(real(type.key, key, inner), real(type.value, entry, inner));
  }
  return map;
}

function realObject(type: JavaType & { kind: "object" }, value: unknown, place: Place): unknown {
  return realFields(type.className, fieldsOf(type), value, place);
}

function realFields(
  className: string,
  fields: ReadonlyMap<string, JavaType>,
  value: unknown,
  place: Place,
): Record<string, unknown> {
  const given = new Map(entriesOf(value) ?? misfit(className, value, place));
  const object: Record<string, unknown> = {};
  for (const [name, type] of fields) {
    const field = given.get(name);
    object[name] =
      field === null || field === undefined ? absent(type) : real(type, field, step(place, `.${name}`));
  }
  return object;
}

/** What Java has in a field that nobody set: the zero of a primitive, else null. */
function absent(type: JavaType): unknown {
  if (type.kind === "transform") {
    const zero = absent(type.type);
    return zero === null ? null : type.decode(zero);
  }
  if (!("boxed" in type) || type.boxed) return null;
  if (type.kind === "boolean") return false;
  if (type.kind === "char") return "\0";
  return type.kind === "long" && type.as === "bigint" ? 0n : 0;
}

function realThrowable(type: JavaType & { kind: "throwable" }, value: unknown, place: Place): unknown {
  if (value instanceof Error) return value;
  const given = new Map(entriesOf(value) ?? misfit(type.className, value, place));
  const detail = given.get("detailMessage") ?? given.get("message");
  const fields = realFields(type.className, new Map(Object.entries(type.fields)), value, place);
  return new RemoteException(type.className, typeof detail === "string" ? detail : null, fields);
}

function realScalar(type: JavaType, value: unknown, place: Place): unknown {
  const lenient = convert(type, value);
  const found = checkOf(type, "received")(lenient, new Walk());
  if (found !== undefined) throw new InvalidValueError("INVALID_ARGUMENT", place.path, found.why);
  return lenient;
}

const integerText = /^[+-]?\d{1,400}$/;

/** The nearest value of `type`; what cannot be converted comes back as it is, for the check to refuse. */
function convert(type: JavaType, value: unknown): unknown {
  switch (type.kind) {
    case "boolean":
      return value === "true" ? true : value === "false" ? false : value;
    case "byte":
    case "short":
    case "int":
    case "float":
    case "double":
      return toNumber(unwrapped(value));
    case "long":
      return type.as === "number" ? toNumber(unwrapped(value)) : toBigint(unwrapped(value));
    case "bigInteger":
      return toBigint(unwrapped(value));
    case "string":
      return toText(value);
    case "decimal":
      return toText(unwrapped(value));
    case "date":
      return toDate(value);
    case "bytes":
      return toBytes(value);
    case "enum":
      return entriesOf(value) === undefined ? value : new Map(entriesOf(value)).get("name");
    default:
      return value;
  }
}

/** What a serialization makes of Java's BigDecimal and BigInteger: an object with the number as its `value`. */
function unwrapped(given: unknown): unknown {
  if (typeof given !== "object" || given === null || !("value" in given)) return given;
  return typeof given.value === "string" || typeof given.value === "bigint" ? given.value : given;
}

function toNumber(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return typeof value === "string" && value.trim() !== "" && !Number.isNaN(Number(value))
    ? Number(value)
    : value;
}

function toBigint(value: unknown): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  return typeof value === "string" && integerText.test(value) ? BigInt(value) : value;
}

function isByte(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= -128 && (value as number) <= 255;
}

const base64Text = /^[A-Za-z0-9+/]*={0,2}$/;

/** A list of numbers, as Java has it, or base64. */
function toBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.every(isByte) ? Buffer.from(value as number[]) : value;
  return typeof value === "string" && base64Text.test(value) ? Buffer.from(value, "base64") : value;
}

function toText(value: unknown): unknown {
  return ["number", "bigint", "boolean"].includes(typeof value) ? String(value) : value;
}

// `yyyy-MM-dd HH:mm:ss` is the form that Java's PojoUtils reads.
function toDate(value: unknown): unknown {
  if (typeof value === "number" || typeof value === "bigint") return new Date(Number(value));
  return typeof value === "string" ? new Date(value.replace(/^(\S{10}) (\S+)$/, "$1T$2")) : value;
}
