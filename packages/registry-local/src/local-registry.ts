import {
  ConfigError,
  deadline,
  DisposalScope,
  RegistryError,
  type Runtime,
  systemRuntime,
} from "@dubbo-ts/core";
import { type NacosBackend, type NacosOptions, openNacos } from "@dubbo-ts/registry-nacos";
import { defaultDataFile } from "./data-file.js";
import { Election } from "./election.js";
import { isLoopback } from "./server/listen.js";
import {
  defaultHost,
  defaultPort,
  type NacosServerOptions,
  startNacosServer,
} from "./server/nacos-server.js";

/** Options of {@link joinLocalRegistry}. All processes that are to meet need the same port. */
export interface LocalOptions {
  /** The base port; the one that is used is 1000 above it. Default 8848. */
  readonly port?: number | undefined;
  /** A loopback address. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** False: this process is a client only, for one that comes and goes quickly. Default true. */
  readonly serve?: boolean | undefined;
  /**
   * Where the serving process keeps metadata and mappings, so that they outlive all processes. False: nowhere.
   * Default: a file by port in the user's cache folder.
   */
  readonly dataFile?: string | false | undefined;
  /** How long joining waits for the process that has the port. Default 5,000 ms. */
  readonly joinTimeoutMs?: number | undefined;
  readonly namespace?: string | undefined;
  readonly group?: string | undefined;
  readonly applicationName?: string | undefined;
  readonly applicationsPollMs?: number | undefined;
  /** Settings of the server, for tests. */
  readonly server?: Pick<NacosServerOptions, "holdMs" | "pushDelayMs" | "detection" | "faults"> | undefined;
  /** Settings of the client below, for tests. */
  readonly client?: NacosOptions["client"];
}

/** This process's part in the registry of this machine. Disposing it deregisters, and lets another process serve. */
export interface LocalRegistry extends NacosBackend {
  readonly port: number;
  /** True while this process is the one that serves. */
  readonly serving: boolean;
}

/**
 * What fits a server that is back within milliseconds: short pauses, and lists are believed as soon as it stopped
 * holding them back.
 */
const clientSettings = { backoffBaseMs: 20, backoffCapMs: 250, graceMs: 1_500, transport: "grpc" } as const;

/**
 * Joins the registry of this machine: the first process that comes serves it, the others are its clients, and one of
 * them takes over when it goes, also when it is killed. For development: it sees this machine only.
 *
 * @throws {ConfigError} ADDRESS_INVALID: no loopback address, or no port that leaves room for the one 1000 above.
 * @throws {RegistryError} REGISTRY_WRONG_SERVER: another program has the port.
 */
export async function joinLocalRegistry(
  options: LocalOptions = {},
  runtime: Runtime = systemRuntime,
): Promise<LocalRegistry> {
  const { port, host, serve = true } = { ...options, ...addressOf(options) };
  const start = (tookOver: boolean | undefined) => startServer(options, { port, host, tookOver }, runtime);
  const scope = new DisposalScope();
  const election = scope.use(new Election(start, runtime));
  try {
    const first = serve && (await election.attempt(undefined));
    const backend = scope.use(await open(options, port, host, runtime));
    if (serve) election.follow(backend.naming);
    const waitMs = options.joinTimeoutMs ?? 5_000;
    await untilJoined(backend, election, { host, port, serve, waitMs }, runtime);
    tell({ host, port, first }, runtime);
    return joined(backend, election, scope, port);
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

function joined(
  backend: NacosBackend,
  election: Election,
  scope: DisposalScope,
  port: number,
): LocalRegistry {
  return {
    ...backend,
    loopbackOnly: true,
    port,
    get serving() {
      return election.serving;
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

function tell({ host, port, first }: { host: string; port: number; first: boolean }, { log }: Runtime): void {
  log.info(
    { port, grpcPort: port + 1000, serving: first },
    `using the development registry of this machine, ${host}:${port}; for anything else configure a real one, such as nacos://host:8848`,
  );
}

function addressOf({ port = defaultPort, host = defaultHost }: LocalOptions): { port: number; host: string } {
  if (!isLoopback(host))
    throw new ConfigError("ADDRESS_INVALID", `the local registry needs a loopback address, not ${host}`);
  if (!Number.isInteger(port) || port < 1 || port > 64_535)
    throw new ConfigError(
      "ADDRESS_INVALID",
      `the local registry needs a port between 1 and 64535, not ${port}`,
    );
  return { port, host: host === "localhost" ? defaultHost : host };
}

function startServer(
  { dataFile, server = {} }: LocalOptions,
  {
    port,
    host,
    tookOver,
  }: { readonly port: number; readonly host: string; readonly tookOver: boolean | undefined },
  runtime: Runtime,
) {
  const file = dataFile === false ? undefined : (dataFile ?? defaultDataFile(port));
  return startNacosServer({
    ...server,
    port,
    host,
    background: true,
    runtime,
    ...(file !== undefined && { dataFile: file }),
    ...(tookOver !== undefined && { tookOver }),
  });
}

function open(options: LocalOptions, port: number, host: string, runtime: Runtime): Promise<NacosBackend> {
  const { namespace, group, applicationName, applicationsPollMs, client } = options;
  return openNacos(
    {
      address: { hosts: [{ host, port }] },
      name: `local://${host}:${port}`,
      history: false,
      namespace,
      group,
      applicationName,
      applicationsPollMs: applicationsPollMs ?? 1_000,
      checkNamespace: false, // here every name is one
      client: { ...clientSettings, ...client },
    },
    runtime,
  );
}

/** As long as `signal` allows: the client would give up by itself before that. @throws what its last attempt ended with. */
async function whenReady(naming: NacosBackend["naming"], signal: AbortSignal): Promise<void> {
  for (;;)
    try {
      return await naming.ready(signal);
    } catch (error) {
      if (signal.aborted || (error as { code?: string }).code !== "UNAVAILABLE") throw error;
    }
}

/** Where this process may serve there is always somebody to join; a pure client may come before everybody else. */
async function untilJoined(
  { naming }: NacosBackend,
  election: Election,
  { host, port, serve, waitMs }: { host: string; port: number; serve: boolean; waitMs: number },
  { clock }: Runtime,
): Promise<void> {
  using limit = deadline(clock, waitMs, () => new Error(`no answer in ${waitMs} ms`));
  try {
    await whenReady(naming, limit.signal);
  } catch (cause) {
    const { lastError } = naming.state;
    const isStranger = lastError?.code === "NOT_NACOS" || (serve && !election.serving);
    if (!isStranger) return;
    throw new RegistryError(
      "REGISTRY_WRONG_SERVER",
      `port ${port + 1000} of ${host} belongs to a program that is no registry; ` +
        "choose another base port, as in local://127.0.0.1:18848",
      { cause },
    );
  }
}
