import type { ServiceInstance } from "@dubbo-ts/core";
import { type Command } from "commander";
import { type CommandContext, printListing } from "../command-context.js";
import { type RegistryOptions, registryOptions } from "../options.js";
import { forEachOf, RegistrySession } from "../registry-session.js";
import { revisionsOf, shortRevision, stateOf } from "../state-of.js";

/** `dubbo-ts apps`. */
export function addApps(program: Command, context: CommandContext): void {
  const command = program
    .command("apps")
    .description("list the applications of a registry")
    .action((options: RegistryOptions) => listApps(options, context));
  registryOptions(command, context.io).addHelpText(
    "after",
    "\nExamples:\n  dubbo-ts apps\n  dubbo-ts apps --registry zookeeper://127.0.0.1:2181 --json",
  );
}

async function listApps(options: RegistryOptions, context: CommandContext): Promise<void> {
  const { io, tools } = context;
  await using session = await RegistrySession.open(options, tools, io.signal);
  const names = await session.applications();
  const sets = await forEachOf(names, "applications", io, (name) => session.instances(name));
  const apps = names.map((name, index) => summaryOf(name, sets[index] ?? []));
  const rows = apps.map(({ application, instances, usable, revisions, protocols }) => [
    application,
    String(instances),
    String(usable),
    revisions.map(shortRevision).join(" ") || "-",
    protocols.join(" ") || "-",
  ]);
  const header = ["APPLICATION", "INSTANCES", "USABLE", "REVISIONS", "PROTOCOLS"];
  const none = `no applications in ${session.backend.registry.name}`;
  printListing({ header, rows, none, json: apps }, options.json === true, context);
}

function summaryOf(application: string, instances: readonly ServiceInstance[]) {
  return {
    application,
    instances: instances.length,
    usable: instances.filter((instance) => stateOf(instance) === "ok").length,
    revisions: revisionsOf(instances),
    protocols: [...new Set(instances.flatMap(({ ports }) => Object.keys(ports)))].sort(),
  };
}
