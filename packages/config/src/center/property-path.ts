import { z } from "zod";
import { keysOf } from "../key-names.js";
import { type Located, textOf } from "../located.js";
import { nodeAt, schemaAt } from "../leaves.js";
import { fold, unwrap } from "../schema/key.js";

/** Sections of Java's property names (app-level discovery 10, `ConfigKeys` of apache/dubbo) by the names of ours. */
const javaSections: ReadonlyMap<string, readonly string[]> = new Map([
  ["reference", ["consumer", "references"]],
  ["references", ["consumer", "references"]],
  ["service", ["provider", "services"]],
  ["services", ["provider", "services"]],
]);

/** Sections of which Java's properties configure the only one there is, without its id. */
const single: ReadonlyMap<string, string> = new Map([
  ["registry", "registries"],
  ["protocol", "protocols"],
]);

/**
 * The way to the setting that a property of Java names, below the root of the configuration: `dubbo.consumer.timeout`,
 * `dubbo.reference.org.example.Greeter.timeout`, `dubbo.reference.org.example.Greeter.hello.retries`,
 * `dubbo.references.greeter.timeout`, `dubbo.registry.address`. Spelling does not matter, as in files.
 *
 * @param known the settings below it: entries whose `interface` is named, and ids of the only registry or protocol.
 * @returns undefined: there is no such setting here.
 */
export function propertyPath(
  name: string,
  schema: z.ZodObject,
  known: Located,
): readonly string[] | undefined {
  const [root, section = "", ...rest] = name.split(".");
  if (root !== "dubbo" || rest.length === 0) return undefined;
  const java = javaSections.get(section);
  if (java !== undefined) return entryPath(java, rest, schema, known);
  const many = single.get(section);
  if (many !== undefined) {
    const ids = idsAt(known, many);
    return settingPath([many, ids.length === 1 ? (ids[0] as string) : "default", ...rest], schema);
  }
  return settingPath([section, ...rest], schema);
}

/** An entry by its interface, or by its key; a method of it stands without `methods` in Java. */
function entryPath(
  section: readonly string[],
  rest: readonly string[],
  schema: z.ZodObject,
  known: Located,
): readonly string[] | undefined {
  const [key, after] = entryIn(section, rest, known);
  const entry = schemaAt(schema, [...section, key]);
  const below = settingPath(after, entry) ?? settingPath(["methods", ...after], entry);
  return below && [...section, key, ...below];
}

/** The key of the entry, and the steps that are left. */
function entryIn(
  section: readonly string[],
  rest: readonly string[],
  known: Located,
): readonly [key: string, after: readonly string[]] {
  for (let taken = rest.length - 1; taken > 0; taken -= 1) {
    const key = entryKey(known, section, rest.slice(0, taken).join("."));
    if (key !== undefined) return [key, rest.slice(taken)];
  }
  // Nobody knows the entry: `org.example.Greeter.hello.timeout` is the method's, since names of classes start high.
  const type = rest.findIndex((part) => /^[A-Z]/.test(part));
  const taken = type < 0 ? rest.length - 1 : type + 1;
  return [rest.slice(0, taken).join("."), rest.slice(taken)];
}

/** The key of the entry that is called `name`, or whose `interface` it is. */
export function entryKey(known: Located, section: readonly string[], name: string): string | undefined {
  const entries = nodeAt(known, section);
  if (entries?.kind !== "map") return undefined;
  if (entries.entries.has(name)) return name;
  for (const [key, { value }] of entries.entries) if (textOf(value, "interface") === name) return key;
  return undefined;
}

function idsAt(known: Located, section: string): readonly string[] {
  const found = nodeAt(known, [section]);
  return found?.kind === "map" ? [...found.entries.keys()] : [];
}

/**
 * The way along `steps` to a single setting; a key of the schema may take several steps (`tps.limit.rate`), a name
 * of the user's takes as many as leave a setting behind it.
 *
 * @param spell makes the name of a user's entry of its steps. Default: joined by dots.
 */
export function settingPath(
  steps: readonly string[],
  wrapped: unknown,
  spell: (steps: readonly string[], wanted: z.ZodRecord) => string = (parts) => parts.join("."),
): readonly string[] | undefined {
  const { schema, meta } = unwrap(wrapped);
  if (steps.length === 0) {
    const branch = schema instanceof z.ZodObject || schema instanceof z.ZodRecord;
    return branch || schema instanceof z.ZodUnknown || meta.effect === "none" ? undefined : [];
  }
  if (schema instanceof z.ZodObject) {
    const keys = keysOf(schema.shape);
    for (let taken = 1; taken <= steps.length; taken += 1) {
      const known = keys.get(fold(steps.slice(0, taken).join(".")));
      if (known === undefined || known.dropped) continue;
      const below = settingPath(steps.slice(taken), schema.shape[known.name], spell);
      if (below !== undefined) return [known.name, ...below];
    }
    return undefined;
  }
  if (!(schema instanceof z.ZodRecord)) return undefined;
  for (let taken = steps.length; taken > 0; taken -= 1) {
    const below = settingPath(steps.slice(taken), schema.valueType, spell);
    if (below !== undefined) return [spell(steps.slice(0, taken), schema), ...below];
  }
  return undefined;
}
