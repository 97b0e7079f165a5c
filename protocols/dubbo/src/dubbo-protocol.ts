import { ConfigError, type Endpoint, type Runtime, systemRuntime } from "@dubbo-ts/core";
import type { Exporter, ListenOptions, Protocol, ProtocolInvoker, ServedService } from "@dubbo-ts/rpc";
import type { ClientContext } from "./client-connection.js";
import { DeadlineWheel } from "./deadline-wheel.js";
import { DubboClient } from "./dubbo-client.js";
import { type DubboListener, DubboServer, listen } from "./dubbo-server.js";
import { BatchBuffers } from "./frame-writer.js";
import { type DubboOptions, type DubboSettings, dubboSettings } from "./options.js";
import { RequestEncoder } from "./request-encoder.js";
import { ResponseEncoder } from "./response-encoder.js";
import { SharedClients } from "./shared-clients.js";
import { Sweep } from "./sweep.js";

/**
 * The dubbo protocol: Hessian 2 in frames over TCP, as Dubbo for Java and dubbo-go speak it.
 * @param runtime time, randomness, sockets and log; default the real ones, with a silent log.
 */
export function dubboProtocol(options: DubboOptions = {}, runtime: Runtime = systemRuntime): Protocol {
  return new DubboProtocol(dubboSettings(options), runtime);
}

/** A port, open or opening, and how many services are on it or about to be. */
interface SharedPort {
  readonly host: string | undefined;
  readonly wantedPort: number;
  readonly listener: Promise<DubboListener>;
  openPort: number | undefined;
  users: number;
}

class DubboProtocol implements Protocol {
  readonly name = "dubbo";
  readonly #ports = new Set<SharedPort>();
  readonly #clients: SharedClients;
  #closing = false;
  #disposal: Promise<void> | undefined;

  constructor(
    private readonly settings: DubboSettings,
    private readonly runtime: Runtime,
  ) {
    const context = clientContext(settings, runtime);
    this.#clients = new SharedClients((endpoint) => new DubboClient(endpoint, context, runtime));
  }

  async export(service: ServedService, options: ListenOptions): Promise<Exporter> {
    if (this.#disposal !== undefined) {
      throw new ConfigError(
        "APPLICATION_CLOSED",
        `${service.key.text} cannot be exported: the protocol is closed`,
      );
    }
    const shared = this.#portOf(options);
    shared.users += 1;
    try {
      const { server, port } = await shared.listener;
      server.services.add(service);
      const address = { protocol: this.name, host: options.host ?? "0.0.0.0", port };
      return { address, [Symbol.asyncDispose]: once(() => this.#withdraw(shared, service)) };
    } catch (error) {
      shared.users -= 1;
      throw error;
    }
  }

  refer(endpoint: Endpoint): ProtocolInvoker {
    return this.#clients.refer(endpoint);
  }

  announceClosing(): void {
    this.#closing = true;
    for (const { listener } of this.#ports) {
      listener.then(
        ({ server }) => server.announceClosing(),
        () => {}, // was not opened: told where it was asked for
      );
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    const opened = await Promise.allSettled([...this.#ports].map(({ listener }) => listener));
    this.#ports.clear();
    const listeners = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    await Promise.all([...listeners, this.#clients].map((open) => open[Symbol.asyncDispose]()));
  }

  #portOf({ host, port }: ListenOptions): SharedPort {
    for (const shared of this.#ports) {
      if (shared.host === host && (shared.wantedPort === port || shared.openPort === port)) return shared;
    }
    const server = new DubboServer(this.settings, this.runtime);
    if (this.#closing) server.announceClosing();
    const listener = listen(server, { host, port }, this.runtime);
    const shared: SharedPort = { host, wantedPort: port, listener, openPort: undefined, users: 0 };
    this.#ports.add(shared);
    listener.then(
      (open) => {
        shared.openPort = open.port;
      },
      () => this.#ports.delete(shared),
    );
    return shared;
  }

  async #withdraw(shared: SharedPort, service: ServedService): Promise<void> {
    const listener = await shared.listener;
    listener.server.services.delete(service);
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#ports.delete(shared);
    await listener[Symbol.asyncDispose]();
  }
}

function clientContext(settings: DubboSettings, { clock, random, log }: Runtime): ClientContext {
  return {
    settings,
    encoder: new RequestEncoder(settings.application, settings.maxPayloadBytes),
    refusals: new ResponseEncoder(settings.maxPayloadBytes),
    buffers: new BatchBuffers(),
    wheel: new DeadlineWheel(clock),
    sweep: new Sweep(clock, settings.silenceMs / 10),
    clock,
    random,
    log,
  };
}

/** The work runs once, however often it is asked for. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
