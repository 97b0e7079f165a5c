import { z } from "zod";
import { type Located, type LocatedEntry, locate, type LocatedMap, type Problem } from "./located.js";
import { didYouMean } from "./nearest.js";
import { quoted } from "./problems.js";

/** `metadata-type`, `metadataType` and `metadata_type` are the same key; dots too, as in `force.tag`. */
function fold(key: string): string {
  return key.replace(/[-_.]/g, "").toLowerCase();
}

/** How a key is written by preference: `metadata-type`. */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

interface KeyMeta {
  readonly aliases?: readonly string[];
  readonly namedBy?: string;
  readonly shorthand?: string;
}

/** The schema within optional and default ones, and what is said about it on the way. */
function unwrap(schema: unknown): { schema: unknown; meta: KeyMeta } {
  let meta: KeyMeta = {};
  let inner = schema;
  for (;;) {
    if (inner instanceof z.ZodType) meta = { ...(inner.meta() as KeyMeta | undefined), ...meta };
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
      inner = inner.unwrap();
    else return { schema: inner, meta };
  }
}

/**
 * `root` with the keys that the schema has, whichever spelling was used. A key that the schema does not know is
 * a problem that names the nearest one, or left out silently when `ignoreUnknown`.
 */
export function nameKeys(
  root: Located,
  schema: z.ZodType,
  { ignoreUnknown = false }: { ignoreUnknown?: boolean } = {},
): { root: Located; problems: readonly Problem[] } {
  const problems: Problem[] = [];

  // For a file of something else altogether no time is spent on guessing.
  const near = (written: string, shape: object) =>
    problems.length < 50 ? didYouMean(written, Object.keys(shape).map(kebab)) : "";

  const visit = (node: Located, wrapped: unknown, path: readonly string[]): Located => {
    const { schema: inner, meta } = unwrap(wrapped);
    if (inner instanceof z.ZodObject) return object(shorthand(node, meta), inner, path);
    if (inner instanceof z.ZodRecord) return record(byName(node, meta), inner, path);
    return node;
  };

  const object = (node: Located, { shape }: z.ZodObject, path: readonly string[]): Located => {
    if (node.kind !== "map") return node;
    const entries = new Map<string, LocatedEntry>();
    const names = namesOf(shape);
    for (const [written, entry] of node.entries) {
      const name = names.get(fold(written));
      const at = { where: entry.where, path: path.join(".") };
      if (name === undefined) {
        if (!ignoreUnknown)
          problems.push({ ...at, message: `unknown key ${quoted(written)}${near(written, shape)}` });
        continue;
      }
      const twice = entries.get(name);
      if (twice !== undefined)
        problems.push({ ...at, message: `${quoted(written)} and ${quoted(twice.written)} are the same key` });
      entries.set(name, { ...entry, value: visit(entry.value, shape[name], [...path, written]) });
    }
    return { ...node, entries };
  };

  const record = (node: Located, { valueType }: z.ZodRecord, path: readonly string[]): Located => {
    if (node.kind !== "map") return node;
    const entries = new Map<string, LocatedEntry>();
    for (const [key, entry] of node.entries)
      entries.set(key, { ...entry, value: visit(entry.value, valueType, [...path, key]) });
    return { ...node, entries };
  };

  return { root: visit(root, schema, []), problems };
}

/** Canonical names by folded spelling; a name of its own wins over an alias of another. */
function namesOf(shape: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(shape))
    for (const alias of unwrap(value).meta.aliases ?? []) names.set(fold(alias), name);
  for (const name of Object.keys(shape)) names.set(fold(name), name);
  return names;
}

/** `main: nacos://...` means `main: { address: nacos://... }`. */
function shorthand(node: Located, { shorthand: key }: KeyMeta): Located {
  if (node.kind !== "text" || key === undefined) return node;
  const entry: LocatedEntry = { written: key, where: node.where, value: node };
  return { kind: "map", entries: new Map([[key, entry]]), where: node.where };
}

/** `[{ name: a, ... }]` means `{ a: { ... } }`. */
function byName(node: Located, { namedBy }: KeyMeta): Located {
  if (node.kind !== "list" || namedBy === undefined) return node;
  const entries = new Map<string, LocatedEntry>();
  for (const item of node.items) {
    const name = item.kind === "map" ? nameOf(item, namedBy) : undefined;
    if (name === undefined) return node;
    entries.set(name, { written: name, where: item.where, value: item });
  }
  return { kind: "map", entries, where: node.where };
}

function nameOf({ entries }: LocatedMap, key: string): string | undefined {
  const value = entries.get(key)?.value;
  return value?.kind === "text" ? value.text : undefined;
}

/**
 * What the schema reads. An empty text counts as not given, so that a profile can take a setting back, but
 * within the free parameters, whose names are the user's.
 */
export function toPlain(node: Located, wrapped: unknown): unknown {
  const { schema } = unwrap(wrapped);
  if (node.kind === "text") return node.text;
  if (node.kind === "list") return node.items.map((item) => toPlain(item, undefined));
  const plain = Object.create(null) as Record<string, unknown>;
  for (const [key, { value }] of node.entries) {
    const known = schema instanceof z.ZodObject;
    if (known && value.kind === "text" && value.text === "") continue;
    const inner = known ? schema.shape[key] : schema instanceof z.ZodRecord ? schema.valueType : undefined;
    plain[key] = toPlain(value, inner);
  }
  return plain;
}

/** Problems of the schema, with the places where they were written. */
export function problemsOf(error: z.ZodError, root: Located): readonly Problem[] {
  return error.issues.map((issue) => ({ ...locate(root, issue.path), message: messageOf(issue) }));
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_type") return issue.message;
  if (issue.expected === "object" || issue.expected === "record") return "must have keys below it";
  return issue.message;
}
