import { type Config, type ExplainedSetting, layeredOf, loadConfig } from "@dubbo-ts/config";
import type { Command } from "commander";
import { type CommandContext, printListing } from "../command-context.js";
import { NotFoundError } from "../exit-codes.js";
import { oneLine } from "../text.js";

interface ExplainOptions {
  readonly config?: string;
  readonly profile?: string;
  readonly registry?: string;
  readonly offline?: true;
  readonly unset?: true;
  readonly json?: true;
}

/** `dubbo-ts config explain [key]`. */
export function addConfigExplain(parent: Command, context: CommandContext): void {
  parent
    .command("explain")
    .argument("[key]", "consumer.timeout, or a section such as consumer; default: everything")
    .description(
      "show of every setting its value, where it came from, and whether it changes without a restart",
    )
    .option("-c, --config <file>", "the file; default: as the program finds it, dubbo.yaml or dubbo.yml here")
    .option("--profile <name>", "profiles/<name>/*.yml are laid over the file")
    .option("-r, --registry <url>", "takes the place of the file's registries; default: $DUBBO_REGISTRY")
    .option("--offline", "do not ask the config center")
    .option("--unset", "also what nobody sets and what has no default of its own")
    .option("--json", "print JSON for programs")
    .addHelpText(
      "after",
      "\nExamples:\n  dubbo-ts config explain\n  dubbo-ts config explain consumer.timeout --profile release\n  dubbo-ts config explain consumer --config dubbo.yaml --json",
    )
    .action((key: string | undefined, options: ExplainOptions) => explain(key, options, context));
}

async function explain(
  key: string | undefined,
  options: ExplainOptions,
  context: CommandContext,
): Promise<void> {
  const config = await settingsOf(options, context);
  // A key that was named is shown, set or not.
  const all = layeredOf(config)?.explain({ unset: options.unset === true || key !== undefined }) ?? [];
  const settings = key === undefined ? all : chosen(all, key);
  if (settings.length === 0)
    throw new NotFoundError(`there is no setting ${key ?? ""} in this configuration`);
  printListing(
    {
      header: ["KEY", "VALUE", "FROM", "SOURCE", "CHANGES"],
      rows: settings.flatMap((setting) => rowsOf(setting, key !== undefined)),
      none: "",
      json: settings,
    },
    options.json === true,
    context,
  );
}

async function settingsOf(
  { config: file, profile, registry, offline }: ExplainOptions,
  { io, tools }: CommandContext,
): Promise<Config> {
  const { env = {} } = io;
  const loaded = await loadConfig(file, { env, ...(profile !== undefined && { profile }) });
  if (offline === true) return loaded;
  const say = (_fields: object, message: string) => io.err(oneLine(textOf(_fields, message)));
  const log = { ...tools.runtime.log, warn: say, error: say };
  return tools.readSettings({
    config: loaded,
    registry: registry ?? (env["DUBBO_REGISTRY"] || undefined),
    log,
  });
}

/** What a log would have said. */
function textOf(fields: object, message: string): string {
  const { key, source, kept, err } = fields as {
    key?: string;
    source?: string;
    kept?: string;
    err?: unknown;
  };
  const parts = [
    key === undefined ? message : `${key}: ${message}`,
    ...(source === undefined ? [] : [`(${source})`]),
    ...(kept === undefined ? [] : [`kept: ${kept}`]),
    ...(err instanceof Error ? [`(${err.message})`] : []),
  ];
  return parts.join(" ");
}

/** The setting, or those below it; spelling does not matter, as in files. */
function chosen(all: readonly ExplainedSetting[], key: string): readonly ExplainedSetting[] {
  const wanted = folded(key.replace(/^dubbo\./, ""));
  const exact = all.filter((setting) => folded(setting.key) === wanted);
  return exact.length > 0 ? exact : all.filter((setting) => folded(setting.key).startsWith(`${wanted}.`));
}

function folded(key: string): string {
  return key.replace(/[-_]/g, "").toLowerCase();
}

function rowsOf({ key, value, layer, source, hot, covers }: ExplainedSetting, detailed: boolean): string[][] {
  const own = [
    key,
    value ?? "(not set)",
    value === undefined ? "" : layer,
    source,
    hot ? "live" : "at restart",
  ];
  if (!detailed) return [own];
  return [own, ...covers.map((cover) => ["  covers", cover.value ?? "", cover.layer, cover.source, ""])];
}
