import type { Located, LocatedEntry, Problem, Where } from "./located.js";
import { quoted } from "./problems.js";
import { allowedKey, type ReadResult } from "./read-yaml.js";

/** Settings are not deeper; what is goes in circles. */
const maxDepth = 32;

/** Reads settings that a program gives as an object; `name` stands where a file would in messages. */
export function readObject(name: string, value: object): ReadResult {
  const where: Where = { file: name };
  const problems: Problem[] = [];

  const read = (one: unknown, path: string, depth: number): Located | undefined => {
    if (one === undefined || one === null) return undefined;
    if (typeof one === "string" || typeof one === "number" || typeof one === "boolean")
      return { kind: "text", text: String(one), where };
    if (typeof one !== "object" || depth > maxDepth) {
      const message =
        typeof one === "object" ? `is nested deeper than ${maxDepth} levels` : `is a ${typeof one}`;
      problems.push({ where, path, message });
      return undefined;
    }
    if (Array.isArray(one)) {
      const items = one.map((item, index) => read(item, `${path}[${index}]`, depth + 1));
      return { kind: "list", items: items.filter((item) => item !== undefined), where };
    }
    const entries = new Map<string, LocatedEntry>();
    for (const [key, member] of Object.entries(one)) {
      const below = path === "" ? key : `${path}.${key}`;
      if (!allowedKey(key)) problems.push({ where, path, message: `${quoted(key)} is not allowed as a key` });
      const found = allowedKey(key) ? read(member, below, depth + 1) : undefined;
      if (found !== undefined) entries.set(key, { written: key, where, value: found });
    }
    return { kind: "map", entries, where };
  };

  return { root: read(value, "", 0), problems };
}
