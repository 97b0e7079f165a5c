import { readFile } from "node:fs/promises";
import type { ConfigItem, ConfigRecord, ExpectedVersion } from "@dubbo-ts/config";
import { type Command, Option } from "commander";
import { type CommandContext, printListing } from "../command-context.js";
import { type CommandIo, withStatus } from "../command-io.js";
import { CenterSession } from "../center-session.js";
import { NotFoundError, UsageError } from "../exit-codes.js";
import { type RegistryOptions, registryOptions } from "../options.js";
import { jsonText, linesOf, messageOf, oneLine } from "../text.js";

interface ItemOptions extends RegistryOptions {
  readonly group: string;
}

interface SetOptions extends ItemOptions {
  readonly file?: string;
  readonly ifVersion?: string;
  readonly ifAbsent?: true;
}

/** `dubbo-ts config get|set|remove|watch|history <key>`. */
export function addConfigItem(config: Command, context: CommandContext): void {
  itemCommand(config, context, "get", "print an item", "config get demo-app.configurators").action(
    (key: string, options: ItemOptions) => getItem(key, options, context),
  );
  itemCommand(
    config,
    context,
    "set",
    "write an item",
    "config set dubbo.properties dubbo.consumer.timeout=2000\n  dubbo-ts config set demo-app.tag-router --file rule.yaml",
  )
    .argument("[text]", "the whole text of the item")
    .option("--file <path>", "take the text from a file; - is the standard input")
    .option("--if-version <version>", "only over this version, as `config get --json` shows it")
    .addOption(new Option("--if-absent", "only if there is none").conflicts("ifVersion"))
    .action((key: string, text: string | undefined, options: SetOptions) =>
      setItem(key, text, options, context),
    );
  itemCommand(config, context, "remove", "remove an item", "config remove demo-app.tag-router").action(
    (key: string, options: ItemOptions) => removeItem(key, options, context),
  );
  itemCommand(
    config,
    context,
    "watch",
    "print an item, and again after each change, until SIGINT",
    "config watch dubbo.properties",
  ).action((key: string, options: ItemOptions) => watchItem(key, options, context));
  itemCommand(
    config,
    context,
    "history",
    "list what an item was before, where the config center keeps that",
    "config history dubbo.properties --json",
  ).action((key: string, options: ItemOptions) => listHistory(key, options, context));
}

function itemCommand(
  config: Command,
  { io }: CommandContext,
  name: string,
  description: string,
  example: string,
): Command {
  const command = config
    .command(name)
    .description(description)
    .argument("<key>", "dubbo.properties, demo-app.configurators, ...")
    .option("--group <group>", "dubbo, or the application whose file of settings it is", "dubbo");
  return registryOptions(command, io).addHelpText("after", `\nExamples:\n  dubbo-ts ${example}`);
}

async function getItem(key: string, options: ItemOptions, context: CommandContext): Promise<void> {
  const { io, tools } = context;
  const item = { key, group: options.group };
  await using session = await CenterSession.open(options, tools, io.signal);
  const record = await session.ask((center, signal) => center.get(item, signal));
  if (record === undefined) throw new NotFoundError(`${nameOf(item)} is not in ${session.center.name}`);
  print(item, record, options, context);
}

async function setItem(
  key: string,
  text: string | undefined,
  options: SetOptions,
  { io, tools }: CommandContext,
): Promise<void> {
  const item = { key, group: options.group };
  const content = await contentOf(text, options.file);
  const expected = expectedOf(options);
  await using session = await CenterSession.open(options, tools, io.signal);
  const written = await session.ask((center, signal) => center.publish(item, content, signal, expected));
  if (!written) throw new Error(`${nameOf(item)} was not written: ${whyNot(expected)}`);
  report(item, "written", options, session, io);
}

async function removeItem(key: string, options: ItemOptions, { io, tools }: CommandContext): Promise<void> {
  const item = { key, group: options.group };
  await using session = await CenterSession.open(options, tools, io.signal);
  const record = await session.ask((center, signal) => center.get(item, signal));
  if (record === undefined) throw new NotFoundError(`${nameOf(item)} is not in ${session.center.name}`);
  await session.ask((center, signal) => center.remove(item, signal));
  report(item, "removed", options, session, io);
}

async function watchItem(key: string, options: ItemOptions, context: CommandContext): Promise<void> {
  const { io, tools } = context;
  const item = { key, group: options.group };
  await using session = await CenterSession.open(options, tools, io.signal);
  // A server that does not answer is told at once; later on it is waited for.
  await withStatus(io, `asking ${session.center.name} ...`, () =>
    session.ask((center, signal) => center.get(item, signal)),
  );
  for await (const record of session.center.watch(item, io.signal)) {
    if (options.json === true) io.out(jsonText({ ...item, ...(record ?? { text: null, version: null }) }));
    else if (record === undefined) io.out(context.paint.bold(`${nameOf(item)} is not there`));
    else {
      io.out(context.paint.bold(`${nameOf(item)} version ${oneLine(record.version)}`));
      print(item, record, options, context);
    }
  }
}

async function listHistory(key: string, options: ItemOptions, context: CommandContext): Promise<void> {
  const { io, tools } = context;
  const item = { key, group: options.group };
  await using session = await CenterSession.open(options, tools, io.signal);
  const past = await session.ask((center, signal) => {
    if (center.history === undefined)
      throw new UsageError(`${center.name} keeps no history that can be read`);
    return center.history(item, signal);
  });
  const listing = {
    header: ["WRITTEN", "VERSION", "TEXT"],
    rows: past.map(({ writtenAtMs, version, text }) => [
      writtenAtMs === undefined ? "-" : new Date(writtenAtMs).toISOString().slice(0, 19),
      oneLine(version),
      shortened(text),
    ]),
    none: `no earlier records of ${nameOf(item)} in ${session.center.name}`,
    json: past,
  };
  printListing(listing, options.json === true, context);
}

function print(item: ConfigItem, record: ConfigRecord, { json }: ItemOptions, { io }: CommandContext): void {
  if (json === true) return io.out(jsonText({ ...item, ...record }, { indented: true }));
  for (const line of linesOf(record.text.replace(/\r?\n$/, ""))) io.out(line);
}

function report(
  item: ConfigItem,
  done: "written" | "removed",
  { json }: ItemOptions,
  { center }: CenterSession,
  io: CommandIo,
): void {
  io.out(
    json === true ? jsonText({ ...item, [done]: true }) : `${nameOf(item)} is ${done} in ${center.name}`,
  );
}

/** @throws {UsageError} neither or both, or a file that cannot be read. */
async function contentOf(text: string | undefined, file: string | undefined): Promise<string> {
  if ((text === undefined) === (file === undefined))
    throw new UsageError("give the text of the item, or a file with --file");
  if (file === undefined) return text as string;
  try {
    return await readFile(file === "-" ? "/dev/stdin" : file, "utf8");
  } catch (error) {
    throw new UsageError(`--file: ${messageOf(error)}`);
  }
}

function expectedOf({ ifVersion, ifAbsent }: SetOptions): ExpectedVersion | undefined {
  if (ifAbsent === true) return "absent";
  return ifVersion === undefined ? undefined : { version: ifVersion };
}

function whyNot(expected: ExpectedVersion | undefined): string {
  return expected === "absent" ? "there is one already" : "somebody else has written it, look at it again";
}

function nameOf({ key, group }: ConfigItem): string {
  return oneLine(`${group}/${key}`);
}

/** The first line, as far as it has room. */
function shortened(text: string): string {
  const [first = "", ...more] = linesOf(text);
  return `${first.slice(0, 60)}${first.length > 60 || more.length > 0 ? " ..." : ""}`;
}
