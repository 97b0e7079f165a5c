import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { waitFor } from "../wait-for.js";
import { freePort } from "./free-ports.js";
import { onPath } from "./programs.js";
import { type ServerCommand, ServerProcess, started, type TestServer } from "./server-process.js";

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
  const java = onPath("java");
  return java !== undefined && existsSync(jar) ? { jar, java } : undefined;
}

/** How a server is started. */
export interface ZooKeeperServerOptions {
  /** Sessions last 2 ticks at least; expiry is noticed within one. Default 200 ms. */
  readonly tickTimeMs?: number;
  /** How often empty containers are removed. Default 60,000 ms. */
  readonly containerCheckMs?: number;
}

/** A ZooKeeper server as a process of its own. */
export interface ZooKeeperServer extends TestServer {
  /**
   * Every transaction since the start, one line each, in the server's order, as ZooKeeper's own `TxnLogToolkit`
   * prints them: `… session 0x… cxid 0x… zxid 0x… create2 /path,…`.
   */
  transactionLog(): Promise<readonly string[]>;
}

/** Several servers that are one store. Disposing it stops and removes all. */
export interface ZooKeeperEnsemble extends AsyncDisposable {
  readonly members: readonly ZooKeeperServer[];
  /** `127.0.0.1:port,127.0.0.1:port,…`: what clients are given. */
  readonly address: string;
  /** The member that leads at present, as the members themselves say; waits for an election, up to 30 s. */
  leader(): Promise<ZooKeeperServer>;
}

/**
 * Starts a ZooKeeper on a free port of 127.0.0.1.
 * @throws {Error} there is none on this machine, or it does not answer; with what it printed.
 */
export async function startZooKeeper(options: ZooKeeperServerOptions = {}): Promise<ZooKeeperServer> {
  return started(new ZooKeeperProcess(assertInstalled(), await freePort(), options));
}

/**
 * Starts an ensemble of `size` members, 3 unless said otherwise; resolves when it has a leader. Otherwise as
 * {@link startZooKeeper}.
 */
export async function startZooKeeperEnsemble(
  size = 3,
  options: ZooKeeperServerOptions = {},
): Promise<ZooKeeperEnsemble> {
  const installation = assertInstalled();
  const ports: EnsemblePorts[] = [];
  for (let id = 1; id <= size; id += 1)
    ports.push({ id, client: await freePort(), peer: await freePort(), election: await freePort() });
  const members = ports.map((own) => new ZooKeeperProcess(installation, own.client, options, { own, ports }));
  const ensemble = new ZooKeeperProcesses(members);
  try {
    await Promise.all(members.map((member) => member.restart()));
    await ensemble.leader();
    return ensemble;
  } catch (error) {
    await ensemble[Symbol.asyncDispose]();
    throw error;
  }
}

class ZooKeeperProcesses implements ZooKeeperEnsemble {
  readonly address: string;

  constructor(readonly members: readonly ZooKeeperProcess[]) {
    this.address = members.map((member) => member.address).join(",");
  }

  leader(): Promise<ZooKeeperServer> {
    const find = async () => {
      for (const member of this.members)
        if (member.pid !== undefined && (await member.mode()) === "leader") return member;
      return undefined;
    };
    return waitFor(find, { timeoutMs: 30_000, intervalMs: 50, what: "a leader of the ensemble" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()));
  }
}

/** One member of an ensemble. */
interface EnsemblePorts {
  readonly id: number;
  readonly client: number;
  readonly peer: number;
  readonly election: number;
}

class ZooKeeperProcess extends ServerProcess implements ZooKeeperServer {
  constructor(
    private readonly installation: ZooKeeperInstallation,
    port: number,
    private readonly options: ZooKeeperServerOptions,
    private readonly ensemble?: { readonly own: EnsemblePorts; readonly ports: readonly EnsemblePorts[] },
  ) {
    super({ name: "ZooKeeper", port });
  }

  /** What it says of itself; undefined while it belongs to no quorum. */
  async mode(): Promise<string | undefined> {
    return /^Mode: (\w+)$/m.exec(await fourLetterWord(this.port, "srvr"))?.[1];
  }

  async transactionLog(): Promise<readonly string[]> {
    const folder = join(await this.folder(), "data", "version-2");
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

  #jvm(): string[] {
    return ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", this.installation.jar];
  }

  protected async command(folder: string): Promise<ServerCommand> {
    const file = join(folder, "zoo.cfg");
    await writeFile(file, this.#configuration(folder));
    if (this.ensemble !== undefined)
      await writeFile(join(folder, "data", "myid"), String(this.ensemble.own.id));
    const containerCheck = `-Dznode.container.checkIntervalMs=${this.options.containerCheckMs ?? 60_000}`;
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    // Data need not survive the machine, only the process.
    const settings = ["-Dzookeeper.forceSync=no", containerCheck];
    return { program: this.installation.java, arguments: [...settings, ...this.#jvm(), main, file] };
  }

  protected async isReady(): Promise<boolean> {
    // A server says "imok" before it takes sessions; one that stands alone has a mode when it does.
    if (this.ensemble === undefined) return (await this.mode()) !== undefined;
    return (await fourLetterWord(this.port, "ruok")) === "imok";
  }

  #configuration(folder: string): string {
    const members = this.ensemble?.ports ?? [];
    return [
      `tickTime=${this.options.tickTimeMs ?? 200}`,
      // In ticks; a busy machine is no reason to leave the ensemble.
      "initLimit=50",
      "syncLimit=25",
      `dataDir=${join(folder, "data")}`,
      `clientPort=${this.port}`,
      `clientPortAddress=${this.host}`,
      ...members.map(({ id, peer, election }) => `server.${id}=${this.host}:${peer}:${election}`),
      "admin.enableServer=false",
      "maxClientCnxns=0",
      "maxSessionTimeout=120000",
      "4lw.commands.whitelist=ruok,srvr",
      "",
    ].join("\n");
  }
}

function assertInstalled(): ZooKeeperInstallation {
  const installation = zooKeeperAvailable();
  if (installation === undefined) throw new Error("no ZooKeeper and Java are installed here");
  return installation;
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
