import {
  type NacosClock,
  type NacosEnvironment,
  type NacosLogger,
  systemEnvironment,
} from "./environment.js";
import { NacosError } from "./nacos-error.js";
import type { NacosCredentials } from "./credentials.js";

/** How to reach Nacos, and how patiently. Only `servers` is required. */
export interface NacosOptions {
  /** `host[:port]` each; the port is that of HTTP, default 8848. A scheme in front is ignored. Tried in turn from a random start. */
  readonly servers: readonly string[];
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
  /** The pause between health checks. Default 5000 ms: the server cuts connections that are silent for 20 s. */
  readonly healthCheckMs?: number;
  /** How long a health check may take; three in a row that fail end the connection. Default 3000 ms. */
  readonly healthTimeoutMs?: number;
  /** The bound of the first wait after a failed connect; doubles up to `backoffCapMs`. Default 20 ms: a loopback server returns that fast. */
  readonly backoffBaseMs?: number;
  /** Default 5000 ms. */
  readonly backoffCapMs?: number;
  /**
   * For how long after a (re)connect a list of instances is not `settled`: others may not have come back yet.
   * Default 6000 ms: `backoffCapMs` of the others, and a second for the server.
   */
  readonly graceMs?: number;
  /** The mean pause between reading again what is watched, and checking what is registered. Default 60000 ms. */
  readonly resyncMs?: number;
  /** How many characters the metadata of an instance may have in all. Default 1024, the server's default. */
  readonly metadataLimit?: number;
  readonly clock?: NacosClock;
  readonly random?: () => number;
  readonly log?: NacosLogger;
}

/** Where one server listens for gRPC. */
export interface ServerAddress {
  /** The `host:port` of the list, which ConnectReset names too. */
  readonly name: string;
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
}

/** {@link NacosOptions} with all defaults, checked. */
export interface Settings
  extends Required<Omit<NacosOptions, "servers" | "credentials" | "clock" | "random" | "log">> {
  readonly servers: readonly ServerAddress[];
  readonly credentials: NacosCredentials | undefined;
  readonly environment: NacosEnvironment;
}

/** Fills in the defaults. @throws {NacosError} INVALID: an address cannot be read, or there is none. */
export function toSettings(options: NacosOptions): Settings {
  const { servers, credentials, clock, random, log, ...rest } = options;
  const grpcPortOffset = rest.grpcPortOffset ?? 1000;
  if (servers.length === 0) throw new NacosError("INVALID", "servers: at least one address is needed");
  return {
    ...defaults,
    ...withoutUndefined(rest),
    grpcPortOffset,
    servers: servers.map((text) => parseServer(text, grpcPortOffset)),
    credentials,
    environment: {
      clock: clock ?? systemEnvironment.clock,
      random: random ?? systemEnvironment.random,
      log: log ?? systemEnvironment.log,
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
  healthCheckMs: 5_000,
  healthTimeoutMs: 3_000,
  backoffBaseMs: 20,
  backoffCapMs: 5_000,
  graceMs: 6_000,
  resyncMs: 60_000,
  metadataLimit: 1024,
} as const;

function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

/** Reads `[scheme://]host[:port][/path]`; an IPv6 address stands in brackets. */
function parseServer(text: string, offset: number): ServerAddress {
  const match = /^(?:\w+:\/\/)?(\[[\da-f:.]+\]|[^\s:/[\]]+)(?::(\d+))?(?:\/.*)?$/i.exec(text.trim());
  const httpPort = Number(match?.[2] ?? 8848);
  const grpcPort = httpPort + offset;
  if (match?.[1] === undefined || !isPort(httpPort) || !isPort(grpcPort)) {
    throw new NacosError("INVALID", `servers: ${JSON.stringify(text)} is not host[:port]`);
  }
  return { name: `${match[1]}:${httpPort}`, host: match[1], httpPort, grpcPort };
}

function isPort(port: number): boolean {
  return port > 0 && port < 65_536;
}
