import type { z } from "zod";
import { type NamedKeys, nameKeys } from "../key-names.js";
import { type Leaf, leavesOf } from "../leaves.js";
import type { Located, Problem, Where } from "../located.js";
import { allowedKey, readYaml } from "../read-yaml.js";
import { readProperties } from "./properties.js";
import { entryKey, propertyPath } from "./property-path.js";

/** What a text of a config center says. */
export interface CenterText {
  readonly leaves: readonly Leaf[];
  /** Why the text, or a part of it, cannot be read. */
  readonly problems: readonly Problem[];
  /** Keys that mean nothing here. */
  readonly ignored: readonly string[];
}

/** What cannot come from a config center: how it is found, and under which name. */
const notHere: ReadonlySet<string> = new Set(["configCenter", "application.name", "profiles"]);

/**
 * Reads the settings of a config center: Java's properties (`dubbo.consumer.timeout=3000`), or YAML with the keys of
 * a file, seen from the text. Properties that are not Dubbo's are passed over.
 *
 * @param name stands where a file would in messages.
 * @param known the settings that it is laid over.
 */
export function readCenterText(name: string, text: string, schema: z.ZodObject, known: Located): CenterText {
  const read = looksLikeProperties(text)
    ? readJava(name, text, schema, known)
    : readOurs(name, text, schema, known);
  const refused = read.leaves.filter(({ path }) => isNotHere(path));
  return {
    ...read,
    leaves: read.leaves.filter((leaf) => !refused.includes(leaf)),
    ignored: [...read.ignored, ...refused.map(({ path }) => path.join("."))],
  };
}

function isNotHere(path: readonly string[]): boolean {
  return notHere.has(path[0] ?? "") || notHere.has(path.slice(0, 2).join("."));
}

/** By the first line that says something: `name=value`, or a name with dots before a colon. */
function looksLikeProperties(text: string): boolean {
  const first = text.split(/\r\n|\r|\n/).find((line) => !/^\s*(?:[#!].*|---.*)?$/.test(line));
  return first !== undefined && /^\s*(?:[^\s=:#{]+\s*=|dubbo\.[^\s=:]+\s*:)/.test(first);
}

function readJava(name: string, text: string, schema: z.ZodObject, known: Located): CenterText {
  const properties = readProperties(text);
  if (properties === undefined)
    return {
      leaves: [],
      problems: [{ where: { file: name }, path: "", message: "is too long" }],
      ignored: [],
    };
  const leaves: Leaf[] = [];
  const ignored: string[] = [];
  for (const { name: written, value, line } of properties) {
    if (!written.startsWith("dubbo.")) continue;
    const path = propertyPath(written, schema, known);
    const where: Where = { file: name, line, column: 1 };
    if (path === undefined || !path.every(allowedKey)) ignored.push(written);
    else leaves.push({ path, where, value: { kind: "text", text: value, where } });
  }
  return { leaves, problems: [], ignored };
}

function readOurs(name: string, text: string, schema: z.ZodObject, known: Located): CenterText {
  const { root, problems } = readYaml(name, text);
  if (root === undefined) return { leaves: [], problems, ignored: [] };
  if (root.kind !== "map")
    return {
      leaves: [],
      problems: [{ where: root.where, path: "", message: "must have keys" }],
      ignored: [],
    };
  const dubbo = root.entries.get("dubbo")?.value ?? root;
  const named: NamedKeys = nameKeys(dubbo, schema);
  const unknown = named.problems.filter(({ message }) => message.startsWith("unknown key"));
  return {
    leaves: leavesOf(named.root).map((leaf) => entryOfInterface(leaf, known)),
    problems: [...problems, ...named.problems.filter((problem) => !unknown.includes(problem))],
    ignored: unknown.map(({ path, message }) => `${path}: ${message}`),
  };
}

/** The entry of an interface that the files have under another key is that one. */
function entryOfInterface(leaf: Leaf, known: Located): Leaf {
  const [side, entries, key, ...rest] = leaf.path;
  const isEntry =
    key !== undefined &&
    rest.length > 0 &&
    (entries === "references" || entries === "services") &&
    (side === "consumer" || side === "provider");
  if (!isEntry) return leaf;
  const found = entryKey(known, [side, entries], key);
  return found === undefined ? leaf : { ...leaf, path: [side, entries, found, ...rest] };
}
