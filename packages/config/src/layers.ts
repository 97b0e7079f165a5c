import type { z } from "zod";
import { type Environment, interpolate } from "./interpolate.js";
import { type NamedKeys, nameKeys } from "./key-names.js";
import { type Located, type Problem, textOf } from "./located.js";
import { moveOlderKeys } from "./older-files.js";
import { throwIfAny } from "./problems.js";
import { type ConfigFile, type ReadFile, readActive, readMain, readProfile } from "./read-files.js";
import { readObject } from "./read-object.js";
import { type ReadResult, readYaml } from "./read-yaml.js";
import { isZapFile, readZapFile } from "./zap-file.js";

/** How files become layers. */
export interface LayerOptions {
  readonly schema: z.ZodObject;
  readonly env: Environment;
  readonly ignoreUnknown: boolean;
  readonly profile: string | undefined;
  readonly profileDirectories: readonly string[] | undefined;
  readonly readFile: ReadFile | undefined;
}

/** All files, in the order in which they are laid over each other. */
export interface Layers {
  readonly layers: readonly NamedKeys[];
  readonly files: readonly string[];
}

/** What a file says, and whether a profile named it. */
export type FileLayer = NamedKeys & { readonly kind: "file" | "profile" };

/** The file at `path`, or those that are looked for, each with what its `profiles.active` names. */
export async function readLayers(
  path: string | undefined,
  options: LayerOptions,
): Promise<Layers & { readonly layers: readonly FileLayer[] }> {
  const layers: FileLayer[] = [];
  const files: string[] = [];
  const add = (file: ConfigFile, kind: FileLayer["kind"]) => {
    const layer: FileLayer = { ...layerOf(readYaml(file.path, file.text), options), kind };
    layers.push(layer);
    files.push(file.path);
    return layer;
  };
  const main = await readMain(path, options.env, options.readFile);
  for (const file of main) {
    const active = activeProfile(add(file, "file").root, options.env);
    if (active !== undefined) add(await readActive(file.path, active, options.readFile), "profile");
  }
  return { layers, files };
}

/** The files of the profile that the program names; none when it names none. */
export async function readProfileLayers(main: string | undefined, options: LayerOptions): Promise<Layers> {
  const { profile, profileDirectories, readFile } = options;
  if (profile === undefined) return { layers: [], files: [] };
  const files = await readProfile(profile, {
    ...(main !== undefined && { main }),
    ...(profileDirectories !== undefined && { directories: profileDirectories }),
    ...(readFile !== undefined && { read: readFile }),
  });
  return {
    layers: files.map(({ path, text }) => layerOf(readYaml(path, text), options)),
    files: files.map(({ path }) => path),
  };
}

/** What a program gives instead of a file: nothing stands beside it. */
export function objectLayer(name: string, value: object, options: LayerOptions): NamedKeys {
  const layer = layerOf(readObject(name, value), options);
  const profiles = layer.root.kind === "map" ? layer.root.entries.get("profiles") : undefined;
  if (profiles === undefined) return layer;
  const problem = {
    where: profiles.where,
    path: "profiles",
    message: "is for files: name the profile in the options",
  };
  return { ...layer, problems: [...layer.problems, problem] };
}

/** What was read, under the names of the schema. */
function layerOf({ root, problems }: ReadResult, { schema, ignoreUnknown }: LayerOptions): NamedKeys {
  const nothing: Located = { kind: "map", entries: new Map(), where: { file: "" } };
  if (root === undefined) return { root: nothing, problems, notices: [] };
  const sections = Object.keys(schema.shape);
  if (isZapFile(root, sections)) {
    const zap = readZapFile(root);
    return { ...zap, problems: [...problems, ...zap.problems] };
  }
  const opened = withinDubbo(root, sections);
  const named = nameKeys(opened.root, schema, { ignoreUnknown });
  return {
    root: moveOlderKeys(named.root),
    problems: [...problems, ...opened.problems, ...named.problems],
    notices: named.notices,
  };
}

function activeProfile(root: Located, env: Environment): string | undefined {
  const profiles = root.kind === "map" ? root.entries.get("profiles")?.value : undefined;
  const text = textOf(profiles, "active");
  if (text === undefined || !text.includes("${")) return text;
  const filled = interpolate(root, env);
  const active = filled.root.kind === "map" ? filled.root.entries.get("profiles")?.value : undefined;
  const found = textOf(active, "active");
  if (found?.includes("${") === true) throwIfAny(filled.problems);
  return found;
}

/** Everything may stand under `dubbo:`, as in files of dubbo-go; then other keys belong to others. */
function withinDubbo(
  root: Located,
  sections: readonly string[],
): { root: Located; problems: readonly Problem[] } {
  if (root.kind !== "map")
    return { root, problems: [{ where: root.where, path: "", message: "must have keys" }] };
  const dubbo = root.entries.get("dubbo");
  if (dubbo === undefined) return { root, problems: [] };
  const problems = [...root.entries.values()]
    .filter(({ written }) => sections.includes(written))
    .map(({ written, where }) => ({
      where,
      path: written,
      message: "must stand below dubbo, as the others do",
    }));
  return { root: dubbo.value, problems };
}
