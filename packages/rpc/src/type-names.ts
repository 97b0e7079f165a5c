import { ConfigError, RpcError } from "@dubbo-ts/core";
import type { JavaType, JavaTypeNode } from "./java-type.js";

type Kind = JavaTypeNode["kind"];

/** Descriptor letter and box of each primitive (Java virtual machine specification 4.3.2). */
const primitives: Partial<Record<Kind, readonly [letter: string, box: string]>> = {
  boolean: ["Z", "java.lang.Boolean"],
  byte: ["B", "java.lang.Byte"],
  short: ["S", "java.lang.Short"],
  int: ["I", "java.lang.Integer"],
  long: ["J", "java.lang.Long"],
  float: ["F", "java.lang.Float"],
  double: ["D", "java.lang.Double"],
  char: ["C", "java.lang.Character"],
};

const classNames: Partial<Record<Kind, string>> = {
  string: "java.lang.String",
  date: "java.util.Date",
  decimal: "java.math.BigDecimal",
  bigInteger: "java.math.BigInteger",
  localDate: "java.time.LocalDate",
  localTime: "java.time.LocalTime",
  localDateTime: "java.time.LocalDateTime",
  any: "java.lang.Object",
  list: "java.util.List",
  set: "java.util.Set",
  map: "java.util.Map",
};

/** The JVM descriptor: `J`, `Ljava/lang/Long;`, `[I`, `Ljava/util/List;`. What the dubbo protocol sends. */
export function descriptorOf(type: JavaType): string {
  switch (type.kind) {
    case "nullable":
    case "transform":
      return descriptorOf(type.type);
    case "lazy":
      return descriptorOf(type.resolve());
    case "void":
      return "V";
    case "bytes":
      return "[B";
    case "array":
      return `[${descriptorOf(type.element)}`;
    default:
      return simpleDescriptor(type);
  }
}

function simpleDescriptor(type: JavaType): string {
  const letter = primitives[type.kind]?.[0];
  if (letter !== undefined && !isBoxed(type)) return letter;
  return `L${classNameOf(type).replaceAll(".", "/")};`;
}

/**
 * The name as `Class.getName()` gives it: `int`, `java.lang.String`, `[I`, `[Ljava.lang.String;`. What triple and
 * generic calls send.
 */
export function javaTypeName(type: JavaType): string {
  const descriptor = descriptorOf(type);
  if (descriptor.startsWith("[")) return descriptor.replaceAll("/", ".");
  if (descriptor.startsWith("L")) return descriptor.slice(1, -1).replaceAll("/", ".");
  return Object.entries(primitives).find(([, [letter]]) => letter === descriptor)?.[0] ?? "void";
}

function isBoxed(type: JavaType): boolean {
  return "boxed" in type && type.boxed;
}

function classNameOf(type: JavaType): string {
  const own = "className" in type ? type.className : undefined;
  return own ?? primitives[type.kind]?.[1] ?? classNames[type.kind] ?? type.kind;
}

const descriptorPattern = /\[*(?:[ZBSIJFDC]|L[^;[]+;)/gy;

/**
 * The single descriptors in a text: `Ljava/lang/String;[I` gives two.
 *
 * @throws {RpcError} DECODE_FAILED: no descriptors; nothing has run.
 */
export function parseDescriptor(text: string): string[] {
  const found = text.match(descriptorPattern) ?? [];
  if (found.reduce((length, one) => length + one.length, 0) !== text.length)
    throw new RpcError("DECODE_FAILED", `${JSON.stringify(text.slice(0, 200))} is no list of descriptors`, {
      mayHaveRun: false,
    });
  return found;
}

const identifier = /^[\p{L}\p{Nl}_$][\p{L}\p{N}\p{Mn}\p{Mc}_$]*$/u;

/** @throws {ConfigError} DEFINITION_INVALID: `name` is no name of a Java class, with its package. */
export function requireClassName(name: string): void {
  if (typeof name !== "string" || !name.split(".").every((part) => identifier.test(part)))
    throw new ConfigError("DEFINITION_INVALID", `${JSON.stringify(name)} is no name of a Java class`);
}

/** @throws {ConfigError} DEFINITION_INVALID: `name` cannot be a field, constant or method in Java. */
export function requireIdentifier(name: string, where: string): void {
  if (typeof name !== "string" || !identifier.test(name))
    throw new ConfigError("DEFINITION_INVALID", `${where}: ${JSON.stringify(name)} is no Java name`);
}
