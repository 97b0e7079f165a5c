import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { waitFor } from "../wait-for.js";
import { freePort } from "./free-ports.js";
import { httpCall } from "./http-call.js";
import { onPath } from "./programs.js";
import { type ServerCommand, ServerProcess, started, type TestServer } from "./server-process.js";

/** Where the parts of an installed etcd are. */
export interface EtcdInstallation {
  readonly etcd: string;
  readonly etcdctl: string;
}

/** Undefined: no etcd on this machine. */
export function etcdAvailable(): EtcdInstallation | undefined {
  const [etcd, etcdctl] = [onPath("etcd"), onPath("etcdctl")];
  return etcd !== undefined && etcdctl !== undefined ? { etcd, etcdctl } : undefined;
}

/** Files, PEM, for a server that speaks TLS. */
export interface EtcdTlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Whose client certificates are let in; without it nobody needs one. */
  readonly clientCa?: string;
}

/** How a server is started. */
export interface EtcdServerOptions {
  readonly tls?: EtcdTlsFiles;
}

/** An etcd server as a process of its own. */
export interface EtcdServer extends TestServer {
  /** Copies all data; what it gives back puts that copy in the place of the data. Both only while it is not running. */
  backup(): Promise<() => Promise<void>>;
  /** Runs `etcdctl` against this server and gives back what it printed. Without TLS only. */
  ctl(...args: readonly string[]): Promise<string>;
}

/** Several servers that are one store. */
export interface EtcdCluster extends AsyncDisposable {
  readonly members: readonly EtcdServer[];
  /** The member that leads at present, as the members themselves say. */
  leader(): Promise<EtcdServer>;
}

/**
 * Starts an etcd on free ports of 127.0.0.1. Its shortest lease is one second.
 * @throws {Error} there is none on this machine, or it does not become healthy; with what it printed.
 */
export async function startEtcd(options: EtcdServerOptions = {}): Promise<EtcdServer> {
  const [member] = await startMembers(1, options);
  return member as EtcdServer;
}

/** Starts a cluster of `size` members; otherwise as {@link startEtcd}. */
export async function startEtcdCluster(size: number): Promise<EtcdCluster> {
  const members = await startMembers(size, {});
  return {
    members,
    leader: () =>
      waitFor(async () => {
        for (const member of members) if (member.pid !== undefined && (await leads(member))) return member;
        return undefined;
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
    },
  };
}

async function leads(member: EtcdServer): Promise<boolean> {
  const [one] = JSON.parse(await member.ctl("endpoint", "status", "--write-out=json")) as [
    { Status: { leader: number; header: { member_id: number } } },
  ];
  return one.Status.leader !== 0 && one.Status.leader === one.Status.header.member_id;
}

async function startMembers(size: number, options: EtcdServerOptions): Promise<readonly EtcdServer[]> {
  const installation = etcdAvailable();
  if (installation === undefined) throw new Error("no etcd and etcdctl are installed here");
  const ports = await Promise.all(
    Array.from({ length: size }, async () => ({
      client: await freePort(),
      peer: await freePort(),
      metrics: await freePort(),
    })),
  );
  const cluster = ports.map(({ peer }, index) => `m${index}=http://127.0.0.1:${peer}`).join(",");
  const members = ports.map(
    (own, index) => new EtcdProcess(installation, { ...own, name: `m${index}`, cluster }, options),
  );
  try {
    return await Promise.all(members.map(started));
  } catch (error) {
    await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
    throw error;
  }
}

/** One member of a cluster, and its ports. */
interface Member {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
  readonly metrics: number;
  /** `name=peerUrl` of all members, after commas. */
  readonly cluster: string;
}

class EtcdProcess extends ServerProcess implements EtcdServer {
  constructor(
    private readonly installation: EtcdInstallation,
    private readonly member: Member,
    private readonly options: EtcdServerOptions,
  ) {
    super({ name: "etcd", port: member.client });
  }

  async ctl(...args: readonly string[]): Promise<string> {
    const options = {
      env: { ...process.env, ETCDCTL_API: "3" },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 20_000,
    };
    const command = [`--endpoints=${this.address}`, ...args];
    const { stdout } = await promisify(execFile)(this.installation.etcdctl, command, options);
    return stdout;
  }

  protected command(folder: string): ServerCommand {
    const { name, peer, metrics, cluster } = this.member;
    const { tls } = this.options;
    const clientUrl = `${tls === undefined ? "http" : "https"}://${this.address}`;
    const peerUrl = `http://${this.host}:${peer}`;
    const settings = {
      name,
      "data-dir": join(folder, "data"),
      "listen-client-urls": clientUrl,
      "advertise-client-urls": clientUrl,
      "listen-peer-urls": peerUrl,
      "initial-advertise-peer-urls": peerUrl,
      "initial-cluster": cluster,
      "listen-metrics-urls": `http://${this.host}:${metrics}`,
      // Leases shorter than one and a half elections are not granted.
      "heartbeat-interval": "50",
      "election-timeout": "500",
    };
    return {
      program: this.installation.etcd,
      arguments: [
        ...Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
        ...(tls === undefined ? [] : ["--cert-file", tls.cert, "--key-file", tls.key]),
        ...(tls?.clientCa === undefined ? [] : ["--client-cert-auth", "--trusted-ca-file", tls.clientCa]),
      ],
    };
  }

  protected async isReady(): Promise<boolean> {
    const url = `http://${this.host}:${this.member.metrics}/health`;
    return /"health"\s*:\s*"true"/.test((await httpCall("GET", url, { timeoutMs: 500 })).body);
  }
}
