import type { ReferenceOptions } from "@dubbo-ts/application";
import { type RemoteException, serviceKey } from "@dubbo-ts/core";
import { type Command } from "commander";
import { fitArgument } from "../call/fit-argument.js";
import { jsonArgument } from "../call/json-argument.js";
import { jsonResult } from "../call/json-result.js";
import { publishedTypes } from "../call/published-types.js";
import type { CommandContext } from "../command-context.js";
import { withStatus } from "../command-io.js";
import { UsageError } from "../exit-codes.js";
import { namesOf, pairsOf, type RegistryOptions, reportOptions } from "../options.js";
import { RegistrySession } from "../registry-session.js";
import { tlsOf, type TlsOptions, tlsOptions } from "../tls-options.js";
import { jsonText } from "../text.js";

interface CallOptions extends RegistryOptions, TlsOptions {
  readonly app?: readonly string[];
  readonly group?: string;
  readonly version?: string;
  readonly protocol?: readonly string[];
  readonly url?: readonly string[];
  readonly attachment?: Readonly<Record<string, string>>;
  readonly types?: readonly string[];
}

const examples = `
Arguments are JSON, so texts need quotes of their own: '"Ada"'. Without --types they are those of the published
service definition (Java publishes one); without that the provider picks the method by its name.

Examples:
  dubbo-ts call org.example.UserProvider getUser 1
  dubbo-ts call org.example.UserProvider rename 1 '"Grace"' --types long,java.lang.String
  dubbo-ts call org.example.Greeter hello '"world"' --url dubbo://10.0.0.7:20880 --attachment tenant=acme
  dubbo-ts call org.example.Greeter hello '"world"' --ca-file certs/ca.pem
  dubbo-ts call org.example.Greeter save '{"class":"org.example.Note","text":"hi"}' --app notes --version 1.0.0`;

/** `dubbo-ts call <interface> <method> [json...]`. */
export function addCall(program: Command, context: CommandContext): void {
  const command = program
    .command("call")
    .argument("<interface>", "the Java interface")
    .argument("<method>", "the method")
    .argument("[json...]", "its arguments, each as JSON")
    .description("call a method without a definition, and print its result as JSON")
    .option("--app <names>", "applications that provide it, besides those of the mapping", namesOf)
    .option("--group <group>", "group of the service")
    .option("--version <version>", "version of the service; * is any")
    .option("--protocol <names>", "dubbo, tri; default: whatever is offered", namesOf)
    .option("--url <urls>", "dubbo://host:port: calls it, and asks no registry", namesOf)
    .option("--attachment <key=value>", "sent along; may be given several times", pairsOf)
    .option("--types <names>", "types of the parameters: long,java.lang.String", (text) => namesOf(text))
    .action((name: string, method: string, json: string[], options: CallOptions) =>
      call(name, method, json, options, context),
    );
  tlsOptions(reportOptions(command, context.io)).addHelpText("after", examples);
}

async function call(
  name: string,
  method: string,
  json: readonly string[],
  options: CallOptions,
  context: CommandContext,
): Promise<void> {
  const { io, tools } = context;
  const args = json.map((text, index) => jsonArgument(text, `argument ${index + 1}`));
  if (options.types !== undefined && options.types.length !== args.length)
    throw new UsageError(`--types names ${options.types.length} types, there are ${args.length} arguments`);
  try {
    const tls = await tlsOf(options, io);
    const result = await withStatus(io, `calling ${name}.${method} ...`, async () => {
      const types = options.types ?? (await typesOf(name, method, args.length, options, context));
      // With addresses given by hand nothing is looked up.
      const registry = options.url === undefined ? options.registry : "memory://";
      const { metadataReport } = options;
      await using app = await tools.openApplication({ name: "dubbo-ts-cli", registry, metadataReport, tls });
      const client = await app.refer(name, referenceOptions(options, io.signal));
      const fitted =
        types === undefined ? args : args.map((arg, index) => fitArgument(arg, types[index] ?? ""));
      const settings = { signal: io.signal, timeoutMs: options.timeout };
      return await client.invoke(method, fitted, {
        ...settings,
        ...(types !== undefined && { parameterTypes: types }),
      });
    });
    io.out(jsonText(jsonResult(result), { indented: options.json !== true }));
  } catch (error) {
    if (options.json === true) io.out(jsonText({ error: errorRecord(error) }));
    throw error;
  }
}

function referenceOptions(options: CallOptions, signal: AbortSignal): ReferenceOptions {
  const { app, group, version, protocol, url, attachment } = options;
  return {
    signal,
    check: false, // the call itself waits for a provider, as long as its timeout says
    ...(app !== undefined && { providedBy: app }),
    ...(group !== undefined && { group }),
    ...(version !== undefined && { version }),
    ...(protocol !== undefined && { protocol }),
    ...(url !== undefined && { url }),
    ...(attachment !== undefined && { attachments: attachment }),
  };
}

/** Nothing depends on it: whatever goes wrong on the way, the call is made without types. */
async function typesOf(
  name: string,
  method: string,
  argumentCount: number,
  options: CallOptions,
  { io, tools }: CommandContext,
): Promise<readonly string[] | undefined> {
  if (options.url !== undefined) return undefined;
  await using session = await RegistrySession.open(options, tools, io.signal);
  if (session.backend.metadataReport?.fetchDefinition === undefined) return undefined;
  try {
    const applications = new Set([...(options.app ?? []), ...(await session.mapping(name))]);
    return await publishedTypes(session, serviceKey(name, options), [...applications], method, argumentCount);
  } catch {
    io.signal.throwIfAborted();
    return undefined;
  }
}

function errorRecord(error: unknown): object {
  const { code, message, className, fields } = (error ?? {}) as Partial<RemoteException>;
  return {
    code,
    message,
    ...(className !== undefined && { class: className, fields: jsonResult(fields ?? {}) }),
  };
}
