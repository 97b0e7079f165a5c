import { type Check, problem, under } from "./check.js";
import { isRecord } from "./fields.js";
import type { ListNode, MapNode } from "./java-type.js";
import { describeValue } from "./text-forms.js";

/** A list or a Java array: an array, each element checked. */
export function listCheck({ kind }: ListNode, check: Check): Check {
  return (value, walk) => {
    if (!Array.isArray(value)) return problem(kind, value);
    for (let index = 0; index < value.length; index += 1) {
      const found = check(value[index], walk);
      if (found !== undefined) return under(`[${index}]`, found);
    }
    return undefined;
  };
}

/** A Set, each element checked. */
export function setCheck({ kind }: ListNode, check: Check): Check {
  return (value, walk) => {
    if (!(value instanceof Set)) return problem(kind, value);
    for (const element of value as Set<unknown>) {
      const found = check(element, walk);
      if (found !== undefined) return under("[…]", found);
    }
    return undefined;
  };
}

/** A Map, or a plain object where the keys are texts. */
export function mapCheck(type: MapNode, checkKey: Check, checkEntry: Check): Check {
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
