import type { JavaType, ListNode, MapNode, ObjectNode, ThrowableNode, TransformNode } from "./java-type.js";
import { isRemoteException } from "./remote-exception.js";
import { describeValue, isDecimal, isLocalDate, isLocalDateTime, isLocalTime } from "./text-forms.js";
import { maxDepth, type Walk } from "./walk.js";

/** What is wrong with a value, and where in it: `.tags[2]`. */
interface Problem {
  path: string;
  readonly why: string;
}

/** Undefined when the value fits. Only a misfit costs an allocation, since this runs on every call. */
export type Check = (value: unknown, walk: Walk) => Problem | undefined;

/**
 * `sent`: by our own program, whose mistakes are told, a mistyped field name too. `received`: by a peer whose
 * classes may be older or newer: unknown fields and fields without a value are let through, as Java does.
 */
export type Side = "sent" | "received";

const compiled: Readonly<Record<Side, WeakMap<JavaType, Check>>> = {
  sent: new WeakMap(),
  received: new WeakMap(),
};

/** The check of `type`, compiled once. */
export function checkOf(type: JavaType, side: Side): Check {
  const known = compiled[side].get(type);
  if (known !== undefined) return known;
  const check = compile(type, side);
  compiled[side].set(type, check);
  return check;
}

function compile(type: JavaType, side: Side): Check {
  switch (type.kind) {
    case "nullable":
      return optional(checkOf(type.type, side));
    case "lazy":
      return (value, walk) => walkInto(value, walk, type, () => checkOf(type.resolve(), side));
    case "transform":
      return side === "sent" ? mapped(type, checkOf(type.type, side)) : () => undefined;
    case "list":
    case "array":
      return listCheck(type, checkOf(type.element, side));
    case "set":
      return setCheck(type, checkOf(type.element, side));
    case "map":
      return mapCheck(type, checkOf(type.key, side), checkOf(type.value, side));
    case "object":
      return objectCheck(type.className, fieldsOf(type), side);
    case "throwable":
      return throwableCheck(type, side);
    case "enum":
      return leaf(`one of ${type.names.slice(0, 20).join(", ")}`, new Set<unknown>(type.names));
    case "any":
      return anyCheck;
    default:
      return scalarCheck(type);
  }
}

function problem(expected: string, value: unknown): Problem {
  return { path: "", why: `expected ${expected}, got ${describeValue(value)}` };
}

function under(step: string, found: Problem): Problem {
  found.path = step + found.path;
  return found;
}

function fitting(expected: string, fits: (value: unknown) => boolean): Check {
  return (value) => (fits(value) ? undefined : problem(expected, value));
}

function leaf(expected: string, values: ReadonlySet<unknown>): Check {
  return (value) => (values.has(value) ? undefined : problem(expected, value));
}

function text(expected: string, fits: (text: string) => boolean): Check {
  return (value) => (typeof value === "string" && fits(value) ? undefined : problem(expected, value));
}

function integer(name: string, min: number, max: number): Check {
  return (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
      ? undefined
      : problem(name, value);
}

const maxLong = 2n ** 63n - 1n;

function isLong(value: unknown): boolean {
  return typeof value === "bigint" ? value <= maxLong && value >= -maxLong - 1n : Number.isSafeInteger(value);
}

function isFloat(value: unknown): boolean {
  return typeof value === "number" && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value));
}

function scalarCheck(type: JavaType): Check {
  switch (type.kind) {
    case "boolean":
      return fitting("boolean", (value) => typeof value === "boolean");
    case "byte":
      return integer("byte", -128, 127);
    case "short":
      return integer("short", -32_768, 32_767);
    case "int":
      return integer("int", -2_147_483_648, 2_147_483_647);
    case "long":
      return fitting("long", isLong);
    case "float":
      return fitting("float", isFloat);
    case "double":
      return fitting("double", (value) => typeof value === "number");
    case "char":
      return text("char", (value) => value.length === 1);
    case "string":
      return fitting("string", (value) => typeof value === "string");
    case "bytes":
      return fitting("bytes", (value) => value instanceof Uint8Array);
    case "date":
      return fitting("date", (value) => value instanceof Date && !Number.isNaN(value.getTime()));
    case "decimal":
      return text('decimal as text ("12.30")', isDecimal);
    case "bigInteger":
      return fitting("bigint", (value) => typeof value === "bigint");
    case "localDate":
      return text('local date as text ("2024-02-29")', isLocalDate);
    case "localTime":
      return text('local time as text ("23:59:59")', isLocalTime);
    case "localDateTime":
      return text('local date and time as text ("2024-02-29T23:59:59")', isLocalDateTime);
    default:
      return () => undefined; // void: whatever a method without a result gives is dropped
  }
}

function optional(check: Check): Check {
  return (value, walk) => (value === null || value === undefined ? undefined : check(value, walk));
}

// Every cycle of values goes through a lazy type or through `any`, so only they look for it.
function walkInto(value: unknown, walk: Walk, type: JavaType, check: () => Check): Problem | undefined {
  const container = typeof value === "object" && value !== null;
  if (container && !walk.firstVisit(type, value)) return undefined;
  if (walk.depth >= maxDepth) return { path: "", why: `nested deeper than ${maxDepth} levels` };
  walk.depth += 1;
  const found = check()(value, walk);
  walk.depth -= 1;
  return found;
}

function mapped(type: TransformNode, check: Check): Check {
  return (value, walk) => {
    let encoded: unknown;
    try {
      encoded = type.encode(value);
    } catch (error) {
      return {
        path: "",
        why: `cannot be encoded: ${error instanceof Error ? error.message : "unknown error"}`,
      };
    }
    return check(encoded, walk);
  };
}

function listCheck({ kind }: ListNode, check: Check): Check {
  return (value, walk) => {
    if (!Array.isArray(value)) return problem(kind, value);
    for (let index = 0; index < value.length; index += 1) {
      const found = check(value[index], walk);
      if (found !== undefined) return under(`[${index}]`, found);
    }
    return undefined;
  };
}

function setCheck({ kind }: ListNode, check: Check): Check {
  return (value, walk) => {
    if (!(value instanceof Set)) return problem(kind, value);
    for (const element of value as Set<unknown>) {
      const found = check(element, walk);
      if (found !== undefined) return under("[…]", found);
    }
    return undefined;
  };
}

function mapCheck(type: MapNode, checkKey: Check, checkEntry: Check): Check {
  const records = hasStringKeys(type);
  return (value, walk) => {
    if (value instanceof Map) {
      for (const [key, entry] of value as Map<unknown, unknown>) {
        const found = checkKey(key, walk);
        if (found !== undefined) return under(`[key ${describeValue(key)}]`, found);
        const wrong = checkEntry(entry, walk);
        if (wrong !== undefined) return under(`[${describeValue(key)}]`, wrong);
      }
      return undefined;
    }
    if (!records || !isRecord(value)) return problem("map", value);
    for (const key of Object.keys(value)) {
      const found = checkEntry(value[key], walk);
      if (found !== undefined) return under(`[${describeValue(key)}]`, found);
    }
    return undefined;
  };
}

/** True when a plain object can stand for such a map. */
function hasStringKeys({ key }: MapNode): boolean {
  let type = key;
  while (type.kind === "nullable" || type.kind === "lazy")
    type = type.kind === "lazy" ? type.resolve() : type.type;
  return type.kind === "string" || type.kind === "any";
}

/** True for objects that have fields of their own: plain ones and those of the user's classes. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Map || value instanceof Set || value instanceof Date || value instanceof Uint8Array)
  );
}

/** The fields of an object type by name: those of its superclasses first. */
export function fieldsOf(type: ObjectNode): ReadonlyMap<string, JavaType> {
  const { parent } = type;
  const inherited = parent?.kind === "object" ? fieldsOf(parent) : [];
  return new Map([...inherited, ...Object.entries(type.fields)]);
}

/** Reads a field; a name that every object inherits (`constructor`) only counts as an own one. */
export function fieldReader(name: string): (value: Record<string, unknown>) => unknown {
  if (name in Object.prototype) return (value) => (Object.hasOwn(value, name) ? value[name] : undefined);
  return (value) => value[name];
}

function objectCheck(className: string, fields: ReadonlyMap<string, JavaType>, side: Side): Check {
  const plan = [...fields].map(([name, type]) => ({
    name,
    read: fieldReader(name),
    check: fieldCheck(type, side),
  }));
  const names = new Set(fields.keys());
  return (value, walk) => {
    if (!isRecord(value)) return problem(className, value);
    for (const { name, read, check } of plan) {
      const found = check(read(value), walk);
      if (found !== undefined) return under(`.${name}`, found);
    }
    return side === "sent" ? unknownField(className, names, value) : undefined;
  };
}

function fieldCheck(type: JavaType, side: Side): Check {
  const check = checkOf(type, side);
  return side === "received" ? optional(check) : check;
}

function unknownField(
  className: string,
  names: ReadonlySet<string>,
  value: Record<string, unknown>,
): Problem | undefined {
  for (const key in value)
    if (!names.has(key) && Object.hasOwn(value, key) && value[key] !== undefined)
      return { path: `.${key}`, why: `unknown field, ${className} has ${[...names].join(", ") || "none"}` };
  return undefined;
}

function throwableCheck({ className, fields }: ThrowableNode, side: Side): Check {
  const check = objectCheck(className, new Map(Object.entries(fields)), side);
  return (value, walk) => {
    if (!isRemoteException(value)) return problem(`RemoteException of ${className}`, value);
    const found = check(value.fields, walk);
    return found === undefined ? undefined : under(".fields", found);
  };
}

// `any` takes whatever has a form on the wire: not functions, symbols, invalid dates.
function anyCheck(value: unknown, walk: Walk): Problem | undefined {
  switch (typeof value) {
    case "object":
      return value === null ? undefined : walkInto(value, walk, anyType, () => anyObjectCheck);
    case "function":
    case "symbol":
      return problem("a value that can be sent", value);
    default:
      return undefined;
  }
}

// Stands for `any` where visits are recorded by type.
const anyType = Object.freeze({}) as JavaType;

function anyObjectCheck(value: unknown, walk: Walk): Problem | undefined {
  if (Array.isArray(value)) return anyList(value, walk);
  if (value instanceof Set) return anySet(value, walk);
  if (value instanceof Map) return anyMap(value, walk);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? problem("date", value) : undefined;
  if (value instanceof Uint8Array || value instanceof Error) return undefined;
  if (value instanceof Promise) return problem("a value that can be sent", value);
  return anyRecord(value as Record<string, unknown>, walk);
}

const anyList = listCheck({ kind: "list", element: anyType }, anyCheck);
const anySet = setCheck({ kind: "set", element: anyType }, anyCheck);
const anyMap = mapCheck({ kind: "map", key: anyType, value: anyType }, anyCheck, anyCheck);

function anyRecord(value: Record<string, unknown>, walk: Walk): Problem | undefined {
  for (const key of Object.keys(value)) {
    const found = anyCheck(value[key], walk);
    if (found !== undefined) return under(`.${key}`, found);
  }
  return undefined;
}
