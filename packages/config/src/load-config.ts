import type { z } from "zod";
import type { Config } from "./config.js";
import { envLayer } from "./env-layer.js";
import type { Layer } from "./explain.js";
import type { Environment } from "./interpolate.js";
import type { NamedKeys } from "./key-names.js";
import { layeredConfig } from "./layered-config.js";
import { type LayerOptions, objectLayer, readLayers, readProfileLayers } from "./layers.js";
import { throwIfAny } from "./problems.js";
import type { ReadFile } from "./read-files.js";
import type { KnownNames } from "./schema/calls.js";
import { configSchema, standardSchema } from "./schema/config-schema.js";

/** How {@link loadConfig} reads. */
export interface LoadConfigOptions {
  /** Lays `profiles/<profile>/server.yml`, `client.yml` and `log.yml` over the file, those that there are. */
  profile?: string;
  /** Folders of profiles; the first that has the profile counts. Default: `profiles` beside the file, then in the working directory. */
  profileDirectories?: readonly string[];
  /** For `${NAME:default}` and for the names of files. Default `process.env`. */
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
 * Reads settings from a YAML or JSON file, or takes them from an object with the same keys. The root key `dubbo`
 * may be left out; files of dubbo-go 3 and 1.5 are understood.
 *
 * Without a source the files that the environment names are laid over each other: DUBBO_GO_CONFIG_PATH,
 * CONF_PROVIDER_FILE_PATH, CONF_CONSUMER_FILE_PATH, APP_LOG_CONF_FILE; when none of the first three is set,
 * `dubbo.yaml` or `dubbo.yml` in the working directory takes their place. Over each file comes the one beside it
 * that its `profiles.active` names, over all of them the profile of the options, then variables of the environment
 * such as `DUBBO_CONSUMER_TIMEOUT`, and last `overrides`.
 *
 * @throws {ConfigError} CONFIG_NOT_FOUND: no file, or no file of the profile. CONFIG_INVALID: all problems at
 *   once, each with file, line, column and key path; values of secrets are not in it.
 */
export async function loadConfig(source?: string | object, options: LoadConfigOptions = {}): Promise<Config> {
  const { env = process.env, names } = options;
  const schema = names === undefined ? standardSchema : configSchema(names);
  const { below, above, files } = await allLayers(source, options, schema, env);
  throwIfAny([...below, ...above].flatMap(({ problems }) => problems));
  const notices = [...below, ...above].flatMap((layer) => layer.notices);
  return layeredConfig({ below, above, files, env, schema, notices }).config;
}

type NamedLayer = Layer & NamedKeys;

async function allLayers(
  source: string | object | undefined,
  options: LoadConfigOptions,
  schema: z.ZodObject,
  env: Environment,
): Promise<{ below: NamedLayer[]; above: NamedLayer[]; files: readonly string[] }> {
  const { profile, profileDirectories, readFile, overrides, unknownKeys = "refuse" } = options;
  const how: LayerOptions = {
    schema,
    env,
    profile,
    profileDirectories,
    readFile,
    ignoreUnknown: unknownKeys === "ignore",
  };
  const main =
    typeof source === "object"
      ? { layers: [{ ...objectLayer("config", source, how), kind: "file" as const }], files: [] }
      : await readLayers(source, how);
  const named = await readProfileLayers(main.files[0], how);
  const variables: NamedLayer = {
    kind: "environment",
    root: envLayer(env, schema),
    problems: [],
    notices: [],
  };
  const over = overrides === undefined ? [] : [objectLayer("overrides", overrides, how)];
  return {
    below: [
      ...main.layers,
      ...named.layers.map((layer): NamedLayer => ({ ...layer, kind: "profile" })),
      variables,
    ],
    above: over.map((layer): NamedLayer => ({ ...layer, kind: "program" })),
    files: [...main.files, ...named.files],
  };
}
