import {
  metadataServiceCaller,
  readClientTls,
  readSettings,
  type RegistryFactory,
} from "@dubbo-ts/application";
import type { CommandTools, Dialer } from "@dubbo-ts/cli";
import { parseRegistryAddress, type TlsConfig } from "@dubbo-ts/config";
import { DisposalScope, type Endpoint, RpcError, silentLogger, systemRuntime } from "@dubbo-ts/core";
import type { Protocol } from "@dubbo-ts/rpc";
import { memoryCenters, protocols, registryFactories } from "./adapters.js";
import { createApplication, openCenter, openRegistry } from "./create-application.js";

const runtime = { ...systemRuntime, log: silentLogger };

/** What the command is given: every official registry and protocol. It leaves no trace: no cache, no log, no server. */
export const commandTools: CommandTools = {
  runtime,
  openRegistry: async (url) => openRegistry(asGuest(url), runtime),
  openCenter: async (url) => openCenter(asGuest(url), runtime),
  readSettings: ({ config, registry, log }) =>
    readSettings({
      config,
      registry: registry ?? (Object.keys(config.registries).length === 0 ? "local://" : undefined),
      registries: guestFactories(registryFactories(memoryCenters())),
      runtime: { ...runtime, log },
    }),
  openApplication: ({ name, registry, metadataReport, tls }) =>
    createApplication({
      config: {
        application: { name },
        cache: { enabled: false },
        ...(metadataReport !== undefined && { "metadata-report": { address: metadataReport } }),
        ...(tls !== undefined && { consumer: { tls: said(tls) } }),
      },
      registry: asGuest(registry),
      log: silentLogger,
      // What the command line names wins, and the command knows it already.
      env: { ...process.env, DUBBO_REGISTRY: undefined },
    }),
  openDialer,
};

/** A command that comes and goes must not be the one that serves the embedded registry. */
function asGuest(url: string): string {
  const { scheme } = parseRegistryAddress(url);
  return scheme === "local" ? `${url}${url.includes("?") ? "&" : "?"}serve=false` : url;
}

/** The same for registries that a configuration names. */
function guestFactories(
  factories: Readonly<Record<string, RegistryFactory>>,
): Readonly<Record<string, RegistryFactory>> {
  const { local, ...others } = factories;
  if (local === undefined) return factories;
  const asGuestOf: RegistryFactory = (settings, where) =>
    local({ ...settings, params: { ...settings.params, serve: "false" } }, where);
  return { ...others, local: asGuestOf };
}

/** Without the keys that have no value. */
function said(tls: TlsConfig): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

async function openDialer(application: string, tls?: TlsConfig): Promise<Dialer> {
  const client = await readClientTls(tls);
  const scope = new DisposalScope();
  const made = new Map<string, Protocol>();
  for (const [name, make] of Object.entries(protocols))
    made.set(
      name,
      scope.use(
        await make(
          { application, payloadBytes: undefined, connections: undefined, tls: { client } },
          runtime,
        ),
      ),
    );
  const refer = (endpoint: Endpoint) => {
    const protocol = made.get(endpoint.protocol);
    if (protocol !== undefined) return protocol.refer(endpoint);
    const why = `protocol ${endpoint.protocol} is not known`;
    throw new RpcError("CONNECT_FAILED", why, { peer: endpoint.key, mayHaveRun: false });
  };
  return {
    protocols: [...made.keys()],
    refer,
    callMetadataService: metadataServiceCaller(refer, runtime),
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}
