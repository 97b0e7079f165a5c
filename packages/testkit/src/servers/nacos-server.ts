import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-ports.js";
import { httpCall } from "./http-call.js";
import { type NacosAdmin, nacosAdmin } from "./nacos-admin.js";
import { onPath } from "./programs.js";
import { type ServerCommand, ServerProcess, started, type TestServer } from "./server-process.js";

/** Which of the two lines of Nacos: 2.3.2 or 3.1.0. */
export type NacosMajor = 2 | 3;

/** Where the parts of a Nacos are that `scripts/install-servers.mjs` made. */
export interface NacosInstallation {
  /** Has the jars in `lib` and our starting class in `classes`. */
  readonly home: string;
  readonly java: string;
}

const versions = { 2: "2.3.2", 3: "3.1.0" } as const;

/** Undefined: `scripts/install-servers.mjs` did not make it on this machine, or there is no Java. */
export function nacosAvailable(major: NacosMajor): NacosInstallation | undefined {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const home = join(cache, "dubbo-ts", "servers", `nacos-${versions[major]}`);
  const java = onPath("java");
  return java !== undefined && existsSync(join(home, "recipe")) ? { home, java } : undefined;
}

/** Files, PEM, for a server whose gRPC speaks TLS; the key in PKCS#8. HTTP stays plain. */
export interface NacosTlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Whose client certificates are let in; without it nobody needs one. */
  readonly clientCa?: string;
  /** Whether clients without TLS are served as well. Default false. */
  readonly plainToo?: boolean;
}

/** How a server is started. */
export interface NacosServerOptions {
  readonly major: NacosMajor;
  /** Whether clients have to log in. {@link NacosServer.administrator} then exists. Default false. */
  readonly auth?: boolean;
  readonly tls?: NacosTlsFiles;
  /** Further settings of Nacos, for example `"nacos.core.namespace.validation.enabled": "true"`. */
  readonly options?: Readonly<Record<string, string>>;
  /** Holds `data`, and is left there at the end. Default: a temporary folder. */
  readonly dataDir?: string;
}

/** A real Nacos, standalone, as a process of its own. It starts in 4 to 20 s. */
export interface NacosServer extends TestServer {
  readonly major: NacosMajor;
  /** `2.3.2` or `3.1.0`. */
  readonly version: string;
  /** For clients over gRPC: `port` + 1000. */
  readonly grpcPort: number;
  /** `nacos://127.0.0.1:port`. */
  readonly url: string;
  /** `http://127.0.0.1:port/nacos`. */
  readonly http: string;
  /** Who may do everything; only where clients have to log in. */
  readonly administrator: { readonly username: string; readonly password: string } | undefined;
  /** What an operator does. */
  readonly admin: NacosAdmin;
}

/**
 * Starts a Nacos on 127.0.0.1: `port` for HTTP, and the three others that Nacos derives from it.
 * @throws {Error} there is none on this machine, or it does not become ready; with what it printed.
 */
export async function startNacos(options: NacosServerOptions): Promise<NacosServer> {
  const installation = nacosAvailable(options.major);
  if (installation === undefined) throw new Error(`no Nacos ${options.major} was made on this machine`);
  const port = await freePort(portOffsets);
  return started(new NacosProcess(installation, port, options));
}

/** gRPC for clients, gRPC between servers, raft. */
const portOffsets = [1000, 1001, -1000] as const;

const administrator = { username: "nacos", password: "secret1" } as const;

class NacosProcess extends ServerProcess implements NacosServer {
  readonly major: NacosMajor;
  readonly version: string;
  readonly grpcPort: number;
  readonly url: string;
  readonly http: string;
  readonly administrator: typeof administrator | undefined;
  readonly admin: NacosAdmin;

  constructor(
    private readonly installation: NacosInstallation,
    port: number,
    private readonly options: NacosServerOptions,
  ) {
    // A start takes three times as long when other virtual machines start at once.
    super({ name: `Nacos ${options.major}`, port, folder: options.dataDir, readyWithinMs: 200_000 });
    this.major = options.major;
    this.version = versions[options.major];
    this.grpcPort = port + 1000;
    this.url = `nacos://${this.address}`;
    this.http = `http://${this.address}/nacos`;
    this.administrator = options.auth === true ? administrator : undefined;
    this.admin = nacosAdmin(this.http, this.major, this.administrator);
  }

  protected override async start(): Promise<void> {
    if (this.pid !== undefined) return;
    await this.#startPatiently();
    if (this.administrator !== undefined) await this.admin.ensureAdministrator();
  }

  /** A machine that is busy may end a start; and a new database that was made by half would never be opened. */
  async #startPatiently(): Promise<void> {
    const isNew = !existsSync(join(await this.folder(), "data", "data", "derby-data"));
    for (let triesLeft = 2; ; triesLeft -= 1) {
      try {
        return await super.start();
      } catch (error) {
        if (this.pid !== undefined) throw error;
        if (isNew) await this.wipe();
        if (triesLeft === 0) throw error;
      }
    }
  }

  protected command(folder: string): ServerCommand {
    const { home, java } = this.installation;
    // com.caucho's Hessian must come before com.alipay.sofa's or Nacos does not start; without the second it
    // starts, answers everything, and never pushes.
    const classPath = [
      join(home, "classes"),
      join(home, "lib", "hessian-4.0.63.jar"),
      join(home, "lib", "*"),
    ];
    const settings = Object.entries(this.#settings(join(folder, "data")));
    const jvm = ["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    return {
      program: java,
      arguments: [
        ...jvm,
        ...settings.map(([key, value]) => `-D${key}=${value}`),
        "-cp",
        classPath.join(":"),
        "localnacos.NacosMain",
      ],
    };
  }

  protected async isReady(): Promise<boolean> {
    const path = this.major === 2 ? "v2/console/health/readiness" : "v3/admin/core/state/readiness";
    return (await httpCall("GET", `${this.http}/${path}`, { timeoutMs: 2_000 })).status === 200;
  }

  #settings(data: string): Record<string, string> {
    return {
      "nacos.standalone": "true",
      "nacos.home": data,
      "nacos.logs.path": join(data, "logs"), // otherwise in the user's home
      "nacos.server.main.port": String(this.port),
      "server.port": String(this.port),
      "server.address": this.host,
      "nacos.server.ip": this.host,
      "nacos.remote.grpc.listen.ip": this.host,
      ...authSettings(this.options.auth === true),
      ...tlsSettings(this.options.tls),
      ...this.options.options,
    };
  }
}

function authSettings(enabled: boolean): Record<string, string> {
  const switches = {
    "nacos.core.auth.enabled": String(enabled),
    "nacos.core.auth.admin.enabled": String(enabled),
    "nacos.core.auth.console.enabled": String(enabled),
  };
  if (!enabled) return switches;
  return {
    ...switches,
    // With it a new user could log in only after 15 s.
    "nacos.core.auth.caching.enabled": "false",
    "nacos.core.auth.server.identity.key": "test-id",
    "nacos.core.auth.server.identity.value": "test-value",
    "nacos.core.auth.plugin.nacos.token.secret.key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
  };
}

function tlsSettings(tls: NacosTlsFiles | undefined): Record<string, string> {
  if (tls === undefined) return {};
  const prefix = "nacos.remote.server.rpc.tls";
  return {
    [`${prefix}.enableTls`]: "true",
    [`${prefix}.compatibility`]: String(tls.plainToo ?? false),
    // Without `file:` they are looked up on the class path.
    [`${prefix}.certChainFile`]: `file:${tls.cert}`,
    [`${prefix}.certPrivateKey`]: `file:${tls.key}`,
    ...(tls.clientCa === undefined
      ? {}
      : {
          [`${prefix}.mutualAuthEnable`]: "true",
          [`${prefix}.trustAll`]: "false", // the default lets any certificate in
          [`${prefix}.trustCollectionCertFile`]: `file:${tls.clientCa}`,
        }),
  };
}
