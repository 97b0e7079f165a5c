// What the tests and the comparison with Java (test/interop/hessian) share: values as text, and types by name.
import { createHash } from "node:crypto";
import { RemoteException } from "@dubbo-ts/core";
import { descriptorOf, java, type JavaType, lazy } from "@dubbo-ts/rpc";
import { JavaBigInteger, JavaDecimal, JavaObject } from "./java-object.js";

const home = "org.example.hessian";

const Color = java.enum(`${home}.Color`, ["RED", "GREEN", "BLUE"]);

/** Knows its parent. */
interface Tree {
  name?: string | null | undefined;
  parent?: Tree | null | undefined;
  children: Tree[];
}

const Tree: JavaType<Tree> = java.object(`${home}.Tree`, {
  name: java.string().nullable(),
  parent: lazy(() => Tree).nullable(),
  children: java.list(lazy(() => Tree)),
});

const Base = java.object(`${home}.Base`, { id: java.long(), note: java.string().nullable() });

/** In the order of the Java class. */
const Everything = java.object(
  `${home}.Everything`,
  {
    flag: java.boolean(),
    small: java.byte(),
    medium: java.short(),
    count: java.int(),
    price: java.double(),
    letter: java.char(),
    maybe: java.boolean().nullable(),
    number: java.int().nullable(),
    wide: java.long().nullable(),
    fraction: java.double().nullable(),
    text: java.string().nullable(),
    bytes: java.bytes().nullable(),
    when: java.date().nullable(),
    balance: java.decimal().nullable(),
    day: java.localDate().nullable(),
    hour: java.localTime().nullable(),
    moment: java.localDateTime().nullable(),
    color: Color.nullable(),
    tags: java.list(java.string()).nullable(),
    longs: java.list(java.long()).nullable(),
    set: java.set(java.int()).nullable(),
    counts: java.map(java.string(), java.long()).nullable(),
    names: java.map(java.int(), java.string()).nullable(),
    ints: java.array(java.int()).nullable(),
    words: java.array(java.string()).nullable(),
    colors: java.array(Color).nullable(),
    any: java.any(),
    tree: Tree.nullable(),
  },
  { extends: Base },
);

const named: Readonly<Record<string, JavaType>> = {
  Color,
  Tree,
  Everything,
  Floats: java.object(`${home}.Floats`, {
    boxed: java.float().nullable(),
    many: java.array(java.float()),
  }),
  FloatField: java.object(`${home}.FloatField`, { one: java.float() }),
  StockException: java.throwable(`${home}.StockException`, {
    code: java.int(),
    reason: java.string().nullable(),
    articles: java.list(java.string()),
  }),
  Integer: java.int().nullable(),
  boolean: java.boolean(),
  byte: java.byte(),
  short: java.short(),
  int: java.int(),
  long: java.long(),
  float: java.float(),
  double: java.double(),
  char: java.char(),
  string: java.string(),
  bytes: java.bytes(),
  date: java.date(),
  decimal: java.decimal(),
  bigInteger: java.bigInteger(),
  localDate: java.localDate(),
  localTime: java.localTime(),
  localDateTime: java.localDateTime(),
  any: java.any(),
};

const made = new Map<string, JavaType>();

/** The type that words like `map string list Everything` name; the same text gives the same type. */
export function typeNamed(text: string): JavaType {
  let type = made.get(text);
  if (type === undefined) made.set(text, (type = parse(text.split(" "))));
  return type;
}

function parse(words: string[]): JavaType {
  const word = words.shift() ?? "";
  if (word === "list") return java.list(parse(words));
  if (word === "set") return java.set(parse(words));
  if (word === "array") return java.array(parse(words));
  if (word === "map") return java.map(parse(words), parse(words));
  const type = named[word];
  if (type === undefined) throw new Error(`no type is named ${word}`);
  return type;
}

/**
 * What `java.any()` gave, as Description.java describes the value: `i5`, `l5`, `d3ff8000000000000`, `"text"`, `[1,2]`,
 * `S[…]`, `{"key"=value}`, `oclass{field=value}`, `#2` for the third list, map or object once more.
 */
export function describeAny(value: unknown): string {
  return new Describer().any(value);
}

/** The same of a value of a declared type, in the `exact` form of Description.java. */
export function describeTyped(type: JavaType, value: unknown): string {
  return new Describer().typed(type, value);
}

class Describer {
  readonly #seen = new Map<object, number>();

  any(value: unknown): string {
    if (value === null || typeof value === "boolean") return String(value);
    if (typeof value === "number") return describeNumber(value);
    if (typeof value === "bigint") return `l${value}`;
    if (typeof value === "string") return describeText(value);
    if (value instanceof Date) return `t${value.getTime()}`;
    if (value instanceof Uint8Array) return describeBytes(value);
    if (value instanceof JavaDecimal) return `D${value.value}`;
    if (value instanceof JavaBigInteger) return `B${value.value}`;
    return plainObject(value) ?? this.#part(value as object);
  }

  #part(value: object): string {
    const earlier = this.#number(value);
    if (earlier !== undefined) return earlier;
    if (ArrayBuffer.isView(value)) return `[${[...(value as Int32Array)].map(describeAny).join(",")}]`;
    if (Array.isArray(value)) return `[${value.map((one) => this.any(one)).join(",")}]`;
    if (value instanceof Set) return describeSet(value, describeAny);
    if (value instanceof RemoteException)
      return this.#throwable(
        value,
        this.#fields(value.fields, (_, one) => this.any(one)),
      );
    if (value instanceof Error && !(value instanceof RemoteException))
      return `Ejava.lang.RuntimeException:${describeText(value.message)}{}<null>`;
    if (value instanceof JavaObject)
      return `o${value.className}${this.#fields(value.fields, (_, one) => this.any(one))}`;
    const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
    return describeMap(entries, describeAny, (one) => this.any(one));
  }

  /** Undefined when it is new: it has a number then. */
  #number(value: object): string | undefined {
    const earlier = this.#seen.get(value);
    if (earlier === undefined) this.#seen.set(value, this.#seen.size);
    return earlier === undefined ? undefined : `#${earlier}`;
  }

  #throwable(error: RemoteException, fields: string): string {
    const message = error.detail === null ? "null" : describeText(error.detail);
    const cause = error.cause instanceof RemoteException ? this.any(error.cause) : "null";
    const own = error.className.startsWith(home) ? fields : "{}";
    return `E${error.className}:${message}${own}<${cause}>`;
  }

  #fields(fields: Readonly<Record<string, unknown>>, part: (name: string, value: unknown) => string): string {
    const names = Object.keys(fields).sort(byCode);
    return `{${names.map((name) => `${name}=${part(name, fields[name])}`).join(",")}}`;
  }

  typed(type: JavaType, value: unknown): string {
    if (value === null) return "null";
    switch (type.kind) {
      case "lazy":
        return this.typed(type.resolve(), value);
      case "nullable":
        return this.typed(type.type, value);
      case "float":
        return describeDouble(sameDigits(value as number));
      case "double":
        return describeDouble(value as number);
      case "byte":
      case "short":
      case "int":
        return `i${value as number}`;
      case "decimal":
        return `D${value as string}`;
      case "bigInteger":
        return `B${value as bigint}`;
      case "localDate":
      case "localTime":
      case "localDateTime":
        return describeTime(value as string);
      case "enum":
        return `o${type.className}{name=${describeText(value as string)}}`;
      case "list":
      case "set":
      case "array":
      case "map":
      case "object":
      case "throwable":
        return this.#number(value as object) ?? this.#typedPart(type, value as object);
      default:
        return this.any(value);
    }
  }

  /** Of an array or a field: there Java knows that it is a float. */
  #element(type: JavaType, value: unknown): string {
    if (type.kind === "nullable" && value !== null) return this.#element(type.type, value);
    return type.kind === "float" && value !== null
      ? describeDouble(value as number)
      : this.typed(type, value);
  }

  #typedPart(type: JavaType, value: object): string {
    if (type.kind === "map") {
      const { key, value: entry } = type;
      return describeMap(
        value as Map<unknown, unknown>,
        (one) => describeTyped(key, one),
        (one) => this.typed(entry, one),
      );
    }
    if (type.kind === "set")
      return describeSet(value as Set<unknown>, (one) => describeTyped(type.element, one));
    if (type.kind === "list" || type.kind === "array") {
      const prefix = type.kind === "array" ? `A${componentName(descriptorOf(type.element))}` : "";
      const part = (one: unknown) =>
        type.kind === "array" ? this.#element(type.element, one) : this.typed(type.element, one);
      return `${prefix}[${(value as unknown[]).map(part).join(",")}]`;
    }
    const fields = fieldsOf(type);
    const part = (name: string, one: unknown) => this.#element(fields[name] ?? java.any(), one);
    if (value instanceof RemoteException) return this.#throwable(value, this.#fields(value.fields, part));
    return `o${className(type)}${this.#fields(value as Record<string, unknown>, part)}`;
  }
}

function fieldsOf(type: JavaType): Readonly<Record<string, JavaType>> {
  if (type.kind === "throwable") return type.fields;
  if (type.kind !== "object") return {};
  return { ...(type.parent === undefined ? {} : fieldsOf(type.parent)), ...type.fields };
}

const primitives: Readonly<Record<string, string>> = {
  Z: "boolean",
  S: "short",
  I: "int",
  J: "long",
  F: "float",
  D: "double",
};

/** As `Class.getName()` gives it: `int`, `java.lang.String`, `[I`. */
function componentName(descriptor: string): string {
  const dotted = descriptor.replaceAll("/", ".");
  return dotted.startsWith("L") ? dotted.slice(1, -1) : (primitives[descriptor] ?? dotted);
}

function className(type: JavaType): string {
  return "className" in type ? String(type.className) : type.kind;
}

function describeNumber(value: number): string {
  if (value === (value | 0)) return `i${value | 0}`;
  return Number.isSafeInteger(value) ? `l${value}` : describeDouble(value);
}

function describeDouble(value: number): string {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return `d${Number.isNaN(value) ? "7ff8000000000000" : bits.toString("hex")}`;
}

/** The double with the digits of the float, as a Float travels. */
function sameDigits(float: number): number {
  if (float === 0) return float;
  for (let digits = 2; digits < 10; digits++)
    if (Math.fround(Number(float.toPrecision(digits))) === float) return Number(float.toPrecision(digits));
  return float;
}

/** Texts and bytes of more than 100 units as their length and a hash. */
function describeText(text: string): string {
  if (text.length > 100) {
    const units = Buffer.from(text, "utf16le").swap16();
    return `s${text.length}:${hash(units)}`;
  }
  const shown = text.replace(
    /[^\x20-\x7e]|["\\]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${shown}"`;
}

function describeBytes(bytes: Uint8Array): string {
  return bytes.length > 100 ? `b${bytes.length}:${hash(bytes)}` : `b${Buffer.from(bytes).toString("hex")}`;
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

function describeSet(set: Iterable<unknown>, part: (value: unknown) => string): string {
  return `S[${[...set].map(part).sort(byCode).join(",")}]`;
}

function describeMap(
  entries: Iterable<readonly [unknown, unknown]>,
  key: (value: unknown) => string,
  part: (value: unknown) => string,
): string {
  const sorted = [...entries]
    .map(([one, value]) => [key(one), value] as const)
    .sort(([left], [right]) => byCode(left, right));
  return `{${sorted.map(([one, value]) => `${one}=${part(value)}`).join(",")}}`;
}

function byCode(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Enums and the handles of `java.time`, which have no identity of their own. */
function plainObject(value: unknown): string | undefined {
  if (!(value instanceof JavaObject)) return undefined;
  const { className, fields } = value;
  if (Object.keys(fields).length === 1 && className === `${home}.Color`)
    return `o${className}{name=${describeText(String(fields["name"]))}}`;
  const part = (name: string) => String(fields[name]);
  if (className.endsWith(".LocalDateHandle")) return `Y${part("year")}-${part("month")}-${part("day")}`;
  if (className.endsWith(".LocalTimeHandle"))
    return `T${part("hour")}:${part("minute")}:${part("second")}.${part("nano")}`;
  if (className.endsWith(".LocalDateTimeHandle"))
    return `${plainObject(fields["date"])}${plainObject(fields["time"])}`;
  return undefined;
}

/** `2024-02-29T23:59:59.5` as `Y2024-2-29T23:59:59.500000000`. */
function describeTime(text: string): string {
  const [, year = "", month, day] = /^([+-]?\d+)-(\d\d)-(\d\d)/.exec(text) ?? [];
  const [, hour, minute, second = "0", part = ""] = /(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?$/.exec(text) ?? [];
  const date = month === undefined ? "" : `Y${Number(year)}-${Number(month)}-${Number(day)}`;
  if (hour === undefined) return date;
  return `${date}T${Number(hour)}:${Number(minute)}:${Number(second)}.${Number(part.padEnd(9, "0"))}`;
}
