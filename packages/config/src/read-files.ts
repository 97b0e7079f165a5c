import { readFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { ConfigError } from "@dubbo-ts/core";
import type { Environment } from "./interpolate.js";
import { quoted } from "./problems.js";

/** Reads a file as text; rejects with the code ENOENT when it is not there. */
export type ReadFile = (path: string) => Promise<string>;

/** A file, not parsed yet. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** The parts of a profile, later ones over earlier ones. */
const profileFiles = ["server.yml", "client.yml", "log.yml"];

/** Variables of dubbo-go that name files of settings, later ones over earlier ones (rpc-protocols 6.1, 6.2). */
const settingsVariables = ["DUBBO_GO_CONFIG_PATH", "CONF_PROVIDER_FILE_PATH", "CONF_CONSUMER_FILE_PATH"];
/** The one that names the file of the logger; laid over the others. */
const logVariable = "APP_LOG_CONF_FILE";

/** True when variables of dubbo-go in the environment name files, so that `loadConfig()` needs no path. */
export function configuredByEnvironment(env: Environment = process.env): boolean {
  return [...settingsVariables, logVariable].some((name) => (env[name] ?? "") !== "");
}

/** The file at `path`; without one those that the environment names, or the default. */
export async function readMain(
  path: string | undefined,
  env: Environment,
  read: ReadFile = readText,
): Promise<readonly ConfigFile[]> {
  if (path !== undefined) return [await mustRead(path, path, read)];
  const named = await readNamed(settingsVariables, env, read);
  const log = await readNamed([logVariable], env, read);
  const main = named.length > 0 ? named : await readDefault(read, log.length > 0);
  return [...main, ...log.filter((file) => main.every((other) => other.path !== file.path))];
}

/** What is looked for in the working directory; nothing, when it `mayLack`. */
async function readDefault(read: ReadFile, mayLack: boolean): Promise<readonly ConfigFile[]> {
  const names = ["dubbo.yaml", "dubbo.yml"];
  for (const name of names) {
    const text = await tryRead(name, read);
    if (text !== undefined) return [{ path: name, text }];
  }
  if (mayLack) return [];
  const why = "in the working directory, and no other file was named";
  throw new ConfigError("CONFIG_NOT_FOUND", `no ${names.join(" or ")} ${why}`);
}

async function readNamed(
  variables: readonly string[],
  env: Environment,
  read: ReadFile,
): Promise<readonly ConfigFile[]> {
  const files = new Map<string, ConfigFile>();
  for (const variable of variables) {
    const path = env[variable] ?? "";
    if (path !== "" && !files.has(path)) files.set(path, await mustRead(path, `${path} (${variable})`, read));
  }
  return [...files.values()];
}

async function mustRead(path: string, named: string, read: ReadFile): Promise<ConfigFile> {
  const text = await tryRead(path, read);
  if (text === undefined) throw new ConfigError("CONFIG_NOT_FOUND", `${named} does not exist`);
  return { path, text };
}

/** The file beside `main` that `profiles.active` names: `dubbo-dev.yaml` beside `dubbo.yaml`. */
export async function readActive(
  main: string,
  active: string,
  read: ReadFile = readText,
): Promise<ConfigFile> {
  checkName(active);
  const ending = extname(main);
  const stem = join(dirname(main), main.slice(0, main.length - ending.length).replace(/^.*[\\/]/, ""));
  const names = [...new Set([ending, ".yaml", ".yml"])].map((end) => `${stem}-${active}${end}`);
  for (const path of names) {
    const text = await tryRead(path, read);
    if (text !== undefined) return { path, text };
  }
  throw new ConfigError("CONFIG_NOT_FOUND", `profiles.active ${active}: no ${names.join(" or ")}`);
}

/**
 * The files of a profile, from the first of `directories` that has any of them. Default: `profiles` beside the
 * main file, then in the working directory.
 */
export async function readProfile(
  profile: string,
  { main, directories, read = readText }: { main?: string; directories?: readonly string[]; read?: ReadFile },
): Promise<readonly ConfigFile[]> {
  checkName(profile);
  const looked = directories ?? [
    ...(main === undefined ? [] : [join(dirname(main), "profiles")]),
    "profiles",
  ];
  for (const directory of new Set(looked)) {
    const files: ConfigFile[] = [];
    for (const name of profileFiles) {
      const path = join(directory, profile, name);
      const text = await tryRead(path, read);
      if (text !== undefined) files.push({ path, text });
    }
    if (files.length > 0) return files;
  }
  const folders = [...new Set(looked)].map((directory) => join(directory, profile)).join(" or ");
  throw new ConfigError(
    "CONFIG_NOT_FOUND",
    `profile ${profile}: no ${profileFiles.join(", ")} in ${folders}`,
  );
}

function checkName(profile: string): void {
  if (!/^\w[\w.-]{0,63}$/.test(profile))
    throw new ConfigError("CONFIG_INVALID", `${quoted(profile)} is no name of a profile`);
}

async function tryRead(path: string, read: ReadFile): Promise<string | undefined> {
  try {
    return await read(path);
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new ConfigError("CONFIG_NOT_FOUND", `${path} cannot be read (${String(code ?? cause)})`, { cause });
  }
}

const readText: ReadFile = (path) => readFile(path, "utf8");
