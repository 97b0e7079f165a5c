import type { JavaType, ObjectNode } from "@dubbo-ts/rpc";

/** A declared field. */
export type NamedField = readonly [name: string, type: JavaType];

/** The type behind `lazy`, `nullable` and `transform`. */
export function plainType(type: JavaType): JavaType {
  if (type.kind === "lazy") return plainType(type.resolve());
  return type.kind === "nullable" || type.kind === "transform" ? plainType(type.type) : type;
}

/**
 * The fields of a class in the order of Java's serializer: fields that are primitives or of a class in `java.lang`
 * (but Object) first, then all others, each group from the class up to its oldest ancestor; and all that reversed
 * (UnsafeSerializer.introspect, the same in JavaSerializer; rpc-protocols 2.2).
 */
export function wireOrder(type: ObjectNode): NamedField[] {
  const fields = ancestry(type).flatMap((one) => Object.entries(one.fields));
  const simple = fields.filter(([, field]) => isSimple(field));
  const compound = fields.filter(([, field]) => !isSimple(field));
  return [...simple, ...compound].reverse();
}

/** The fields in the order of the definition, those of the oldest ancestor first. */
export function declaredOrder(type: ObjectNode): NamedField[] {
  return ancestry(type)
    .reverse()
    .flatMap((one) => Object.entries(one.fields));
}

function ancestry(type: ObjectNode): ObjectNode[] {
  const found: ObjectNode[] = [];
  for (let one: JavaType | undefined = type as JavaType; one !== undefined; ) {
    const plain: JavaType = plainType(one);
    if (plain.kind !== "object") break;
    found.push(plain);
    one = plain.parent;
  }
  return found;
}

const simpleKinds: ReadonlySet<string> = new Set([
  "boolean",
  "byte",
  "short",
  "int",
  "long",
  "float",
  "double",
  "char",
  "string",
]);

/** True for what Java's serializer counts as simple: primitives, and classes in `java.lang` but Object. */
export function isSimple(type: JavaType): boolean {
  const plain = plainType(type);
  if (plain.kind === "object" || plain.kind === "throwable" || plain.kind === "enum")
    return plain.className.startsWith("java.lang.");
  return simpleKinds.has(plain.kind);
}
