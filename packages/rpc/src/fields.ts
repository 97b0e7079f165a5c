import type { JavaType, ObjectNode } from "./java-type.js";

/** True for objects that have fields of their own: plain ones and those of the user's classes. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  if (Object.getPrototypeOf(value) === Object.prototype) return true; // nearly always
  return !(
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof Date ||
    value instanceof Uint8Array
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
