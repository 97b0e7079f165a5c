import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { waitFor } from "../wait-for.js";
import { installDebianPackages } from "./debian-packages.js";

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

/**
 * Installs Debian's etcd; no daemon is needed or left running. Takes some seconds. Undefined: not root, not Debian,
 * or apt-get failed.
 */
export function installEtcd(): EtcdInstallation | undefined {
  const present = etcdAvailable();
  if (present !== undefined) return present;
  installDebianPackages(["etcd-server", "etcd-client"]);
  return etcdAvailable();
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

/** An etcd server as a process of its own, its data in a temporary folder. Disposing it stops and removes it. */
export interface EtcdServer extends AsyncDisposable {
  readonly host: string;
  /** For clients. */
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Undefined while it is not running. */
  readonly pid: number | undefined;
  /** Sends a signal; with one that ends the process it resolves when it has ended. */
  kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Starts it again on the same ports and data; resolves when it is healthy. Does nothing while it runs. */
  restart(): Promise<void>;
  /** Removes all data. Only while it is not running. */
  wipe(): Promise<void>;
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
  const folders = await Promise.all(ports.map(() => mkdtemp(join(tmpdir(), "etcd-"))));
  const members = ports.map(
    (own, index) =>
      new EtcdProcess(
        installation,
        { ...own, name: `m${index}`, cluster, folder: folders[index] as string },
        options,
      ),
  );
  try {
    await Promise.all(members.map((member) => member.restart()));
    return members;
  } catch (error) {
    await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
    throw error;
  }
}

/** One member of a cluster, its ports and its folder. */
interface Member {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
  readonly metrics: number;
  /** `name=peerUrl` of all members, after commas. */
  readonly cluster: string;
  readonly folder: string;
}

class EtcdProcess implements EtcdServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(
    private readonly installation: EtcdInstallation,
    private readonly member: Member,
    private readonly options: EtcdServerOptions,
  ) {
    this.port = member.client;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async restart(): Promise<void> {
    if (this.#child !== undefined) return;
    const child = spawn(this.installation.etcd, this.#arguments(), {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: this.member.folder,
    });
    this.#child = child;
    this.#output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.#output = (this.#output + String(chunk)).slice(-20_000)));
    const killWithUs = () => child.kill("SIGKILL");
    process.once("exit", killWithUs);
    child.once("exit", () => {
      process.removeListener("exit", killWithUs);
      if (this.#child === child) this.#child = undefined;
    });
    await waitFor(() => this.#isHealthy(child), {
      timeoutMs: 30_000,
      intervalMs: 20,
      what: () => `etcd on ${this.address}; it printed:\n${this.#output}`,
    });
  }

  async kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ends = signal === "SIGKILL" || signal === "SIGTERM";
    const ended = ends ? once(child, "exit") : undefined;
    child.kill(signal);
    await ended;
  }

  async wipe(): Promise<void> {
    this.#assertStopped();
    await rm(this.#data, { recursive: true, force: true });
  }

  async backup(): Promise<() => Promise<void>> {
    this.#assertStopped();
    const copy = await mkdtemp(join(this.member.folder, "backup-"));
    await cp(this.#data, copy, { recursive: true });
    return async () => {
      await this.wipe();
      await cp(copy, this.#data, { recursive: true });
    };
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
    await rm(this.member.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  get #data(): string {
    return join(this.member.folder, "data");
  }

  #arguments(): string[] {
    const { name, peer, metrics, cluster } = this.member;
    const { tls } = this.options;
    const clientUrl = `${tls === undefined ? "http" : "https"}://${this.address}`;
    const peerUrl = `http://${this.host}:${peer}`;
    const settings = {
      name,
      "data-dir": this.#data,
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
    return [
      ...Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
      ...(tls === undefined ? [] : ["--cert-file", tls.cert, "--key-file", tls.key]),
      ...(tls?.clientCa === undefined ? [] : ["--client-cert-auth", "--trusted-ca-file", tls.clientCa]),
    ];
  }

  #assertStopped(): void {
    if (this.#child !== undefined) throw new Error("the server is running");
  }

  async #isHealthy(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) throw new Error(`etcd ended with code ${child.exitCode}`);
    return /"health"\s*:\s*"true"/.test(await body(`http://${this.host}:${this.member.metrics}/health`));
  }
}

/** What a server says to a GET; empty when it does not answer within half a second. */
function body(url: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const request = get(url, { agent: false, timeout: 500 }, (response) => {
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("close", () => resolve(text));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(""));
  });
}

function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
