import { z } from "zod";
import type { Environment } from "./interpolate.js";
import { keyText, leavesOf, metaAt, nodeAt, pathText, valueText } from "./leaves.js";
import type { Located, Where } from "./located.js";
import { whereText } from "./notices.js";
import { unwrap } from "./schema/key.js";
import { shownValue } from "./shown-value.js";

/** Where settings come from, later ones over earlier ones. */
export type LayerKind = "default" | "file" | "profile" | "environment" | "config-center" | "program";

/** What one source says, under the names of the schema. */
export interface Layer {
  readonly kind: Exclude<LayerKind, "default">;
  readonly root: Located;
}

/** What one source says about a setting. */
export interface SettingSource {
  readonly layer: LayerKind;
  /** File, line and column; the variable of the environment; config center, key, group and line. Empty: the default. */
  readonly source: string;
  /** A secret as `***`. Undefined: nobody set it. */
  readonly value: string | undefined;
}

/** A setting, and why it has the value that it has. */
export interface ExplainedSetting extends SettingSource {
  /** As files have it by preference. */
  readonly key: string;
  /** True: a running application takes a new value over. */
  readonly hot: boolean;
  /** What other sources say, and what this one covers; the nearest first. */
  readonly covers: readonly SettingSource[];
}

/** What {@link explainSettings} needs. */
export interface ExplainOptions {
  readonly layers: readonly Layer[];
  readonly raw: Located;
  readonly filled: Located;
  readonly env: Environment;
  readonly schema: z.ZodObject;
  readonly unset: boolean;
}

/** Every setting with its sources, in the order of the schema's keys where nobody says anything, else of the files. */
export function explainSettings(options: ExplainOptions): readonly ExplainedSetting[] {
  const { filled, schema, unset } = options;
  const set = leavesOf(filled).map(({ path, where }) => explained(options, path, where));
  const said = new Set(leavesOf(filled).map(({ path }) => pathText(path)));
  const others: ExplainedSetting[] = [];
  for (const { path, byDefault } of defaultsOf(schema, filled, []))
    if (!said.has(pathText(path)) && (unset || byDefault !== undefined))
      others.push({
        key: keyText(path),
        layer: "default",
        source: "",
        value: byDefault,
        hot: metaAt(schema, path)?.hot === true,
        covers: [],
      });
  return [...set, ...others].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function explained(options: ExplainOptions, path: readonly string[], where: Where): ExplainedSetting {
  const { layers, raw, filled, schema } = options;
  const sources = layers
    .flatMap(({ kind, root }) => {
      const node = nodeAt(root, path);
      if (node === undefined) return [];
      return [sourceOf(options, kind, path, node, entryWhere(root, path) ?? node.where)];
    })
    .reverse();
  const value = shownValue(path, valueText(nodeAt(filled, path) as Located));
  // What an older file says under another key is found by its place.
  const [top = sourceOf(options, "file", path, nodeAt(raw, path), where), ...covers] = sources;
  const hot = metaAt(schema, path)?.hot === true;
  return { key: keyText(path), ...top, value, hot, covers };
}

function sourceOf(
  { env }: ExplainOptions,
  layer: Layer["kind"],
  path: readonly string[],
  node: Located | undefined,
  where: Where,
): SettingSource {
  const written = node === undefined ? "" : valueText(node);
  const value = shownValue(path, layer === "environment" ? written.replaceAll("$${", "${") : written);
  const names = [...written.matchAll(/(?<!\$)\$\{([A-Za-z_]\w*)/g)].map(([, name = ""]) => name);
  const given = names.filter((name) => (env[name] ?? "") !== "");
  if (layer === "environment" || given.length === 0) return { layer, source: whereText(where), value };
  const variables = `environment variable ${given.join(", ")}`;
  return { layer: "environment", source: `${variables}, named in ${whereText(where)}`, value };
}

function entryWhere(root: Located, path: readonly string[]): Where | undefined {
  const parent = nodeAt(root, path.slice(0, -1));
  return parent?.kind === "map" ? parent.entries.get(path.at(-1) ?? "")?.where : undefined;
}

/** The single settings of the schema, below entries that there are, with their defaults. */
function* defaultsOf(
  wrapped: unknown,
  node: Located | undefined,
  path: readonly string[],
): Iterable<{ path: readonly string[]; byDefault: string | undefined }> {
  const { schema, meta, byDefault } = unwrap(wrapped);
  if (meta.effect !== undefined) return;
  if (schema instanceof z.ZodObject) {
    // Of what may be left out altogether, and was, no key has a value.
    if (path.length > 0 && node === undefined && !isPrefault(wrapped)) return;
    for (const [name, inner] of Object.entries(schema.shape))
      yield* defaultsOf(inner, nodeAt(node ?? empty, [name]), [...path, name]);
  } else if (schema instanceof z.ZodRecord) {
    if (node?.kind !== "map") return;
    for (const [name, { value }] of node.entries) yield* defaultsOf(schema.valueType, value, [...path, name]);
  } else if (path.length > 1)
    yield { path, byDefault: textOf(byDefault) ?? (path.length === 2 ? meta.otherwise : undefined) };
}

const empty: Located = { kind: "map", entries: new Map(), where: { file: "" } };

function isPrefault(wrapped: unknown): boolean {
  for (let at = wrapped; at instanceof z.ZodType; ) {
    if (at instanceof z.ZodPrefault) return true;
    if (!(at instanceof z.ZodOptional || at instanceof z.ZodDefault)) return false;
    at = at.unwrap();
  }
  return false;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return String(value);
  return Array.isArray(value) && value.length > 0 ? value.join(", ") : undefined;
}
