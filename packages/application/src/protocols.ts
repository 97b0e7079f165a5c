import type { Config, ProtocolConfig } from "@dubbo-ts/config";
import {
  ConfigError,
  type DisposalScope,
  type Endpoint,
  hasCode,
  type MachineAddress,
  RpcError,
  type Runtime,
} from "@dubbo-ts/core";
import { type Exporter, Ports, type Protocol, type ProtocolInvoker, type ServedService } from "@dubbo-ts/rpc";
import { chooseHosts, type Hosts } from "./advertised-host.js";
import { pick, type ProtocolFactory } from "./extensions.js";
import { LazyProtocol } from "./lazy-protocol.js";
import { readClientTls, readServerTls } from "./tls-files.js";

/** What a provider speaks when nothing is configured: dubbo, on its usual port or, if that is taken, on a free one. */
const defaultProtocol = { id: "dubbo", name: "dubbo", entry: "dubbo" } as const;

/** Dubbo's usual ports, tried when none is configured. */
const usualPorts: Readonly<Record<string, number>> = { dubbo: 20880, tri: 50051 };

/** Something that services are served over: an entry of `protocols`, or what is spoken on its port too. */
interface Served extends Pick<ProtocolConfig, "id" | "name"> {
  /** The id of the entry whose host and port it has. */
  readonly entry: string;
}

/** The protocols of an application, one of each name: those configured are made at once, others when they are needed. */
export class ProtocolTable {
  readonly #made = new Map<string, Protocol>();
  /** The port that is listened on by entry, once a service is served: all services of an entry share one port. */
  readonly #ports = new Map<string, number>();
  /** What services are served over: all that is configured, or the default. */
  readonly served: readonly Served[];

  /** The host that the instance registers: one for all protocols, since a record has room for one. */
  readonly host: string;
  readonly #listen: Hosts["listen"];

  private constructor(
    private readonly config: Config,
    env: Readonly<Record<string, string | undefined>>,
    loopbackOnly: boolean,
    addresses: readonly MachineAddress[],
  ) {
    const served = Object.values(config.protocols).flatMap(({ id, name, extProtocols }) => [
      { id, name, entry: id },
      ...extProtocols.map((other) => ({ id: `${id}+${other}`, name: other, entry: id })),
    ]);
    this.served = served.length > 0 ? served : [defaultProtocol];
    const bound = Object.values(config.protocols).find(({ host }) => host !== undefined)?.host;
    const registered = config.application.host;
    const hosts = chooseHosts({ configured: bound, registered, loopbackOnly, env, addresses });
    this.#listen = hosts.listen;
    this.host = hosts.advertised;
  }

  /**
   * Knows every protocol that there is a factory for: a consumer speaks whatever providers offer.
   * @throws {ConfigError} UNKNOWN_PROTOCOL: a configured one has no factory; CONFIG_INVALID: its certificates.
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
    for (const { name, extProtocols } of configured)
      for (const one of [name, ...extProtocols]) pick(factories, one, "protocol", "UNKNOWN_PROTOCOL");
    const ports = new Ports({}, runtime);
    const client = await readClientTls(config.consumer.tls);
    const table = new ProtocolTable(config, env, loopbackOnly, runtime.network.addresses());
    for (const [name, factory] of Object.entries(factories)) {
      const settings = configured.find((protocol) => protocol.name === name);
      const connections = Number(settings?.params["connections"]);
      const options = {
        application: config.application.name,
        payloadBytes: settings?.payloadBytes,
        connections: Number.isInteger(connections) && connections > 0 ? connections : undefined,
        ports,
        tls: { server: await readServerTls(config, name), client },
      };
      const protocol = scope.use(new LazyProtocol(name, () => factory(options, runtime)));
      if (configured.length > 0 && table.served.some((one) => one.name === name)) await protocol.ready();
      table.#made.set(name, protocol);
    }
    return table;
  }

  /** The names of all protocols, in the order of preference. */
  get names(): readonly string[] {
    return [...this.#made.keys()];
  }

  /**
   * The ids of what a service is served over that names these entries: all of them by default.
   * @throws {ConfigError} UNKNOWN_PROTOCOL: no entry has that id.
   */
  servedBy(entries: readonly string[] = this.served.map(({ entry }) => entry)): readonly string[] {
    const unknown = entries.find((id) => !this.served.some(({ entry }) => entry === id));
    if (unknown !== undefined) throw this.#unknown(unknown);
    return this.served.filter(({ entry }) => entries.includes(entry)).map(({ id }) => id);
  }

  /**
   * Serves `service` over one of {@link served}, and gives the address that others reach it at.
   * @param port in the place of the entry's own.
   */
  async export(id: string, service: ServedService, port?: number): Promise<Exporter> {
    const chosen = this.served.find((one) => one.id === id);
    if (chosen === undefined) throw this.#unknown(id);
    const protocol = pick(Object.fromEntries(this.#made), chosen.name, "protocol", "UNKNOWN_PROTOCOL");
    const ports = port === undefined ? this.#portsOf(chosen) : [port];
    const exporter = await this.#listenOn(ports, chosen, protocol, service);
    if (port === undefined) this.#ports.set(chosen.entry, exporter.address.port);
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

  #unknown(id: string): ConfigError {
    const known = [...new Set(this.served.map(({ entry }) => entry))].join(", ");
    return new ConfigError("UNKNOWN_PROTOCOL", `unknown protocol id "${id}"; configured: ${known}`);
  }

  /** Where an entry may listen: the first port that is not taken is its own from then on. */
  #portsOf({ entry, name }: Served): readonly number[] {
    const wanted = this.config.protocols[entry]?.port;
    if (wanted !== undefined && wanted !== 0) return [wanted];
    const usual = wanted === undefined ? [usualPorts[name] ?? 0] : [];
    const open = this.#ports.get(entry);
    return [...(open === undefined ? usual : [open]), 0];
  }

  async #listenOn(
    ports: readonly number[],
    { entry }: Served,
    protocol: Protocol,
    service: ServedService,
  ): Promise<Exporter> {
    const host = this.config.protocols[entry]?.host;
    const where = host === undefined ? this.#listen : { host };
    for (const port of ports) {
      try {
        return await protocol.export(service, { ...where, port });
      } catch (error) {
        if (port === ports.at(-1) || !hasCode(error, "PORT_IN_USE")) throw error;
      }
    }
    throw new ConfigError("PORT_IN_USE", `no free port for protocol ${entry}`);
  }

  /** Tells all connected consumers that this process is leaving. */
  announceClosing(): void {
    for (const protocol of this.#made.values()) protocol.announceClosing();
  }
}
