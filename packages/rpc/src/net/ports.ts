import type { Runtime } from "@dubbo-ts/core";
import type { ListenOptions } from "../protocol.js";
import { type PortLimits, PortListener, type PortMember } from "./port-listener.js";
import { SharedPorts } from "./shared-ports.js";

/** A protocol's share of a port. */
export interface PortLease {
  /** The port that is really listened on. */
  readonly port: number;
  /**
   * Takes no more connections; behind the last protocol, the port is closed at once. Resolves when the connections
   * that the protocol has are closed. To be called once.
   */
  leave(): Promise<void>;
  /** Destroys the connections that the protocol took: the last step of a stop. */
  destroyConnections(): void;
}

/**
 * The ports of a program, for all its protocols: those that ask for the same host and port share it, and the first
 * bytes of a connection tell which one it is for. Port 0 is never shared: each protocol gets a free one of its own.
 */
export class Ports {
  readonly #shared: SharedPorts<PortListener, NamedListen>;

  /** @param limits of each port. */
  constructor(limits: PortLimits, runtime: Runtime) {
    this.#shared = new SharedPorts(
      ({ protocol, ...listen }) => PortListener.open(listen, limits, protocol, runtime),
      { sharesFree: false },
    );
  }

  /**
   * Serves a protocol on a port, which is opened if nobody has it.
   * @throws {ConfigError} PORT_IN_USE, ADDRESS_INVALID; CONFIG_INVALID: certificates cannot be used, or are not those
   *   that another protocol has on this port.
   */
  async join(listen: ListenOptions, member: PortMember): Promise<PortLease> {
    const makeGate = member.tls === undefined ? undefined : (await import("./tls-gate.js")).tlsGate;
    const named = { ...listen, protocol: member.protocol };
    const { port, entered, leave } = await this.#shared.use(named, (shared) => shared.join(member, makeGate));
    return {
      port: port.port,
      leave: async () => void (await Promise.all([entered.leave(), leave()])),
      destroyConnections: () => entered.destroyConnections(),
    };
  }
}

interface NamedListen extends ListenOptions {
  /** For messages. */
  readonly protocol: string;
}
