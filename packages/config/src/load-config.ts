import type { Config } from "./config.js";
import { checkReferences } from "./check-references.js";
import { type Environment, interpolate } from "./interpolate.js";
import { nameKeys, problemsOf, toPlain } from "./key-names.js";
import { layOver, type Located, type Problem } from "./located.js";
import { throwIfAny } from "./problems.js";
import { type ReadFile, readMain, readProfile } from "./read-files.js";
import { readObject } from "./read-object.js";
import { type ReadResult, readYaml } from "./read-yaml.js";
import { configSchema, type KnownNames } from "./schema.js";
import { toConfig } from "./to-config.js";

/** How {@link loadConfig} reads. */
export interface LoadConfigOptions {
  /** Lays `profiles/<profile>/server.yml`, `client.yml` and `log.yml` over the file, those that there are. */
  profile?: string;
  /** Folders of profiles; the first that has the profile counts. Default: `profiles` beside the file, then in the working directory. */
  profileDirectories?: readonly string[];
  /** For `${NAME:default}`. Default `process.env`. */
  env?: Environment;
  /** Default: from the disk, as UTF-8. */
  readFile?: ReadFile;
  /** Laid over everything: what the command line says. Keys as in the file. */
  overrides?: object;
  /** What is done about a key that is not known. Default `refuse`; `ignore` is for files that other programs read too. */
  unknownKeys?: "refuse" | "ignore";
  /** Clusters and load balancers of the program's own. */
  names?: KnownNames;
}

/**
 * Reads settings from a YAML or JSON file (default: `dubbo.yaml` or `dubbo.yml` in the working directory), or
 * takes them from an object with the same keys. The root key `dubbo` may be left out.
 *
 * @throws {ConfigError} CONFIG_NOT_FOUND: no file, or no file of the profile. CONFIG_INVALID: all problems at
 *   once, each with file, line, column and key path; values of secrets are not in it.
 */
export async function loadConfig(source?: string | object, options: LoadConfigOptions = {}): Promise<Config> {
  const { env = process.env, overrides, unknownKeys = "refuse", names } = options;
  const { layers, files } = await readLayers(source, options);
  if (overrides !== undefined) layers.push(readObject("overrides", overrides));
  const schema = configSchema(names);
  const problems: Problem[] = layers.flatMap((layer) => layer.problems);
  let root: Located = { kind: "map", entries: new Map(), where: { file: files[0] ?? "config" } };
  for (const layer of layers) {
    if (layer.root === undefined) continue;
    const opened = withinDubbo(layer.root, Object.keys(schema.shape));
    const named = nameKeys(opened.root, schema, { ignoreUnknown: unknownKeys === "ignore" });
    problems.push(...opened.problems, ...named.problems);
    root = layOver(root, named.root);
  }
  throwIfAny(problems);
  const filled = interpolate(root, env);
  throwIfAny(filled.problems);
  const parsed = schema.safeParse(toPlain(filled.root, schema));
  if (!parsed.success) throwIfAny(problemsOf(parsed.error, filled.root));
  else {
    throwIfAny(checkReferences(parsed.data, filled.root));
    return toConfig(parsed.data, files);
  }
  throw parsed.error;
}

async function readLayers(
  source: string | object | undefined,
  { profile, profileDirectories, readFile }: LoadConfigOptions,
): Promise<{ layers: ReadResult[]; files: readonly string[] }> {
  const given = typeof source === "object";
  const main = given ? undefined : await readMain(source, readFile);
  const more =
    profile === undefined
      ? []
      : await readProfile(profile, {
          ...(main !== undefined && { main: main.path }),
          ...(profileDirectories !== undefined && { directories: profileDirectories }),
          ...(readFile !== undefined && { read: readFile }),
        });
  const texts = main === undefined ? more : [main, ...more];
  const layers = texts.map(({ path, text }) => readYaml(path, text));
  return {
    layers: given ? [readObject("config", source), ...layers] : layers,
    files: texts.map(({ path }) => path),
  };
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
