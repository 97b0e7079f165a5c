import { ConfigError, type RemoteException } from "@dubbo-ts/core";
import type {
  Fields,
  Flat,
  Infer,
  JavaType,
  JavaTypeNode,
  MessageNode,
  ObjectOf,
  TypeMethods,
} from "./java-type.js";
import { requireClassName, requireIdentifier } from "./type-names.js";

/** The Java type of a value, where the interface declares another than the usual one. */
export interface CollectionOptions {
  /** For example `java.util.Collection` or `java.util.ArrayList`. */
  readonly className?: string;
}

/**
 * Builders of Java types: a service is described with them, once, and all else follows. Each gives an immutable
 * value; `Infer<typeof it>` is its TypeScript type. All throw a {@link ConfigError} DEFINITION_INVALID for what
 * cannot be a type.
 */
export const java = {
  boolean: () => primitive<boolean>("boolean"),
  /** -128 to 127. */
  byte: () => primitive<number>("byte"),
  /** 16 bits, signed. */
  short: () => primitive<number>("short"),
  /** 32 bits, signed. */
  int: () => primitive<number>("int"),
  long,
  /** 32 bits. Java's reader loses a primitive `float` field and overwrites what follows (hessian-lite 4.0.4): prefer `double`. */
  float: () => primitive<number>("float"),
  double: () => primitive<number>("double"),
  /** A string of one UTF-16 unit. */
  char: () => primitive<string>("char"),
  string: () => build<string>({ kind: "string" }),
  /** `byte[]`: any Uint8Array goes out, a Buffer comes in. */
  bytes: () => build<Uint8Array>({ kind: "bytes" }),
  /** `java.util.Date`: milliseconds. */
  date: () => build<Date>({ kind: "date" }),
  /** `java.math.BigDecimal`, as text: `"12.3400"`. `transform` it for a class of your own. */
  decimal: () => build<string>({ kind: "decimal" }),
  /** `java.math.BigInteger`. */
  bigInteger: () => build<bigint>({ kind: "bigInteger" }),
  /** `java.time.LocalDate`, as `"2024-02-29"`. */
  localDate: () => build<string>({ kind: "localDate" }),
  /** `java.time.LocalTime`, as `"23:59:59.123"`; seconds and fraction may be left out. */
  localTime: () => build<string>({ kind: "localTime" }),
  /** `java.time.LocalDateTime`, as `"2024-02-29T23:59:59"`. */
  localDateTime: () => build<string>({ kind: "localDateTime" }),
  /** `java.lang.Object`: whatever the wire can carry, null included. */
  any: () => build<unknown>({ kind: "any" }),
  /** No value; only as a result. */
  void: () => build<void>({ kind: "void" }),
  enum: enumeration,
  object,
  throwable,
  /** `java.util.List`: an array. */
  list: <E extends JavaType>(element: E, options?: CollectionOptions) =>
    collection<Infer<E>[]>("list", element, options),
  /** `java.util.Set`: a Set. */
  set: <E extends JavaType>(element: E, options?: CollectionOptions) =>
    collection<Set<Infer<E>>>("set", element, options),
  /** `int[]`, `String[]`, `Long[]` (of a nullable long): an array. */
  array: <E extends JavaType>(element: E) => collection<Infer<E>[]>("array", element),
  map,
} as const;

/**
 * A type that is named before it is made, so that types can refer to themselves:
 *
 *     interface Tree { name: string; children: Tree[] }
 *     const Tree: JavaType<Tree> = java.object("org.example.Tree", {
 *       name: java.string(),
 *       children: java.list(lazy(() => Tree)),
 *     });
 */
export function lazy<T>(type: () => JavaType<T>): JavaType<T> {
  let resolved: JavaType | undefined;
  return build<T>({ kind: "lazy", resolve: () => (resolved ??= resolveLazy(type)) });
}

function resolveLazy(type: () => JavaType): JavaType {
  try {
    return requireValueType(type(), "lazy");
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    throw new ConfigError("DEFINITION_INVALID", `lazy: the type was needed before it was made`, { cause });
  }
}

/** The type of a protobuf message, from whatever knows its codec. */
export function messageType<T>(message: Omit<MessageNode, "kind">): JavaType<T> {
  const { className, encode, decode, problemIn, toJson, fromJson } = message;
  return build<T>({ kind: "message", className, encode, decode, problemIn, toJson, fromJson });
}

function build<T>(node: JavaTypeNode): JavaType<T> {
  const methods: TypeMethods<T> = {
    nullable: () => nullable(type) as JavaType<T | null>,
    transform: <U>(mapping: { decode(value: T): U; encode(value: U): T }) => transform(type, mapping),
  };
  const type = Object.freeze({ ...node, ...methods }) as JavaType<T>;
  return type;
}

function nullable(type: JavaType): JavaType {
  if (type.kind === "void")
    throw new ConfigError("DEFINITION_INVALID", "void cannot be null: there is no value");
  if (type.kind === "nullable" || type.kind === "any") return type;
  return build({ kind: "nullable", type: boxed(type) });
}

/** `long` as `java.lang.Long`, also behind a mapping. */
function boxed(type: JavaType): JavaType {
  if ("boxed" in type) return build({ ...type, boxed: true });
  if (type.kind === "transform") return build({ ...type, type: boxed(type.type) });
  return type;
}

function transform<T, U>(
  type: JavaType<T>,
  mapping: { decode(value: T): U; encode(value: U): T },
): JavaType<U> {
  requireValueType(type, "transform");
  if (typeof mapping?.decode !== "function" || typeof mapping.encode !== "function")
    throw new ConfigError("DEFINITION_INVALID", "transform: both decode and encode are needed");
  return build<U>({
    kind: "transform",
    type,
    decode: (value) => mapping.decode(value as T),
    encode: (value) => mapping.encode(value as U),
  });
}

type PrimitiveKind = Extract<JavaTypeNode, { boxed: boolean }>["kind"];

function primitive<T>(kind: Exclude<PrimitiveKind, "long">): JavaType<T> {
  return build<T>({ kind, boxed: false });
}

/** 64 bits: a bigint, since a number loses what is above 2^53; or a number where you accept that such values fail. */
function long(options?: { readonly as?: "bigint" }): JavaType<bigint>;
function long(options: { readonly as: "number" }): JavaType<number>;
function long({ as = "bigint" }: { readonly as?: "bigint" | "number" } = {}): JavaType<bigint | number> {
  return build({ kind: "long", boxed: false, as });
}

/** A Java enum: a union of its constants' names. */
function enumeration<const N extends readonly string[]>(className: string, names: N): JavaType<N[number]> {
  requireClassName(className);
  for (const name of names) requireIdentifier(name, className);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined || names.length === 0)
    throw new ConfigError(
      "DEFINITION_INVALID",
      twice === undefined ? `${className}: no constants` : `${className}: constant ${twice} is given twice`,
    );
  return build({ kind: "enum", className, names: Object.freeze([...names]) });
}

/** A class with fields: a plain object. `extends` names its superclass, whose fields it has too. */
function object<F extends Fields>(className: string, fields: F): JavaType<ObjectOf<F>>;
function object<F extends Fields, P extends JavaType>(
  className: string,
  fields: F,
  options: { readonly extends: P },
): JavaType<Flat<Infer<P> & ObjectOf<F>>>;
function object(className: string, fields: Fields, options?: { readonly extends: JavaType }): JavaType {
  const own = requireFields(className, fields);
  const parent = options?.extends;
  for (const name of parent === undefined ? [] : fieldNames(parent, className))
    if (Object.hasOwn(own, name))
      throw new ConfigError("DEFINITION_INVALID", `${className}: field ${name} is its superclass's already`);
  return build({ kind: "object", className, fields: own, parent });
}

function fieldNames(type: JavaType, child: string): string[] {
  if (type.kind !== "object")
    throw new ConfigError("DEFINITION_INVALID", `${child}: extends ${type.kind}, which is no java.object`);
  const inherited = type.parent === undefined ? [] : fieldNames(type.parent, child);
  return [...inherited, ...Object.keys(type.fields)];
}

/** A subclass of `java.lang.Throwable`: a {@link RemoteException} with that class and those fields. */
function throwable<F extends Fields = Record<never, JavaType>>(
  className: string,
  fields?: F,
): JavaType<RemoteException & { readonly fields: ObjectOf<F> }> {
  return build({ kind: "throwable", className, fields: requireFields(className, fields ?? {}) });
}

function requireFields(className: string, fields: Fields): Fields {
  requireClassName(className);
  for (const [name, type] of Object.entries(fields)) {
    requireIdentifier(name, className);
    requireValueType(type, `${className}.${name}`);
  }
  return Object.freeze({ ...fields });
}

function collection<T>(
  kind: "list" | "set" | "array",
  element: JavaType,
  { className }: CollectionOptions = {},
): JavaType<T> {
  if (className !== undefined) requireClassName(className);
  return build<T>({ kind, element: requireValueType(element, kind), className });
}

/** `java.util.Map`: a Map. With string keys a plain object is taken too. */
function map<K extends JavaType, V extends JavaType>(
  key: K,
  value: V,
  { className }: CollectionOptions = {},
): JavaType<Map<Infer<K>, Infer<V>>> {
  if (className !== undefined) requireClassName(className);
  return build({
    kind: "map",
    key: requireValueType(key, "map key"),
    value: requireValueType(value, "map value"),
    className,
  });
}

/** @throws {ConfigError} DEFINITION_INVALID: `type` was not built by `java`, or is void. */
export function requireValueType(type: JavaType, where: string): JavaType {
  if (typeof type !== "object" || type === null || typeof type.kind !== "string")
    throw new ConfigError("DEFINITION_INVALID", `${where}: not a type built by java.*`);
  if (type.kind === "void")
    throw new ConfigError("DEFINITION_INVALID", `${where}: void is no type of a value`);
  return type;
}
