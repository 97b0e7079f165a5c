import { fieldReader, fieldsOf, isRecord } from "./fields.js";
import type { JavaType } from "./java-type.js";

/**
 * A typed value in the form of generic calls, as Java's `PojoUtils.generalize` gives it (rpc-protocols 2.5):
 * objects become Maps with their class name under `class`, enums their names; dates, numbers and texts stay.
 * What is shared, or contains itself, does so in the result.
 */
export function generalize(type: JavaType, value: unknown): unknown {
  return general(type, value, new Map());
}

function general(type: JavaType, value: unknown, done: Map<unknown, unknown>): unknown {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case "nullable":
      return general(type.type, value, done);
    case "lazy":
      return general(type.resolve(), value, done);
    case "transform":
      return general(type.type, type.encode(value), done);
    case "void":
      return null;
    case "message":
      return type.toJson(value);
    case "list":
    case "array":
      return generalList(type.element, value, done);
    case "set":
      return new Set([...(value as Set<unknown>)].map((one) => general(type.element, one, done)));
    case "map":
      return generalMap(type.key, type.value, value, done);
    case "object":
      return generalObject(type.className, fieldsOf(type), value, done);
    default:
      return value;
  }
}

function generalList(element: JavaType, value: unknown, done: Map<unknown, unknown>): unknown {
  const known = done.get(value);
  if (known !== undefined) return known;
  const list: unknown[] = [];
  done.set(value, list);
  for (const one of value as unknown[]) list.push(general(element, one, done));
  return list;
}

function generalMap(key: JavaType, entry: JavaType, value: unknown, done: Map<unknown, unknown>): unknown {
  const known = done.get(value);
  if (known !== undefined) return known;
  const map = new Map<unknown, unknown>();
  done.set(value, map);
  const entries = value instanceof Map ? (value as Map<unknown, unknown>) : Object.entries(value as object);
  for (const [one, other] of entries) map.set(general(key, one, done), general(entry, other, done));
  return map;
}

function generalObject(
  className: string,
  fields: ReadonlyMap<string, JavaType>,
  value: unknown,
  done: Map<unknown, unknown>,
): unknown {
  const known = done.get(value);
  if (known !== undefined || !isRecord(value)) return known ?? value;
  const map = new Map<unknown, unknown>([["class", className]]);
  done.set(value, map);
  for (const [name, type] of fields) map.set(name, general(type, fieldReader(name)(value), done));
  return map;
}
