import type { Endpoint, EndpointAddress, ServiceKey } from "@dubbo-ts/core";
import type { Invoker } from "./invoker.js";
import type { ServiceDefinition } from "./service-definition.js";

/** A service as a protocol serves it. */
export interface ServedService {
  readonly key: ServiceKey;
  readonly definition: ServiceDefinition;
  /** The provider's filters and, behind them, the implementation. */
  readonly invoker: Invoker;
}

/** Where to listen. */
export interface ListenOptions {
  /** The address of an interface of this machine. Default: all of them. */
  readonly host?: string | undefined;
  /**
   * True, beside a loopback `host`: programs of this machine are served at all its addresses, and nobody else at any.
   * Java's consumers replace a provider's 127.0.0.1 by an outer address of their machine. A protocol that cannot tell
   * its peers apart listens on `host` alone. Default false.
   */
  readonly ownMachine?: boolean;
  /** 0 picks a free port. */
  readonly port: number;
}

/** One wire format: serves services on a port, and calls endpoints. */
export interface Protocol extends AsyncDisposable {
  /** The word in `dubbo.endpoints`: `dubbo`, `tri`. */
  readonly name: string;
  /**
   * Serves `service`. The first one with these options opens the port, later ones share it.
   * @throws {ConfigError} PORT_IN_USE; SERVICE_ALREADY_EXPORTED: the same key on the same port.
   */
  export(service: ServedService, listen: ListenOptions): Promise<Exporter>;
  /**
   * An invoker for whatever is served at `endpoint`. Connects with the first call, connects again by itself,
   * and is shared by all services of that endpoint.
   */
  refer(endpoint: Endpoint): ProtocolInvoker;
  /**
   * The first half of a graceful stop: tells every connected consumer that this provider is leaving, while
   * calls in flight and even new ones are still served. Disposing is the second half.
   */
  announceClosing(): void;
}

/** The handle on a served service: disposing it stops serving, and closes the port behind the last one. */
export interface Exporter extends AsyncDisposable {
  /** The port that is really listened on. */
  readonly address: EndpointAddress;
}

/** A connection, or several, to one endpoint. Disposing it lets calls in flight finish within their deadlines. */
export interface ProtocolInvoker extends Invoker, AsyncDisposable {
  /**
   * False when a call would fail at once or should go elsewhere: the connection was lost and could not be made
   * again, nothing is heard from the peer, or the provider said that it is leaving.
   */
  readonly available: boolean;
}
