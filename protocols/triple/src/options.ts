import type { ClientTls, Ports, ServerTls } from "@dubbo-ts/rpc";

/** Settings of the triple protocol, of both sides. */
export interface TripleOptions {
  /** This application's name, which providers see as `tri-consumer-appname`. Default: not told. */
  application?: string;
  /** Connections to each endpoint, used in turn. Default 1: one connection carries any number of calls at once. */
  connections?: number;
  /** How long a connection may take to open; a call waits no longer than its own deadline. Default 3000 ms, as Java. */
  connectTimeoutMs?: number;
  /**
   * A consumer that has heard nothing for so long asks for a sign of life, by gRPC's health check. Default 60,000 ms.
   */
  heartbeatMs?: number;
  /**
   * A provider that owes an answer and sends nothing at all for so long, not even an answer to a health check, is
   * taken for dead: its calls fail and it is avoided. Default 5000 ms.
   */
  silenceMs?: number;
  /**
   * Both sides send an HTTP/2 PING so often while there are calls. Default: never, since gRPC servers close
   * connections that ping more than every five minutes, and health checks find dead peers.
   */
  keepAliveMs?: number;
  /** How long a PING may stay unanswered. Default 20,000 ms. */
  keepAliveTimeoutMs?: number;
  /** The longest message that is sent or accepted, unpacked. Default 8 MiB, as Java. */
  maxMessageBytes?: number;
  /** How many bytes a provider may send to this consumer ahead of what was read. Default 8 MiB, as Java. */
  flowControlWindowBytes?: number;
  /** `gzip` packs requests; answers of any provider that packs are read always. Default `identity`. */
  compression?: "identity" | "gzip";
  /** Connections that a port accepts; those beyond it are closed. Default 10,000. */
  maxConnections?: number;
  /** Connections that have not shown what they speak. Default 1,000. */
  maxUndetected?: number;
  /** How long they may take to show it. Default 5,000 ms. */
  detectTimeoutMs?: number;
  /** Calls of one connection that may be running at once. Default 4,096. */
  maxCallsPerConnection?: number;
  /** How long disposing waits for calls in flight. Default 10,000 ms, as Java. */
  drainMs?: number;
  /** Default: connections are not encrypted. */
  tls?: { readonly server?: ServerTls | undefined; readonly client?: ClientTls | undefined };
  /** Where ports are opened, to share them with other protocols; their limits are then its own. Default: by itself. */
  ports?: Ports | undefined;
}

/** {@link TripleOptions} with their defaults in place. */
export type TripleSettings = Readonly<Required<Omit<TripleOptions, "ports">>> & Pick<TripleOptions, "ports">;

/** Applies the defaults, once, where the options come in. An empty application is not told to providers. */
export function tripleSettings(options: TripleOptions): TripleSettings {
  return {
    application: "",
    connections: 1,
    connectTimeoutMs: 3_000,
    heartbeatMs: 60_000,
    silenceMs: 5_000,
    keepAliveMs: Infinity,
    keepAliveTimeoutMs: 20_000,
    maxMessageBytes: 8_388_608,
    flowControlWindowBytes: 8_388_608,
    compression: "identity",
    maxConnections: 10_000,
    maxUndetected: 1_000,
    detectTimeoutMs: 5_000,
    maxCallsPerConnection: 4_096,
    drainMs: 10_000,
    tls: {},
    ...options,
  };
}
