import type { ClientTls, Ports, ServerTls } from "@dubbo-ts/rpc";

/** Settings of the dubbo protocol, of both sides. */
export interface DubboOptions {
  /** This application's name, which providers see as `remote.application`. Default: not told. */
  application?: string;
  /** Connections to each endpoint, used in turn. Default 1: one connection carries any number of calls at once. */
  connections?: number;
  /** How long a connection may take to open; a call waits no longer than its own deadline. Default 3000 ms, as Java. */
  connectTimeoutMs?: number;
  /** A consumer that has heard nothing for so long asks for a sign of life. Default 60,000 ms, as Java. */
  heartbeatMs?: number;
  /**
   * A provider that owes an answer, or one to a heartbeat, and sends nothing at all for so long is taken for dead:
   * its calls fail and it is avoided. Heartbeats are answered beside running methods, so a slow method is not
   * silence. It is asked and then avoided before that. Default 5000 ms.
   */
  silenceMs?: number;
  /** The longest body that is sent or accepted. Default 8 MiB, as Java (`payload`). */
  maxPayloadBytes?: number;
  /** Connections that a port accepts; those beyond it are closed. Default 10,000. */
  maxConnections?: number;
  /** Calls of one connection that may be running before nothing more is read from it. Default 4096. */
  maxCallsPerConnection?: number;
  /** How long a provider waits for the rest of a frame, plus a second for each 16 KiB of it. Default 30,000 ms. */
  frameTimeoutMs?: number;
  /** How long disposing waits for calls in flight. Default 10,000 ms, as Java. */
  drainMs?: number;
  /** Default: connections are not encrypted. */
  tls?: { readonly server?: ServerTls | undefined; readonly client?: ClientTls | undefined };
  /** Where ports are opened, to share them with other protocols; their limits are then its own. Default: by itself. */
  ports?: Ports | undefined;
}

/** {@link DubboOptions} with their defaults in place. */
export type DubboSettings = Readonly<Required<Omit<DubboOptions, "ports">>> & Pick<DubboOptions, "ports">;

/** Applies the defaults, once, where the options come in. An empty application is not told to providers. */
export function dubboSettings({
  application = "",
  connections = 1,
  connectTimeoutMs = 3_000,
  heartbeatMs = 60_000,
  silenceMs = 5_000,
  maxPayloadBytes = 8_388_608,
  maxConnections = 10_000,
  maxCallsPerConnection = 4_096,
  frameTimeoutMs = 30_000,
  drainMs = 10_000,
  tls = {},
  ports,
}: DubboOptions): DubboSettings {
  return {
    application,
    connections,
    connectTimeoutMs,
    heartbeatMs,
    silenceMs,
    maxPayloadBytes,
    maxConnections,
    maxCallsPerConnection,
    frameTimeoutMs,
    drainMs,
    tls,
    ports,
  };
}
