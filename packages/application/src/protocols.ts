import type { Config, ProtocolConfig } from "@dubbo-ts/config";
import {
  ConfigError,
  type DisposalScope,
  type Endpoint,
  hasCode,
  RpcError,
  type Runtime,
} from "@dubbo-ts/core";
import type { Exporter, Protocol, ProtocolInvoker, ServedService } from "@dubbo-ts/rpc";
import { chooseHosts } from "./advertised-host.js";
import { pick, type ProtocolFactory } from "./extensions.js";
import { LazyProtocol } from "./lazy-protocol.js";

/** What a provider speaks when nothing is configured: dubbo, on its usual port or, if that is taken, on a free one. */
const defaultProtocol = { id: "dubbo", name: "dubbo" } as const;

/** Dubbo's usual ports, tried when none is configured. */
const usualPorts: Readonly<Record<string, number>> = { dubbo: 20880, tri: 50051 };

/** The protocols of an application, one of each name: those configured are made at once, others when they are needed. */
export class ProtocolTable {
  readonly #made = new Map<string, Protocol>();
  /** The port option by protocol id, once a service is served: all services of a protocol share one port. */
  readonly #ports = new Map<string, number>();

  /** The host that the instance registers: one for all protocols, since a record has room for one. */
  readonly host: string;
  readonly #listen: string | undefined;

  private constructor(
    private readonly config: Config,
    env: Readonly<Record<string, string | undefined>>,
    loopbackOnly: boolean,
  ) {
    const bound = Object.values(config.protocols).find(({ host }) => host !== undefined)?.host;
    const hosts = chooseHosts({ configured: bound, registered: config.application.host, loopbackOnly, env });
    this.#listen = hosts.listen;
    this.host = hosts.advertised;
  }

  /**
   * Knows every protocol that there is a factory for: a consumer speaks whatever providers offer.
   * @throws {ConfigError} UNKNOWN_PROTOCOL: a configured one has no factory.
   */
  static async open(
    config: Config,
    env: Readonly<Record<string, string | undefined>>,
    loopbackOnly: boolean,
    factories: Readonly<Record<string, ProtocolFactory>>,
    runtime: Runtime,
    scope: DisposalScope,
  ): Promise<ProtocolTable> {
    const configured = Object.values(config.protocols);
    for (const { name } of configured) pick(factories, name, "protocol", "UNKNOWN_PROTOCOL");
    const table = new ProtocolTable(config, env, loopbackOnly);
    for (const [name, factory] of Object.entries(factories)) {
      const settings = configured.find((protocol) => protocol.name === name);
      const connections = Number(settings?.params["connections"]);
      const options = {
        application: config.application.name,
        payloadBytes: settings?.payloadBytes,
        connections: Number.isInteger(connections) && connections > 0 ? connections : undefined,
      };
      const protocol = scope.use(new LazyProtocol(name, () => factory(options, runtime)));
      if (settings !== undefined) await protocol.ready();
      table.#made.set(name, protocol);
    }
    return table;
  }

  /** The names of all protocols, in the order of preference. */
  get names(): readonly string[] {
    return [...this.#made.keys()];
  }

  /** The protocols that services are served over: those configured, or the default one. */
  get served(): readonly Pick<ProtocolConfig, "id" | "name">[] {
    const configured = Object.values(this.config.protocols);
    return configured.length > 0 ? configured : [defaultProtocol];
  }

  /** Serves `service` over the protocol with this id, and gives the address that others reach it at. */
  async export(id: string, service: ServedService): Promise<Exporter> {
    const chosen = this.served.find((protocol) => protocol.id === id);
    if (chosen === undefined) {
      const known = this.served.map((protocol) => protocol.id).join(", ");
      throw new ConfigError("UNKNOWN_PROTOCOL", `unknown protocol id "${id}"; configured: ${known}`);
    }
    const settings = this.config.protocols[id];
    const protocol = pick(Object.fromEntries(this.#made), chosen.name, "protocol", "UNKNOWN_PROTOCOL");
    const host = settings?.host ?? this.#listen;
    const port = settings?.port ?? this.#ports.get(id);
    const exporter = await (port === undefined
      ? this.#listenAsUsual(id, protocol, service, host)
      : protocol.export(service, { host, port }));
    return {
      address: { ...exporter.address, protocol: chosen.name, host: this.host },
      [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose](),
    };
  }

  /** An invoker for `endpoint`, over its protocol. */
  refer(endpoint: Endpoint): ProtocolInvoker {
    const protocol = this.#made.get(endpoint.protocol);
    if (protocol === undefined)
      throw new RpcError("CONNECT_FAILED", `protocol ${endpoint.protocol} is not known`, {
        peer: endpoint.key,
        mayHaveRun: false,
      });
    return protocol.refer(endpoint);
  }

  async #listenAsUsual(
    id: string,
    protocol: Protocol,
    service: ServedService,
    host: string | undefined,
  ): Promise<Exporter> {
    for (const port of [usualPorts[protocol.name] ?? 0, 0]) {
      try {
        const exporter = await protocol.export(service, { host, port });
        this.#ports.set(id, port);
        return exporter;
      } catch (error) {
        if (port === 0 || !hasCode(error, "PORT_IN_USE")) throw error;
      }
    }
    throw new ConfigError("PORT_IN_USE", `no free port for protocol ${id}`);
  }

  /** Tells all connected consumers that this process is leaving. */
  announceClosing(): void {
    for (const protocol of this.#made.values()) protocol.announceClosing();
  }
}
