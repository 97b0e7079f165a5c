import { type Command } from "commander";
import { type CommandContext, printListing } from "../command-context.js";
import { NotFoundError } from "../exit-codes.js";
import { type RegistryOptions, reportOptions } from "../options.js";
import { forEachOf, RegistrySession } from "../registry-session.js";
import { readRevision } from "../revision-metadata.js";
import { revisionsOf } from "../state-of.js";
import { messageOf, oneLine } from "../text.js";
import { tlsOf, type TlsOptions, tlsOptions } from "../tls-options.js";
import type { Dialer } from "../tools.js";

interface MappingOptions extends RegistryOptions, TlsOptions {}

/** `dubbo-ts mapping [interface]`. */
export function addMapping(program: Command, context: CommandContext): void {
  const command = program
    .command("mapping")
    .argument("[interface]", "the interface; default: all that running applications offer")
    .description("show which applications are mapped to an interface: where consumers look for it")
    .action((name: string | undefined, options: MappingOptions) =>
      name === undefined ? listMappings(options, context) : showMapping(name, options, context),
    );
  tlsOptions(reportOptions(command, context.io)).addHelpText(
    "after",
    "\nExamples:\n  dubbo-ts mapping\n  dubbo-ts mapping org.example.UserProvider",
  );
}

/** An interface, who is mapped to it, and who offers it in truth. */
interface Mapping {
  readonly interface: string;
  readonly applications: readonly string[];
  readonly offeredBy: readonly string[];
}

async function showMapping(name: string, options: RegistryOptions, context: CommandContext): Promise<void> {
  await using session = await RegistrySession.open(options, context.tools, context.io.signal);
  const applications = await session.mapping(name);
  if (applications.length === 0)
    throw new NotFoundError(`no application is mapped to ${name} in ${session.backend.registry.name}`);
  const counts = await forEachOf(applications, "applications", context.io, async (application) => {
    const instances = await session.instances(application);
    return { application, instances: instances.length };
  });
  const listing = {
    header: ["INTERFACE", "APPLICATION", "INSTANCES"],
    rows: counts.map(({ application, instances }) => [name, application, String(instances)]),
    none: "",
    json: { interface: name, applications: counts },
  };
  printListing(listing, options.json === true, context);
}

/** A registry cannot list its mappings: the interfaces are those that the instances of today offer. */
async function listMappings(options: MappingOptions, context: CommandContext): Promise<void> {
  const { io, tools } = context;
  await using session = await RegistrySession.open(options, tools, io.signal);
  await using dialer = await tools.openDialer("dubbo-ts-cli", await tlsOf(options, io));
  const offered = await offeredInterfaces(session, dialer, context);
  const mappings = await forEachOf([...offered.keys()].sort(), "interfaces", io, async (name) => ({
    interface: name,
    applications: await session.mapping(name),
    offeredBy: [...(offered.get(name) ?? [])].sort(),
  }));
  const listing = {
    header: ["INTERFACE", "MAPPED TO", "OFFERED BY"],
    rows: mappings.map(rowOf),
    none: `no interfaces are offered in ${session.backend.registry.name}`,
    json: mappings,
  };
  printListing(listing, options.json === true, context);
}

function rowOf(mapping: Mapping): string[] {
  return [mapping.interface, mapping.applications.join(" ") || "-", mapping.offeredBy.join(" ")];
}

async function offeredInterfaces(
  session: RegistrySession,
  dialer: Dialer,
  { io, tools }: CommandContext,
): Promise<Map<string, Set<string>>> {
  const offered = new Map<string, Set<string>>();
  await forEachOf(await session.applications(), "applications", io, async (application) => {
    const instances = await session.instances(application);
    for (const revision of revisionsOf(instances)) {
      try {
        const { metadata } = await session.ask((backend, signal) =>
          readRevision(application, revision, instances, backend, dialer, tools, signal),
        );
        for (const { key } of metadata.services.values())
          offered.set(
            key.serviceInterface,
            (offered.get(key.serviceInterface) ?? new Set()).add(application),
          );
      } catch (error) {
        io.signal.throwIfAborted();
        io.err(oneLine(`${application}: ${messageOf(error)}`)); // the others are of interest all the same
      }
    }
  });
  return offered;
}
