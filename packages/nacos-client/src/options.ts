import {
  type NacosClock,
  type NacosEnvironment,
  type NacosLogger,
  systemEnvironment,
} from "./environment.js";
import type { NacosCredentials } from "./credentials.js";
import { NacosError } from "./nacos-error.js";
import type { NacosNetwork } from "./network.js";
import { checkTls, type NacosTls } from "./tls.js";

/** How to reach Nacos, and how patiently. Only `servers` is required, or `endpoint` in its place. */
export interface NacosOptions {
  /**
   * `[http[s]://]host[:port][/path]` each; the port is that of HTTP, default 8848, the path that of its API, default
   * `/nacos`; the scheme is that of the HTTP API alone, see `tls`. Tried in turn from a random start.
   */
  readonly servers?: readonly string[];
  /**
   * An address server: an `http[s]://` URL that answers one `host[:port]` per line, such as
   * `http://host:8080/nacos/serverlist`. Asked at the start and then every `endpointRefreshMs`; `servers`, if given too,
   * are what it starts with.
   */
  readonly endpoint?: string;
  /** Default 30000 ms, as in Java. */
  readonly endpointRefreshMs?: number;
  /**
   * `grpc`: from 2.0 on. `http`: what 1.x has, with beats, UDP and long polls; there until 3.1. Default `auto`: gRPC, and
   * HTTP where no gRPC port is open but a Nacos answers over HTTP (never where `tls` asks for more than that).
   */
  readonly transport?: "auto" | "grpc" | "http";
  /** Speak TLS with the gRPC port, and how. True: with what Node trusts. Default: plain. */
  readonly tls?: boolean | NacosTls;
  /** The id of the namespace. Default `public`. */
  readonly namespace?: string;
  /** What is added to a server's port to get that of gRPC. Default 1000; 0 when `servers` names gRPC ports. */
  readonly grpcPortOffset?: number;
  /** Who is allowed in. Default: nobody in particular. */
  readonly credentials?: NacosCredentials;
  /** Shown by the server's console. Default `Nacos-NodeJS-Client:v0.1.0`. */
  readonly clientVersion?: string;
  /** Labels of the connection, beside `source`, `module` and `AppName`. Default none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The application's name, for the console. Default `unknown`, as in Java. */
  readonly appName?: string;
  /** How long a request waits for a connection before it fails with UNAVAILABLE. Default 5000 ms. Registrations and watches wait on. */
  readonly waitForServerMs?: number;
  /** How long one try of a request may take. Default 3000 ms, three tries, as in Java. */
  readonly requestTimeoutMs?: number;
  /** How many requests may be without an answer on one connection; more wait, and their time counts from when they are sent. Default 64. */
  readonly maxInFlight?: number;
  /** The pause between health checks. Default 5000 ms: the server cuts connections that are silent for 20 s. */
  readonly healthCheckMs?: number;
  /** How long a health check may take; three in a row that fail end the connection. Default 3000 ms. */
  readonly healthTimeoutMs?: number;
  /** The bound of the first wait after a failed connect; doubles up to `backoffCapMs`. Default 20 ms: a loopback server returns that fast. */
  readonly backoffBaseMs?: number;
  /** Default 5000 ms. After 22 to 32 s without a server the waits are between this and twice this: a herd is spread. */
  readonly backoffCapMs?: number;
  /**
   * For how long after a (re)connect a list of instances is not `settled`: others may not have come back yet.
   * Default 10000 ms: Java's clients pause up to 5 s between connects and look every 3 s what to register again,
   * and the server pushes after 0.5 s.
   */
  readonly graceMs?: number;
  /**
   * The mean pause between reading again what is watched, and checking what is registered: longer, up to 60 times, where
   * this would be more than 200 hosts each time. Default 60000 ms.
   */
  readonly resyncMs?: number;
  /** How many characters the metadata of an instance may have in all. Default 1024, the server's default. */
  readonly metadataLimit?: number;
  /** How many configurations are listened to on one connection; more open another. Default 3000, as in Java and Go. */
  readonly listenLimit?: number;
  readonly clock?: NacosClock;
  readonly random?: () => number;
  readonly log?: NacosLogger;
  /** The sockets of the HTTP API and of UDP pushes. Default Node's. */
  readonly network?: NacosNetwork;
}

/** Where one server listens. */
export interface ServerAddress {
  /** The `host:port` of the list, which ConnectReset names too. */
  readonly name: string;
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  /** `http://host:port/nacos`. */
  readonly httpBase: string;
}

/** {@link NacosOptions} with all defaults, checked. */
export interface Settings
  extends Required<
    Omit<
      NacosOptions,
      "servers" | "endpoint" | "tls" | "credentials" | "clock" | "random" | "log" | "network"
    >
  > {
  /** Empty only if there is an `endpoint`. */
  readonly servers: readonly ServerAddress[];
  readonly endpoint: string | undefined;
  /** Undefined: plain. */
  readonly tls: NacosTls | undefined;
  readonly credentials: NacosCredentials | undefined;
  readonly environment: NacosEnvironment;
}

/** Fills in the defaults. @throws {NacosError} INVALID: an address or a certificate cannot be read, or there is no address. */
export function toSettings(options: NacosOptions): Settings {
  const {
    servers = [],
    endpoint,
    tls: wantsTls,
    credentials,
    clock,
    random,
    log,
    network,
    ...rest
  } = options;
  const grpcPortOffset = rest.grpcPortOffset ?? 1000;
  if (servers.length === 0 && endpoint === undefined)
    throw new NacosError("INVALID", "servers: at least one address is needed, or an endpoint");
  if (endpoint !== undefined && !/^https?:\/\/./.test(endpoint))
    throw new NacosError(
      "INVALID",
      `endpoint: ${JSON.stringify(endpoint)} is not an http:// or https:// URL`,
    );
  const tls = wantsTls === true ? {} : wantsTls || undefined;
  checkTls(tls);
  return {
    ...defaults,
    ...withoutUndefined(rest),
    grpcPortOffset,
    servers: servers.map((text) => parseServer(text, grpcPortOffset)),
    endpoint,
    tls,
    credentials,
    environment: {
      clock: clock ?? systemEnvironment.clock,
      random: random ?? systemEnvironment.random,
      log: log ?? systemEnvironment.log,
      network: network ?? systemEnvironment.network,
    },
  };
}

const defaults = {
  namespace: "public",
  clientVersion: "Nacos-NodeJS-Client:v0.1.0",
  labels: {},
  appName: "unknown",
  waitForServerMs: 5_000,
  requestTimeoutMs: 3_000,
  maxInFlight: 64,
  healthCheckMs: 5_000,
  healthTimeoutMs: 3_000,
  backoffBaseMs: 20,
  backoffCapMs: 5_000,
  graceMs: 10_000,
  resyncMs: 60_000,
  metadataLimit: 1024,
  listenLimit: 3_000,
  endpointRefreshMs: 30_000,
  transport: "auto",
} as const;

function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

/** Reads `[scheme://]host[:port][/path]`; an IPv6 address stands in brackets. @throws {NacosError} INVALID */
export function parseServer(text: string, offset: number): ServerAddress {
  const match = /^(?:(\w+):\/\/)?(\[[\da-f:.]+\]|[^\s:/[\]]+)(?::(\d+))?(\/\S*)?$/i.exec(text.trim());
  const [, scheme = "", host, port = "8848", path = ""] = match ?? [];
  const httpPort = Number(port);
  const grpcPort = httpPort + offset;
  if (host === undefined || !isPort(httpPort) || !isPort(grpcPort)) {
    throw new NacosError("INVALID", `servers: ${JSON.stringify(text)} is not host[:port]`);
  }
  const name = `${host}:${httpPort}`;
  const context = path.replace(/\/+$/, "") || "/nacos";
  const httpBase = `${scheme.toLowerCase() === "https" ? "https" : "http"}://${name}${context}`;
  return { name, host, httpPort, grpcPort, httpBase };
}

function isPort(port: number): boolean {
  return port > 0 && port < 65_536;
}
