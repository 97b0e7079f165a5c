import {
  ConfigError,
  deadline,
  durationOfParameter,
  type Runtime,
  RegistryError,
  systemRuntime,
  tlsOfParameters,
  tlsSocket,
  type TlsSocketOptions,
} from "@dubbo-ts/core";
import { isZooKeeperError, openZooKeeper, type ZooKeeperClient } from "@dubbo-ts/zookeeper-client";
import { parseZooKeeperAddress, type ZooKeeperAddress } from "./zookeeper-address.js";
import { registryError } from "./errors.js";

/** Where ZooKeeper is and how it is used. Parameters of the address and fields of the same meaning: the fields win. */
export interface ZooKeeperOptions {
  /**
   * `zookeeper://[user:password@]h1:2181,h2:2181[/chroot]?group=…&rootPath=…&timeout=…&session=…&backup=…&tls=…`, or the same
   * as it was read elsewhere. With user and password, nodes are created for these alone, as Java does.
   */
  readonly address: string | ZooKeeperAddress;
  /** Moves instances from `/services` to `/{group}`, metadata and mapping from `/dubbo` to it. Default: none. */
  readonly group?: string | undefined;
  /** Moves settings from `/dubbo/config` to `/{namespace}/config`, as Java's config centers do. Default: the group. */
  readonly namespace?: string | undefined;
  /** Where instances are, whatever the group: `/services`. */
  readonly rootPath?: string | undefined;
  /** After how long without a word the server forgets this process. Parameter `session`. Default 15,000 ms. */
  readonly sessionTimeoutMs?: number | undefined;
  /** How long a single call may take. Parameter `timeout`. Default: `sessionTimeoutMs`. */
  readonly callTimeoutMs?: number | undefined;
  /** For the servers' `secureClientPort`. Default: what `tls`, `tlsCa`, `tlsCert`, `tlsKey` and `tlsServerName` ask for. */
  readonly tls?: TlsSocketOptions | undefined;
  /** Waits for the server when opening, and fails when it does not come. Default 0: connects in the background. */
  readonly waitForServerMs?: number | undefined;
  /** How long after a reconnect a set of instances is not `settled`. Default: the session's time. */
  readonly settleMs?: number | undefined;
  /** Everything that is watched is read again after so long, at random half as long again. Default 60,000 ms. */
  readonly resyncMs?: number | undefined;
}

/** One session with ZooKeeper, for a registry, a metadata report and a config center to share. Disposing it ends the session. */
export interface ZooKeeperConnection extends AsyncDisposable {
  /** `zookeeper://h1:2181,h2:2181/chroot`, without secrets. */
  readonly name: string;
  readonly client: ZooKeeperClient;
  readonly runtime: Runtime;
  /** `/services` or `/{group}`. */
  readonly instancesRoot: string;
  /** `/dubbo` or `/{group}`. */
  readonly metadataRoot: string;
  /** `/dubbo/config`, `/{group}/config` or `/{namespace}/config`. */
  readonly configRoot: string;
  readonly settleMs: number | undefined;
  readonly resyncMs: number | undefined;
}

/**
 * Opens a {@link ZooKeeperConnection}.
 * @throws {ConfigError} ADDRESS_INVALID.
 * @throws {RegistryError} with `waitForServerMs`: REGISTRY_UNAVAILABLE, REGISTRY_WRONG_SERVER, REGISTRY_AUTH_FAILED.
 */
export async function zookeeperConnection(
  options: ZooKeeperOptions,
  runtime: Runtime = systemRuntime,
): Promise<ZooKeeperConnection> {
  const address =
    typeof options.address === "string" ? parseZooKeeperAddress(options.address) : options.address;
  const name = `zookeeper://${hostsOf(address).join(",")}${chrootOf(address)}`;
  const tls = options.tls ?? (await tlsOfParameters(name, address.params ?? {}));
  const client = openClient({ ...options, tls }, address, name, runtime);
  const { waitForServerMs = 0 } = options;
  if (waitForServerMs > 0) await waitForServer(client, name, waitForServerMs, runtime);
  const { group = address.params?.["group"], rootPath = address.params?.["rootPath"] } = options;
  return {
    name,
    client,
    runtime,
    instancesRoot: rootOf(rootPath || group || "services"),
    metadataRoot: rootOf(group || "dubbo"),
    configRoot: `${rootOf(options.namespace || address.params?.["namespace"] || group || "dubbo")}/config`,
    settleMs: options.settleMs,
    resyncMs: options.resyncMs,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

function openClient(
  options: ZooKeeperOptions,
  address: ZooKeeperAddress,
  name: string,
  { clock, random, log, network }: Runtime,
): ZooKeeperClient {
  const { username, password, params = {} } = address;
  try {
    return openZooKeeper({
      servers: `${hostsOf(address).join(",")}${chrootOf(address)}`,
      sessionTimeoutMs: options.sessionTimeoutMs ?? durationOfParameter(name, params, "session"),
      callTimeoutMs: options.callTimeoutMs ?? durationOfParameter(name, params, "timeout"),
      auth: username === undefined ? undefined : { user: username, password: password ?? "" },
      clock,
      random,
      log,
      connect: (server, onread) => {
        if (options.tls === undefined) return network.connect({ ...server, noDelay: true, onread });
        return tlsSocket(network.connect({ ...server, noDelay: true }), server.host, options.tls);
      },
    });
  } catch (cause) {
    if (!isZooKeeperError(cause, "ADDRESS_INVALID", "BAD_ARGUMENTS")) throw cause;
    throw new ConfigError("ADDRESS_INVALID", `${name}: ${cause.message}`, { cause });
  }
}

async function waitForServer(
  client: ZooKeeperClient,
  name: string,
  waitMs: number,
  { clock }: Runtime,
): Promise<void> {
  const late = () => {
    const why = client.failure === undefined ? "" : `: ${client.failure.message}`;
    const options = client.failure === undefined ? undefined : { cause: client.failure };
    return new RegistryError("REGISTRY_UNAVAILABLE", `${name} did not answer in ${waitMs} ms${why}`, options);
  };
  using limit = deadline(clock, waitMs, late);
  try {
    await client.ready(limit.signal);
  } catch (error) {
    await client.close();
    throw registryError(name, error);
  }
}

function hostsOf({ hosts }: ZooKeeperAddress): readonly string[] {
  return hosts.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
}

function chrootOf({ path = "" }: ZooKeeperAddress): string {
  return path === "/" ? "" : path;
}

/** Java and Go add the leading slash that a group has not (app-level discovery 2.6). */
function rootOf(name: string): string {
  return `/${name.replace(/^\/+|\/+$/g, "")}`;
}
