import { z } from "zod";
import type { Located, LocatedEntry, LocatedMap, Where } from "./located.js";
import { kebab, type KeyMeta, unwrap } from "./schema/key.js";

/** One setting of a tree: a text or a list, and the way to it. */
export interface Leaf {
  /** Names as the schema has them. */
  readonly path: readonly string[];
  /** Where its key stands. */
  readonly where: Where;
  readonly value: Exclude<Located, LocatedMap>;
}

/** All settings of a tree, in its order. */
export function leavesOf(root: Located): readonly Leaf[] {
  const leaves: Leaf[] = [];
  const walk = (node: Located, path: readonly string[], where: Where) => {
    if (node.kind !== "map") leaves.push({ path, where, value: node });
    else for (const [key, entry] of node.entries) walk(entry.value, [...path, key], entry.where);
  };
  if (root.kind === "map") walk(root, [], root.where);
  return leaves;
}

/** The tree of `leaves`; a later one wins over an earlier one. */
export function treeOf(leaves: readonly Leaf[], file: string): LocatedMap {
  const root: OpenMap = new Map();
  for (const leaf of leaves) put(root, leaf);
  return closed(root, { file });
}

type OpenMap = Map<string, { readonly where: Where; readonly value: OpenMap | Leaf["value"] }>;

function put(root: OpenMap, { path, where, value }: Leaf): void {
  let map = root;
  for (const step of path.slice(0, -1)) {
    const below = map.get(step)?.value;
    const next: OpenMap = below instanceof Map ? below : new Map();
    if (next !== below) map.set(step, { where, value: next });
    map = next;
  }
  const last = path.at(-1);
  if (last !== undefined) map.set(last, { where, value });
}

function closed(map: OpenMap, where: Where): LocatedMap {
  const entries = new Map<string, LocatedEntry>();
  for (const [key, { where: at, value }] of map)
    entries.set(key, { written: key, where: at, value: value instanceof Map ? closed(value, at) : value });
  return { kind: "map", entries, where };
}

/** What stands at `path`. */
export function nodeAt(root: Located, path: readonly string[]): Located | undefined {
  let node: Located | undefined = root;
  for (const step of path) node = node?.kind === "map" ? node.entries.get(step)?.value : undefined;
  return node;
}

/** What is said about the key at `path`; undefined: the schema has no such key. */
export function metaAt(schema: z.ZodType, path: readonly string[]): KeyMeta | undefined {
  const found = schemaAt(schema, path);
  return found === undefined ? undefined : unwrap(found).meta;
}

/** The schema of the key at `path`; undefined: there is no such key. */
export function schemaAt(schema: z.ZodType, path: readonly string[]): unknown {
  let at: unknown = schema;
  for (const step of path) {
    const { schema: inner } = unwrap(at);
    if (inner instanceof z.ZodObject) at = (inner.shape as Readonly<Record<string, unknown>>)[step];
    else at = inner instanceof z.ZodRecord ? inner.valueType : undefined;
  }
  return at;
}

/** Equal for equal ways. */
export function pathText(path: readonly string[]): string {
  return JSON.stringify(path);
}

/** What a leaf says, as one line. */
export function valueText(value: Located): string {
  if (value.kind === "text") return value.text;
  if (value.kind === "list") return value.items.map(valueText).join(", ");
  return [...value.entries].map(([key, { value: member }]) => `${key}: ${valueText(member)}`).join(", ");
}

/** A way as files have it by preference: `consumer.references.greeter.load-balance`. */
export function keyText(path: readonly string[]): string {
  // Names of the user's own are not spelled anew.
  const own = new Set(path.flatMap((step, at) => (namesFollow.has(step) ? [at + 1] : [])));
  return path.map((step, at) => (own.has(at) ? step : kebab(step))).join(".");
}

const namesFollow: ReadonlySet<string> = new Set([
  "references",
  "services",
  "methods",
  "registries",
  "protocols",
  "params",
  "labels",
  "configMap",
]);
