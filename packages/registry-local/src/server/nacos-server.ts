import type { Server as NetServer } from "node:net";
import { ConfigError, type Runtime, systemRuntime, type Timer } from "@dubbo-ts/core";
import { configHandlers } from "./config-handlers.js";
import { ConfigStore } from "./config-store.js";
import { Detection, type DetectionOptions } from "./detection.js";
import type { Faults } from "./faults.js";
import { GrpcEndpoint } from "./grpc-endpoint.js";
import { Hold } from "./hold.js";
import { HttpEndpoint } from "./http-endpoint.js";
import { httpRoutes } from "./http-routes.js";
import { isLoopback, listen, portOf } from "./listen.js";
import { namingHandlers } from "./naming-handlers.js";
import { NamingStore } from "./naming-store.js";
import { RequestBroker } from "./request-broker.js";
import { type Snapshot, SnapshotFile } from "./snapshot-file.js";
import { Transports } from "./transports.js";

/** Options of {@link startNacosServer}. */
export interface NacosServerOptions {
  /**
   * The base port, as Nacos clients are given it: HTTP is served there, unless somebody else has it, and gRPC on
   * `port + 1000`. Default 8848. 0 takes any free port.
   */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** True: `host` need not be a loopback address. There is no authentication: whoever can connect can change all. */
  allowRemote?: boolean;
  /** Where configs are kept over restarts. Default: nowhere. Instances are never kept: clients bring them again. */
  dataFile?: string;
  /**
   * True when another server was alive just before, so that its clients are on their way. Default: when the data
   * file says that a server had clients within the last 15 seconds.
   */
  tookOver?: boolean;
  /** How long a server that took over waits with lists, so that they come complete. Default 1,000 ms. */
  holdMs?: number;
  /** How long changes are merged before they are pushed. Default 50 ms (500 in a real Nacos). */
  pushDelayMs?: number;
  detection?: DetectionOptions;
  /** For tests of clients. */
  faults?: Faults;
  /** True: the server alone does not keep the process alive. Default false. */
  background?: boolean;
  /** Time, sockets and log. Default: the machine's, with a silent log. */
  runtime?: Runtime;
}

/** A client of the server. */
export interface ConnectedClient {
  /** `{ms}_{ip}_{port}`. */
  readonly id: string;
  /** `module`: `naming` or `config`; `AppName` ... */
  readonly labels: Readonly<Record<string, string>>;
}

/** A running server. Disposing it ends all connections, then frees the port; a second time does nothing. */
export interface NacosServer extends AsyncDisposable {
  /** The base port: what clients are configured with. */
  readonly port: number;
  /** Where it listens: `port + 1000`. */
  readonly grpcPort: number;
  readonly host: string;
  /** Whether HTTP is served on the base port; false: somebody else has it. */
  readonly http: boolean;
  /** All clients that are set up now. */
  readonly clients: readonly ConnectedClient[];
  /** Asks a client to go to another server. True when it answered; the old connection lives on until it goes. */
  reset(clientId: string, target?: { readonly host: string; readonly port: number }): Promise<boolean>;
  /** Unregisters a client as after a failed detection: its stream ends with status OK, its transport stays. */
  unregister(clientId: string): void;
}

/** The loopback host that clients and server use unless told otherwise. */
export const defaultHost = "127.0.0.1";
/** The base port of every Nacos. */
export const defaultPort = 8848;

const recentMs = 15_000;
const markEveryMs = 5_000;
const firstMarkMs = 200;
const resetAckMs = 3_000;
/** What is known at the end is still told: how long a client may take to take it. */
const lastPushesMs = 500;

/**
 * Serves the naming and config halves of Nacos' gRPC protocol from this process, as a Nacos 2.3 to 3.1 does
 * (errors included), for development and tests: no authentication, no cluster; of HTTP only what clients need beside gRPC.
 *
 * @throws {ConfigError} ADDRESS_INVALID: `host` is no loopback address and `allowRemote` is not set; PORT_IN_USE.
 */
export async function startNacosServer(options: NacosServerOptions = {}): Promise<NacosServer> {
  const { port = defaultPort, host = defaultHost, allowRemote = false, background = false } = options;
  const { dataFile, runtime = systemRuntime } = options;
  if (!allowRemote && !isLoopback(host))
    throw new ConfigError(
      "ADDRESS_INVALID",
      `the embedded registry has no authentication: it listens on loopback addresses only, not on ${host}`,
    );
  const transports = new Transports(runtime.clock, background);
  const address = { host, port: port === 0 ? 0 : port + 1000 };
  const net = await listen(runtime.network, address, (socket) => transports.accept(socket));
  if (background) net.unref();
  const file = dataFile === undefined ? undefined : new SnapshotFile(dataFile, runtime.log);
  const snapshot = (await file?.load()) ?? { configs: [], usedAtMs: 0 };
  const server = new EmbeddedServer(net, transports, file, snapshot, { ...options, host, runtime });
  await server.listenForHttp();
  return server;
}

/** All parts of the server around a listening socket. */
class EmbeddedServer implements NacosServer {
  readonly port: number;
  readonly grpcPort: number;
  readonly host: string;
  readonly #parts: readonly Disposable[];
  readonly #broker: RequestBroker;
  readonly #naming: NamingStore;
  readonly #configs: ConfigStore;
  readonly #http: HttpEndpoint;
  http = false;
  #mark: Timer | undefined;
  #marking = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(
    private readonly net: NetServer,
    private readonly transports: Transports,
    private readonly file: SnapshotFile | undefined,
    snapshot: Snapshot,
    private readonly options: NacosServerOptions & { readonly host: string; readonly runtime: Runtime },
  ) {
    const { clock, log } = options.runtime;
    const { tookOver = clock.wallMs() - snapshot.usedAtMs < recentMs } = options;
    const { faults = {}, holdMs = 1_000, pushDelayMs = 50, detection = {} } = options;
    this.host = options.host;
    this.grpcPort = portOf(net);
    this.port = this.grpcPort - 1000;
    let pushes = 0;
    const nextRequestId = () => String((pushes += 1));
    const hold = new Hold(clock, tookOver ? holdMs : 0);
    const naming = new NamingStore({ clock, faults, hold, pushDelayMs });
    const configs = new ConfigStore(snapshot.configs, { clock, faults, file });
    const idOf = (peer: string) => transports.idOf(peer);
    const broker = new RequestBroker(
      { ...namingHandlers(naming, hold), ...configHandlers(configs) },
      { clock, faults, log, nextRequestId, idOf },
    );
    const endpoint = new GrpcEndpoint(broker, faults, clock);
    this.#http = new HttpEndpoint(httpRoutes(naming, configs), isLoopback(options.host));
    this.#broker = broker;
    this.#naming = naming;
    this.#configs = configs;
    this.#parts = [
      new Detection(() => broker.connections, clock, detection),
      naming,
      configs,
      hold,
      endpoint,
    ];
    transports.serve(
      (socket) => endpoint.inject(socket),
      (peer) => broker.ended(peer),
    );
    if (file !== undefined) this.#markUsed(firstMarkMs);
  }

  async listenForHttp(): Promise<void> {
    const { port, host } = this;
    const { runtime, background = false } = this.options;
    this.http = port > 0 && (await this.#http.listen({ host, port }, runtime, background));
  }

  get clients(): readonly ConnectedClient[] {
    return this.#broker.connections;
  }

  async reset(clientId: string, target?: { readonly host: string; readonly port: number }): Promise<boolean> {
    const to = target && { serverIp: target.host, serverPort: String(target.port) };
    const body = { ...to, connectionId: clientId, module: "internal" };
    return (await this.#find(clientId)?.push("ConnectResetRequest", body, resetAckMs)) ?? false;
  }

  unregister(clientId: string): void {
    this.#find(clientId)?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #find(clientId: string) {
    return this.#broker.connections.find(({ id }) => id === clientId);
  }

  async #close(): Promise<void> {
    const clientsLeft = this.#broker.connections.length > 0;
    this.#mark?.cancel();
    await this.#http[Symbol.asyncDispose]();
    await this.#naming.flush(lastPushesMs);
    for (const part of this.#parts) part[Symbol.dispose]();
    this.transports.destroy();
    // The file is finished while the port is still held: whoever takes over reads it next.
    if (this.file !== undefined) {
      await this.#marking;
      await this.#configs.save();
      await this.file.markUsed(clientsLeft ? this.options.runtime.clock.wallMs() : 0);
    }
    await new Promise<void>((resolve) => {
      this.net.close(() => resolve());
    });
  }

  /** While there are clients, the file's time says so: what is left of it after a kill. */
  #markUsed(delayMs: number): void {
    const mark = () => {
      if (this.#broker.connections.length > 0) this.#marking = this.#markNow();
      this.#markUsed(markEveryMs);
    };
    this.#mark = this.options.runtime.clock.setTimeout(mark, delayMs, { background: true });
  }

  /** Never rejects. */
  async #markNow(): Promise<void> {
    const marked = await this.file?.markUsed(this.options.runtime.clock.wallMs());
    if (marked === false) await this.#configs.save();
  }
}
