import { type Command, InvalidArgumentError, Option } from "commander";
import type { CommandIo } from "./command-io.js";

/** Options of all commands that look into a registry. */
export interface RegistryOptions {
  readonly registry: string;
  /** Where mapping and metadata are, when that is not the registry. */
  readonly metadataReport?: string | undefined;
  readonly timeout: number;
  readonly json?: true;
}

/** Adds `--registry`, `--timeout` and `--json` to a command. */
export function registryOptions(command: Command, { env = {} }: CommandIo): Command {
  const chosen = env["DUBBO_REGISTRY"] || "local://";
  return command
    .addOption(
      new Option("-r, --registry <url>", "where to look, zookeeper://host:2181 for example")
        .default(chosen, `$DUBBO_REGISTRY, else local://`)
        .argParser((text) => text.trim()),
    )
    .option("--timeout <time>", "how long one answer may take, 500ms or 5s", durationOf, 5_000)
    .option("--json", "print JSON for programs");
}

/** {@link registryOptions}, and `--metadata-report`: for commands that need mapping or metadata. */
export function reportOptions(command: Command, io: CommandIo): Command {
  return registryOptions(command, io).option(
    "--metadata-report <url>",
    "where mapping and metadata are, if not in the registry: redis://host:6379 for example",
  );
}

/** `500`, `500ms`, `5s` in ms. */
function durationOf(text: string): number {
  const [, number, unit] = /^(\d{1,7})(ms|s)?$/.exec(text.trim()) ?? [];
  const ms = Number(number) * (unit === "s" ? 1_000 : 1);
  if (!(ms > 0)) throw new InvalidArgumentError("a time above 0 is wanted, 500ms or 5s");
  return ms;
}

/** Names after commas; given several times, the later ones are added. */
export function namesOf(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  return [...before, ...names.filter((name) => name !== "")];
}

/** `key=value`, given several times. */
export function pairsOf(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("key=value is wanted");
  return Object.fromEntries([...Object.entries(before), [text.slice(0, equals), text.slice(equals + 1)]]);
}
