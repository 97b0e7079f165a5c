import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError } from "@dubbo-ts/core";
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

/** The file at `path`, or the first of the names that are looked for in the working directory. */
export async function readMain(path: string | undefined, read: ReadFile = readText): Promise<ConfigFile> {
  const names = path === undefined ? ["dubbo.yaml", "dubbo.yml"] : [path];
  for (const name of names) {
    const text = await tryRead(name, read);
    if (text !== undefined) return { path: name, text };
  }
  const why = path === undefined ? "in the working directory, and no other file was named" : "does not exist";
  throw new ConfigError(
    "CONFIG_NOT_FOUND",
    path === undefined ? `no ${names.join(" or ")} ${why}` : `${path} ${why}`,
  );
}

/**
 * The files of a profile, from the first of `directories` that has any of them. Default: `profiles` beside the
 * main file, then in the working directory.
 */
export async function readProfile(
  profile: string,
  { main, directories, read = readText }: { main?: string; directories?: readonly string[]; read?: ReadFile },
): Promise<readonly ConfigFile[]> {
  if (!/^\w[\w.-]{0,63}$/.test(profile))
    throw new ConfigError("CONFIG_INVALID", `${quoted(profile)} is no name of a profile`);
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
