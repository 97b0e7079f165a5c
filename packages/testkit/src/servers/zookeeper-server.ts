import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { waitFor } from "../wait-for.js";
import { installDebianPackages } from "./debian-packages.js";

/** Where the parts of an installed ZooKeeper are. */
export interface ZooKeeperInstallation {
  /** Its manifest names the other jars it needs. */
  readonly jar: string;
  readonly java: string;
}

/** Where Debian's package `libzookeeper-java` puts it. */
const jar = "/usr/share/java/zookeeper.jar";

/** Undefined: no ZooKeeper or no Java on this machine. */
export function zooKeeperAvailable(): ZooKeeperInstallation | undefined {
  const java = (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, "java"))
    .find((path) => existsSync(path));
  return java !== undefined && existsSync(jar) ? { jar, java } : undefined;
}

/**
 * Installs Debian's ZooKeeper, and a Java where there is none; no daemon is started by that. Takes a quarter of a
 * minute. Undefined: not root, not Debian, or apt-get failed.
 */
export function installZooKeeper(): ZooKeeperInstallation | undefined {
  const present = zooKeeperAvailable();
  if (present !== undefined) return present;
  const java = spawnSync("java", ["-version"]).error === undefined ? [] : ["default-jre-headless"];
  installDebianPackages(["zookeeper", ...java]);
  return zooKeeperAvailable();
}

/** How a server is started. */
export interface ZooKeeperServerOptions {
  /** Sessions last 2 ticks at least; expiry is noticed within one. Default 200 ms. */
  readonly tickTimeMs?: number;
  /** How often empty containers are removed. Default 60,000 ms. */
  readonly containerCheckMs?: number;
}

/** A ZooKeeper server as a process of its own, its data in a temporary folder. Disposing it stops and removes it. */
export interface ZooKeeperServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Undefined while it is not running. */
  readonly pid: number | undefined;
  /** Sends a signal; with one that ends the process it resolves when it has ended. */
  kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Starts it again on the same port and data; resolves when it answers. Does nothing while it runs. */
  restart(): Promise<void>;
  /** Removes all data. Only while it is not running. */
  wipe(): Promise<void>;
  /**
   * Every transaction since the start, one line each, in the server's order, as ZooKeeper's own `TxnLogToolkit`
   * prints them: `… session 0x… cxid 0x… zxid 0x… create2 /path,…`.
   */
  transactionLog(): Promise<readonly string[]>;
}

/**
 * Starts a ZooKeeper on a free port of 127.0.0.1.
 * @throws {Error} there is none on this machine, or it does not answer; with what it printed.
 */
export async function startZooKeeper(options: ZooKeeperServerOptions = {}): Promise<ZooKeeperServer> {
  const installation = zooKeeperAvailable();
  if (installation === undefined) throw new Error("no ZooKeeper and Java are installed here");
  const folder = await mkdtemp(join(tmpdir(), "zookeeper-"));
  const server = new ZooKeeperProcess(installation, folder, await freePort(), options);
  try {
    await server.restart();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

class ZooKeeperProcess implements ZooKeeperServer {
  readonly host = "127.0.0.1";
  #child: ChildProcess | undefined;
  #output = "";

  constructor(
    private readonly installation: ZooKeeperInstallation,
    private readonly folder: string,
    readonly port: number,
    private readonly options: ZooKeeperServerOptions,
  ) {}

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async restart(): Promise<void> {
    if (this.#child !== undefined) return;
    const file = join(this.folder, "zoo.cfg");
    await writeFile(file, this.#configuration());
    const child = spawn(this.installation.java, this.#arguments(file), {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: this.folder,
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
    await waitFor(() => this.#answers(child), {
      timeoutMs: 30_000,
      intervalMs: 20,
      what: () => `ZooKeeper on ${this.address}; it printed:\n${this.#output}`,
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
    if (this.#child !== undefined) throw new Error("the server is running");
    await rm(join(this.folder, "data"), { recursive: true, force: true });
  }

  async transactionLog(): Promise<readonly string[]> {
    const folder = join(this.folder, "data", "version-2");
    const names = (await readdir(folder)).filter((name) => name.startsWith("log."));
    const firstZxid = (name: string) => Number.parseInt(name.slice(4), 16);
    const lines: string[] = [];
    for (const name of names.sort((a, b) => firstZxid(a) - firstZxid(b))) {
      const main = "org.apache.zookeeper.server.persistence.TxnLogToolkit";
      const command = [...this.#jvm(), main, "-d", join(folder, name)];
      const { stdout } = await promisify(execFile)(this.installation.java, command, {
        maxBuffer: 64 * 1024 * 1024,
      });
      lines.push(...stdout.split("\n").filter((line) => / zxid 0x/.test(line)));
    }
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #jvm(): string[] {
    return ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", this.installation.jar];
  }

  #arguments(file: string): string[] {
    const containerCheck = `-Dznode.container.checkIntervalMs=${this.options.containerCheckMs ?? 60_000}`;
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    // Data need not survive the machine, only the process.
    return ["-Dzookeeper.forceSync=no", containerCheck, ...this.#jvm(), main, file];
  }

  #configuration(): string {
    return [
      `tickTime=${this.options.tickTimeMs ?? 200}`,
      `dataDir=${join(this.folder, "data")}`,
      `clientPort=${this.port}`,
      `clientPortAddress=${this.host}`,
      "admin.enableServer=false",
      "maxClientCnxns=0",
      "maxSessionTimeout=120000",
      "4lw.commands.whitelist=ruok",
      "",
    ].join("\n");
  }

  async #answers(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) throw new Error(`ZooKeeper ended with code ${child.exitCode}`);
    return (await fourLetterWord(this.port, "ruok")) === "imok";
  }
}

/** What a server says to one of its words; empty when it does not answer within half a second. */
function fourLetterWord(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(word));
    socket.setTimeout(500, () => socket.destroy());
    socket.on("data", (chunk) => (answer += String(chunk)));
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
