import {
  ConfigError,
  deadline,
  durationOfParameter,
  RegistryError,
  type Runtime,
  systemRuntime,
} from "@dubbo-ts/core";
import { type EtcdClient, type EtcdTls, isEtcdError, KeptLease, openEtcd } from "@dubbo-ts/etcd-client";
import { registryError } from "./errors.js";
import { type EtcdAddress, parseEtcdAddress } from "./etcd-address.js";
import { tlsOf } from "./etcd-tls.js";

/** Where etcd is and how it is used. Parameters of the address and fields of the same meaning: the fields win. */
export interface EtcdOptions {
  /**
   * `etcd://[user:password@]h1:2379,h2:2379?group=…&session=…&timeout=…&backup=…&tls=…`, or the same as it was read
   * elsewhere.
   */
  readonly address: string | EtcdAddress;
  /** Moves metadata and mapping from `/dubbo` to `/{group}`; instances are below `/services` whatever the group, as in Java and Go. */
  readonly group?: string | undefined;
  /** Moves settings from `/dubbo/config` to `/{namespace}/config`. Parameter `namespace`. Default: the group. */
  readonly namespace?: string | undefined;
  /** After how long without a word the server forgets this process; whole seconds. Parameter `session`. Default 15,000 ms. */
  readonly sessionTimeoutMs?: number | undefined;
  /** How long a single call may take. Parameter `timeout`. Default 3000 ms. */
  readonly callTimeoutMs?: number | undefined;
  /** Default: what the parameters `tls`, `tlsCa`, `tlsCert`, `tlsKey` and `tlsServerName` ask for. */
  readonly tls?: EtcdTls | undefined;
  /** Waits for the server when opening, and fails when it does not come. Default 0: connects in the background. */
  readonly waitForServerMs?: number | undefined;
  /** How long after a reconnect a set of instances is not `settled`. Default: the session's time. */
  readonly settleMs?: number | undefined;
  /** Everything that is watched is read again after so long, at random half as long again. Default 60,000 ms. */
  readonly resyncMs?: number | undefined;
}

/** One client and one lease, for a registry, a metadata report and a config center to share. Disposing it ends both. */
export interface EtcdConnection extends AsyncDisposable {
  /** `etcd://h1:2379,h2:2379`, without secrets. */
  readonly name: string;
  readonly client: EtcdClient;
  /** Of what is registered. */
  readonly lease: KeptLease;
  readonly runtime: Runtime;
  /** `/services/`: Java and Go ignore the group here (app-level discovery 2.7). */
  readonly instancesRoot: string;
  /** `/dubbo/` or `/{group}/`. */
  readonly metadataRoot: string;
  /** `/dubbo/config/`, `/{group}/config/` or `/{namespace}/config/`. */
  readonly configRoot: string;
  readonly settleMs: number;
  readonly resyncMs: number | undefined;
}

/**
 * Opens an {@link EtcdConnection}.
 * @throws {ConfigError} ADDRESS_INVALID.
 * @throws {RegistryError} with `waitForServerMs`: REGISTRY_UNAVAILABLE, REGISTRY_WRONG_SERVER, REGISTRY_AUTH_FAILED.
 */
export async function etcdConnection(
  options: EtcdOptions,
  runtime: Runtime = systemRuntime,
): Promise<EtcdConnection> {
  const address = typeof options.address === "string" ? parseEtcdAddress(options.address) : options.address;
  const params = address.params ?? {};
  const name = `etcd://${hostsOf(address).join(",")}`;
  const sessionMs = options.sessionTimeoutMs ?? durationOfParameter(name, params, "session") ?? 15_000;
  const client = await openClient(options, address, name, runtime);
  const { waitForServerMs = 0, group = params["group"] } = options;
  if (waitForServerMs > 0) await waitForServer(client, name, waitForServerMs, runtime);
  const lease = new KeptLease(client, Math.max(1, Math.ceil(sessionMs / 1_000)));
  return {
    name,
    client,
    lease,
    runtime,
    instancesRoot: "/services/",
    metadataRoot: rootOf(group || "dubbo"),
    configRoot: `${rootOf(options.namespace || params["namespace"] || group || "dubbo")}config/`,
    settleMs: options.settleMs ?? sessionMs,
    resyncMs: options.resyncMs,
    async [Symbol.asyncDispose]() {
      await lease[Symbol.asyncDispose]();
      await client.close();
    },
  };
}

async function openClient(
  options: EtcdOptions,
  address: EtcdAddress,
  name: string,
  { clock, random, log }: Runtime,
): Promise<EtcdClient> {
  const { username, password, params = {} } = address;
  const tls = options.tls ?? (await tlsOf(params));
  try {
    return openEtcd({
      endpoints: hostsOf(address),
      tls,
      credentials: username === undefined ? undefined : { user: username, password: password ?? "" },
      callTimeoutMs: options.callTimeoutMs ?? durationOfParameter(name, params, "timeout"),
      clock,
      random,
      log,
    });
  } catch (cause) {
    if (!isEtcdError(cause, "ADDRESS_INVALID")) throw cause;
    throw new ConfigError("ADDRESS_INVALID", `${name}: ${cause.message}`, { cause });
  }
}

async function waitForServer(
  client: EtcdClient,
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

function hostsOf({ hosts }: EtcdAddress): readonly string[] {
  return hosts.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
}

function rootOf(name: string): string {
  return `/${name.replace(/^\/+|\/+$/g, "")}/`;
}
