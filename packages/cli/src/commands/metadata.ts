import type { ServiceInfo } from "@dubbo-ts/core";
import { type Command } from "commander";
import { type CommandContext, printListing } from "../command-context.js";
import { NotFoundError } from "../exit-codes.js";
import { type RegistryOptions, reportOptions } from "../options.js";
import { forEachOf, RegistrySession } from "../registry-session.js";
import { readRevision, type RevisionMetadata } from "../revision-metadata.js";
import { revisionsOf, shortRevision } from "../state-of.js";
import { count } from "../text.js";
import { tlsOf, type TlsOptions, tlsOptions } from "../tls-options.js";
import { noInstances } from "./instances.js";

interface MetadataOptions extends RegistryOptions, TlsOptions {}

/** `dubbo-ts metadata <app> [revision]`. */
export function addMetadata(program: Command, context: CommandContext): void {
  const command = program
    .command("metadata")
    .argument("<app>", "the application")
    .argument("[revision]", "the revision, or how it begins; default: all that instances carry")
    .description("show what an application offers, and who told: the report or an instance")
    .action((app: string, revision: string | undefined, options: MetadataOptions) =>
      showMetadata(app, revision, options, context),
    );
  tlsOptions(reportOptions(command, context.io)).addHelpText(
    "after",
    "\nExamples:\n  dubbo-ts metadata user-info-server\n  dubbo-ts metadata user-info-server 2b04 --json",
  );
}

async function showMetadata(
  app: string,
  wanted: string | undefined,
  options: MetadataOptions,
  context: CommandContext,
): Promise<void> {
  const { io, tools } = context;
  await using session = await RegistrySession.open(options, tools, io.signal);
  await using dialer = await tools.openDialer("dubbo-ts-cli", await tlsOf(options, io));
  const instances = await session.instances(app);
  const carried = revisionsOf(instances);
  const revisions = wanted === undefined ? carried : matching(wanted, carried);
  if (wanted === undefined && instances.length === 0) throw await noInstances(app, session);
  if (revisions.length === 0)
    throw new NotFoundError(`${app}: ${count(instances.length, "instance")}, none with a Dubbo revision`);
  const found = await forEachOf(revisions, "revisions", io, (revision) =>
    session.ask((backend, signal) => readRevision(app, revision, instances, backend, dialer, tools, signal)),
  );
  const listing = {
    header: ["REVISION", "SERVICE", "PROTOCOL", "PORT", "METHODS", "FROM"],
    rows: found.flatMap(rowsOf),
    none: `${app} offers nothing`,
    json: found.map(recordOf),
  };
  printListing(listing, options.json === true, context);
}

/** Those that begin so; one that no instance carries may be in the report all the same. */
function matching(wanted: string, carried: readonly string[]): readonly string[] {
  const found = carried.filter((revision) => revision.startsWith(wanted));
  return found.length > 0 ? found : [wanted];
}

function rowsOf({ metadata, source }: RevisionMetadata): string[][] {
  return servicesOf({ metadata }).map(({ key, protocol, port, params }) => [
    shortRevision(metadata.revision),
    key.text,
    protocol,
    port === undefined ? "-" : String(port),
    params["methods"] ?? "-",
    source,
  ]);
}

function recordOf({ metadata, instances, source }: RevisionMetadata) {
  const { application, revision } = metadata;
  return {
    application,
    revision,
    source,
    instances: instances.map(({ id }) => id),
    services: servicesOf({ metadata }).map(({ key, protocol, port, params }) => ({
      interface: key.serviceInterface,
      group: key.group,
      version: key.version,
      protocol,
      port,
      params,
    })),
  };
}

function servicesOf({ metadata }: Pick<RevisionMetadata, "metadata">): readonly ServiceInfo[] {
  return [...metadata.services.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, info]) => info);
}
