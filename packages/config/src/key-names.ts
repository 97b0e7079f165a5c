import { z } from "zod";
import { type Located, type LocatedEntry, locate, type LocatedMap, type Problem, textOf } from "./located.js";
import { didYouMean } from "./nearest.js";
import { asksNothing, type ConfigNotice, whereText } from "./notices.js";
import { quoted } from "./problems.js";
import { fold, kebab, type KeyMeta, unwrap } from "./schema/key.js";

/** For a file of something else altogether no time is spent on guessing. */
const maxGuesses = 50;

/** What a layer says, under the names that the schema has. */
export interface NamedKeys {
  readonly root: Located;
  readonly problems: readonly Problem[];
  readonly notices: readonly ConfigNotice[];
}

/**
 * `root` with the keys that the schema has, whichever spelling was used. A key that the schema does not know is
 * a problem that names the nearest one, or left out silently when `ignoreUnknown`. Keys without effect are left
 * out, with a notice.
 */
export function nameKeys(
  root: Located,
  schema: z.ZodType,
  { ignoreUnknown = false }: { ignoreUnknown?: boolean } = {},
): NamedKeys {
  const naming = new Naming(ignoreUnknown);
  return { root: naming.visit(root, schema, []), problems: naming.problems, notices: naming.notices };
}

/** One way through a file. */
class Naming {
  readonly problems: Problem[] = [];
  readonly notices: ConfigNotice[] = [];
  /** By the object's schema: a file may have thousands of references. */
  readonly #names = new Map<z.ZodObject, ReadonlyMap<string, KnownKey>>();
  #guesses = 0;

  constructor(private readonly ignoreUnknown: boolean) {}

  visit(node: Located, wrapped: unknown, path: readonly string[]): Located {
    const { schema, meta } = unwrap(wrapped);
    if (schema instanceof z.ZodObject) return this.#object(shorthand(node, meta), schema, path);
    if (schema instanceof z.ZodRecord)
      return each(byName(node, meta), (value, key) => this.visit(value, schema.valueType, [...path, key]));
    if (schema instanceof z.ZodArray && node.kind === "list") {
      const { element } = schema;
      const items = node.items.map((item, index) => this.visit(item, element, [...path, String(index)]));
      return { ...node, items };
    }
    return node;
  }

  #object(node: Located, schema: z.ZodObject, path: readonly string[]): Located {
    if (node.kind !== "map") return node;
    const entries = new Map<string, LocatedEntry>();
    const keys = this.#keysOf(schema);
    for (const [written, entry] of node.entries) {
      const known = keys.get(fold(written));
      if (known === undefined) {
        if (schema.def.catchall !== undefined) entries.set(written, entry);
        else this.#unknown(written, entry, schema, path);
        continue;
      }
      const twice = entries.get(known.name);
      if (twice !== undefined)
        this.#problem(entry, path, `${quoted(written)} and ${quoted(twice.written)} are the same key`);
      if (known.meta.effect !== undefined) this.#notice(entry, known.meta, [...path, written]);
      if (known.dropped) continue;
      const value = this.visit(entry.value, schema.shape[known.name], [...path, written]);
      entries.set(known.name, { ...entry, value });
    }
    return { ...node, entries };
  }

  #keysOf(schema: z.ZodObject): ReadonlyMap<string, KnownKey> {
    let keys = this.#names.get(schema);
    if (keys === undefined) this.#names.set(schema, (keys = keysOf(schema.shape)));
    return keys;
  }

  #unknown(written: string, entry: LocatedEntry, { shape }: z.ZodObject, path: readonly string[]): void {
    if (this.ignoreUnknown) return;
    const near = ++this.#guesses > maxGuesses ? "" : didYouMean(written, Object.keys(shape).map(kebab));
    this.#problem(entry, path, `unknown key ${quoted(written)}${near}`);
  }

  #problem({ where }: LocatedEntry, path: readonly string[], message: string): void {
    this.problems.push({ where, path: path.join("."), message });
  }

  #notice({ where, value }: LocatedEntry, { effect, why, usual }: KeyMeta, path: readonly string[]): void {
    if (asksNothing(value, usual)) return;
    const message = effect === "later" ? "accepted, not used yet" : "accepted, without effect";
    const key = path.join(".");
    this.notices.push({
      where: whereText(where),
      key,
      message: why === undefined ? message : `${message}: ${why}`,
    });
  }
}

/** A key that a schema has. */
export interface KnownKey {
  readonly name: string;
  readonly meta: KeyMeta;
  /** True: there is nothing of it in the configuration. */
  readonly dropped: boolean;
}

/** Keys by folded spelling; a name of its own wins over an alias of another. */
export function keysOf(shape: Readonly<Record<string, unknown>>): ReadonlyMap<string, KnownKey> {
  const keys = new Map<string, KnownKey>();
  const own = new Map<string, KnownKey>();
  for (const [name, value] of Object.entries(shape)) {
    const { schema, meta } = unwrap(value);
    const known = { name, meta, dropped: meta.effect === "none" && schema instanceof z.ZodUnknown };
    own.set(fold(name), known);
    for (const alias of meta.aliases ?? []) keys.set(fold(alias), known);
  }
  return new Map([...keys, ...own]);
}

function each(node: Located, map: (value: Located, key: string) => Located): Located {
  if (node.kind !== "map") return node;
  const entries = new Map<string, LocatedEntry>();
  for (const [key, entry] of node.entries) entries.set(key, { ...entry, value: map(entry.value, key) });
  return { ...node, entries };
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
    const name = textOf(item, namedBy);
    if (name === undefined) return node;
    entries.set(name, { written: name, where: item.where, value: item });
  }
  return { kind: "map", entries, where: node.where } satisfies LocatedMap;
}

/**
 * What the schema reads. An empty text counts as not given, so that a profile can take a setting back, but
 * within the free parameters, whose names are the user's.
 */
export function toPlain(node: Located, wrapped: unknown): unknown {
  const { schema } = unwrap(wrapped);
  if (node.kind === "text") return node.text;
  if (node.kind === "list") {
    const element = schema instanceof z.ZodArray ? schema.element : undefined;
    return node.items.map((item) => toPlain(item, element));
  }
  const plain = Object.create(null) as Record<string, unknown>;
  for (const [key, { value }] of node.entries) {
    const inner =
      schema instanceof z.ZodObject
        ? schema.shape[key]
        : schema instanceof z.ZodRecord
          ? schema.valueType
          : undefined;
    const known = schema instanceof z.ZodObject && inner !== undefined;
    if (known && value.kind === "text" && value.text === "") continue;
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
  if (issue.expected === "array") return "must be a list";
  return issue.message;
}
