import type { ServiceInstance } from "@dubbo-ts/core";
import { type Command } from "commander";
import { type CommandContext, printListing } from "../command-context.js";
import { NotFoundError } from "../exit-codes.js";
import { type RegistryOptions, registryOptions } from "../options.js";
import { forEachOf, RegistrySession } from "../registry-session.js";
import { portsOf, shortRevision, stateOf } from "../state-of.js";
import { someOf } from "../text.js";

/** `dubbo-ts instances [app]`. */
export function addInstances(program: Command, context: CommandContext): void {
  const command = program
    .command("instances")
    .argument("[app]", "the application; default: all")
    .description("list instances: where they are, whether they take calls, what they carry")
    .action((app: string | undefined, options: RegistryOptions) => listInstances(app, options, context));
  registryOptions(command, context.io).addHelpText(
    "after",
    "\nExamples:\n  dubbo-ts instances\n  dubbo-ts instances user-info-server --json",
  );
}

async function listInstances(
  app: string | undefined,
  options: RegistryOptions,
  context: CommandContext,
): Promise<void> {
  const { io, tools } = context;
  await using session = await RegistrySession.open(options, tools, io.signal);
  const names = app === undefined ? await session.applications() : [app];
  const sets = await forEachOf(names, "applications", io, (name) => session.instances(name));
  const instances = sets.flat().sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  if (app !== undefined && instances.length === 0) throw await noInstances(app, session);
  const listing = {
    header: ["APPLICATION", "ADDRESS", "STATE", "REVISION", "ENDPOINTS", "METADATA", "STARTED"],
    rows: instances.map(rowOf),
    none: `no instances in ${session.backend.registry.name}`,
    json: instances.map(recordOf),
  };
  printListing(listing, options.json === true, context);
}

/** Says what there is instead. */
export async function noInstances(app: string, session: RegistrySession): Promise<NotFoundError> {
  const { name } = session.backend.registry;
  const others = (await session.applications()).filter((other) => other !== app);
  const known = others.length === 0 ? "it has no others" : `it has ${someOf(others)}`;
  return new NotFoundError(`no instances of ${app} in ${name}; ${known}`);
}

function rowOf(instance: ServiceInstance): string[] {
  const { application, id, revision, storage, startedAtMs } = instance;
  const started = startedAtMs === undefined ? "-" : new Date(startedAtMs).toISOString().slice(0, 19);
  const metadata = instance.revision === undefined ? "-" : metadataOf(instance);
  return [
    application,
    id,
    stateOf(instance),
    shortRevision(revision),
    portsOf(instance) || "-",
    storage === "remote" ? "report" : metadata,
    started,
  ];
}

function metadataOf({ metadataService }: ServiceInstance): string {
  return metadataService === undefined ? "-" : `${metadataService.protocol}:${metadataService.port}`;
}

/** All but what follows from the rest: `state` beside it. */
function recordOf(instance: ServiceInstance) {
  return { ...instance, state: stateOf(instance) };
}

function keyOf({ application, id }: ServiceInstance): string {
  return `${application}\n${id}`;
}
