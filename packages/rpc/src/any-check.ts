import { problem, type Problem, under, walkInto } from "./check.js";
import { listCheck, mapCheck, setCheck } from "./collection-checks.js";
import type { JavaType } from "./java-type.js";
import type { Walk } from "./walk.js";

/** `any` takes whatever has a form on the wire: not functions, symbols, promises, invalid dates. */
export function anyCheck(value: unknown, walk: Walk): Problem | undefined {
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
