import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestCertificate } from "../certificates.js";
import { waitFor } from "../wait-for.js";
import { freePort } from "./free-ports.js";
import { onPath } from "./programs.js";
import { type ServerCommand, ServerProcess, started, type TestServer } from "./server-process.js";

/** Where the parts of an installed Redis are. */
export interface RedisInstallation {
  readonly server: string;
  readonly sentinel: string;
  readonly cli: string;
}

/** Undefined: no Redis on this machine. */
export function redisAvailable(): RedisInstallation | undefined {
  const [server, sentinel, cli] = [onPath("redis-server"), onPath("redis-sentinel"), onPath("redis-cli")];
  if (server === undefined || sentinel === undefined || cli === undefined) return undefined;
  return { server, sentinel, cli };
}

/** TLS in the place of plain connections. */
export interface RedisServerTls {
  /** Of the server. */
  readonly server: TestCertificate;
  /** PEM: signed the server's certificate, and those of the clients. */
  readonly authority: string;
  /** True: a client needs a certificate. Default false. */
  readonly clientCertificates?: boolean;
}

/** How a server is started. */
export interface RedisServerOptions {
  /** Of the user `default`. Default: nobody needs one. */
  readonly password?: string;
  readonly tls?: RedisServerTls;
  /** Further lines of `redis.conf`, such as `user shop on >secret ~* &* +@all`. */
  readonly config?: readonly string[];
}

/** A Redis as a process of its own, which keeps what it is told in an append-only file. */
export interface RedisServer extends TestServer {
  /** Runs `redis-cli` against this server as its user `default`, and gives back what it printed. */
  cli(...args: readonly string[]): Promise<string>;
}

/** A master, its replicas and the Sentinels that watch them. */
export interface RedisSentinel extends AsyncDisposable {
  readonly masterName: string;
  /** The first was the master at the start. */
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  /** The server that the Sentinels call master at present. */
  master(): Promise<RedisServer>;
}

/** Masters without replicas, with all slots between them. */
export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
}

/**
 * Starts a Redis on a free port of 127.0.0.1.
 * @throws {Error} there is none on this machine, or it does not answer; with what it printed.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  return started(new RedisProcess(installation(), await freePort(), options));
}

/** Starts a master, a replica and three Sentinels that call a server dead after a second. Otherwise as {@link startRedis}. */
export async function startRedisSentinel(
  options: Pick<RedisServerOptions, "password" | "config"> = {},
): Promise<RedisSentinel> {
  const [installed, masterName] = [installation(), "shop-master"];
  const { password } = options;
  const opened: RedisProcess[] = [];
  const open = async (more: readonly string[], isSentinel = false) => {
    const config = [...(isSentinel ? [] : (options.config ?? [])), ...more];
    const settings = { ...(password !== undefined && !isSentinel && { password }), config };
    const server = await started(new RedisProcess(installed, await freePort(), settings, isSentinel));
    opened.push(server);
    return server;
  };
  const close = async () =>
    void (await Promise.all(opened.reverse().map((one) => one[Symbol.asyncDispose]())));
  try {
    // A replica that becomes master, and a master that becomes replica, need the same settings.
    const common = [
      "repl-diskless-sync-delay 0",
      ...(password === undefined ? [] : [`masterauth ${password}`]),
    ];
    const master = await open(common);
    const replica = await open([...common, `replicaof ${master.host} ${master.port}`]);
    const watched = [
      `sentinel monitor ${masterName} ${master.host} ${master.port} 2`,
      `sentinel down-after-milliseconds ${masterName} 1000`,
      `sentinel failover-timeout ${masterName} 5000`,
      ...(password === undefined ? [] : [`sentinel auth-pass ${masterName} ${password}`]),
    ];
    const sentinels = [await open(watched, true), await open(watched, true), await open(watched, true)];
    const servers = [master, replica];
    await sentinelsAgree(sentinels, masterName);
    return {
      masterName,
      servers,
      sentinels,
      master: () => masterOf(servers, sentinels, masterName),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts a cluster of three masters; otherwise as {@link startRedis}. */
export async function startRedisCluster(
  options: Pick<RedisServerOptions, "password" | "config"> = {},
): Promise<RedisCluster> {
  const installed = installation();
  const nodes: RedisProcess[] = [];
  const close = async () => void (await Promise.all(nodes.map((one) => one[Symbol.asyncDispose]())));
  try {
    while (nodes.length < 3) {
      const bus = await freePort();
      const config = [
        "cluster-enabled yes",
        `cluster-port ${bus}`,
        "cluster-node-timeout 2000",
        ...(options.config ?? []),
      ];
      nodes.push(await started(new RedisProcess(installed, await freePort(), { ...options, config })));
    }
    const [first] = nodes as [RedisProcess];
    await first.cli("--cluster", "create", ...nodes.map(({ address }) => address), "--cluster-yes");
    await waitFor(
      async () => (await Promise.all(nodes.map((node) => node.cli("cluster", "info")))).every(isComplete),
      { timeoutMs: 30_000, intervalMs: 100, what: "a cluster with all slots" },
    );
    return { nodes, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

const isComplete = (info: string) => info.includes("cluster_state:ok");

/** Waits until every Sentinel knows the others and the replica: before that nothing fails over. */
async function sentinelsAgree(sentinels: readonly RedisServer[], masterName: string): Promise<void> {
  const knowsAll = async (sentinel: RedisServer) => {
    const fields = (await sentinel.cli("sentinel", "master", masterName)).split("\n");
    const valueOf = (name: string) => Number(fields[fields.indexOf(name) + 1]);
    return valueOf("num-other-sentinels") === sentinels.length - 1 && valueOf("num-slaves") >= 1;
  };
  await waitFor(async () => (await Promise.all(sentinels.map(knowsAll))).every(Boolean), {
    timeoutMs: 30_000,
    intervalMs: 100,
    what: "Sentinels that know each other",
  });
}

function masterOf(
  servers: readonly RedisServer[],
  sentinels: readonly RedisServer[],
  masterName: string,
): Promise<RedisServer> {
  return waitFor(async () => {
    const alive = sentinels.find(({ pid }) => pid !== undefined);
    const [, port] = (await alive?.cli("sentinel", "get-master-addr-by-name", masterName))?.split("\n") ?? [];
    return servers.find((server) => String(server.port) === port);
  });
}

function installation(): RedisInstallation {
  const found = redisAvailable();
  if (found === undefined)
    throw new Error("no redis-server, redis-sentinel and redis-cli are installed here");
  return found;
}

class RedisProcess extends ServerProcess implements RedisServer {
  constructor(
    private readonly installed: RedisInstallation,
    port: number,
    private readonly options: RedisServerOptions,
    private readonly isSentinel = false,
  ) {
    super({ name: isSentinel ? "Redis Sentinel" : "Redis", port });
  }

  async cli(...args: readonly string[]): Promise<string> {
    const { password, tls } = this.options;
    const folder = await this.folder();
    const asked = [
      "-h",
      this.host,
      "-p",
      String(this.port),
      "--no-auth-warning",
      ...(password === undefined ? [] : ["-a", password]),
      ...(tls === undefined ? [] : ["--tls", "--cacert", join(folder, "ca.pem")]),
      ...(tls === undefined ? [] : ["--cert", join(folder, "cert.pem"), "--key", join(folder, "key.pem")]),
    ];
    const { stdout } = await promisify(execFile)(this.installed.cli, [...asked, ...args], {
      timeout: 30_000,
    });
    return stdout.trimEnd();
  }

  protected override async command(folder: string): Promise<ServerCommand> {
    const { tls } = this.options;
    if (tls !== undefined) {
      await writeFile(join(folder, "ca.pem"), tls.authority);
      await writeFile(join(folder, "cert.pem"), tls.server.certificate);
      await writeFile(join(folder, "key.pem"), tls.server.privateKey, { mode: 0o600 });
    }
    // A Sentinel writes what it has learnt into this file; it begins anew with each start.
    const file = join(folder, "redis.conf");
    await writeFile(file, `${this.#config(folder).join("\n")}\n`);
    return { program: this.isSentinel ? this.installed.sentinel : this.installed.server, arguments: [file] };
  }

  protected override async isReady(): Promise<boolean> {
    return (await this.cli("ping")) === "PONG";
  }

  #config(folder: string): readonly string[] {
    const { password, tls, config = [] } = this.options;
    const storing = ["appendonly yes", 'save ""', "cluster-config-file nodes.conf"];
    return [
      `bind ${this.host}`,
      ...(tls === undefined ? [`port ${this.port}`] : this.#tlsConfig(folder, tls)),
      `dir ${join(folder, "data")}`,
      ...(this.isSentinel ? [] : storing),
      ...(password === undefined ? [] : [`requirepass ${password}`]),
      ...config,
    ];
  }

  #tlsConfig(folder: string, { clientCertificates = false }: RedisServerTls): readonly string[] {
    return [
      "port 0",
      `tls-port ${this.port}`,
      `tls-cert-file ${join(folder, "cert.pem")}`,
      `tls-key-file ${join(folder, "key.pem")}`,
      `tls-ca-cert-file ${join(folder, "ca.pem")}`,
      `tls-auth-clients ${clientCertificates ? "yes" : "no"}`,
    ];
  }
}
