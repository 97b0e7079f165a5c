import { ConfigError, type Endpoint, type Runtime, systemRuntime } from "@dubbo-ts/core";
import {
  type Exporter,
  type ListenOptions,
  Ports,
  type Protocol,
  type ProtocolInvoker,
  type ServedService,
  SharedClients,
  SharedPorts,
} from "@dubbo-ts/rpc";
import type { ClientContext } from "./client-connection.js";
import { DeadlineWheel } from "./deadline-wheel.js";
import { DubboClient } from "./dubbo-client.js";
import { DubboPort } from "./dubbo-server.js";
import { BatchBuffers } from "./frame-writer.js";
import { type DubboOptions, type DubboSettings, dubboSettings } from "./options.js";
import { RequestEncoder } from "./request-encoder.js";
import { ResponseEncoder } from "./response-encoder.js";
import { Sweep } from "@dubbo-ts/rpc";

/**
 * The dubbo protocol: Hessian 2 in frames over TCP, as Dubbo for Java and dubbo-go speak it.
 * @param runtime time, randomness, sockets and log; default the real ones, with a silent log.
 */
export function dubboProtocol(options: DubboOptions = {}, runtime: Runtime = systemRuntime): Protocol {
  return new DubboProtocol(dubboSettings(options), runtime);
}

class DubboProtocol implements Protocol {
  readonly name = "dubbo";
  readonly #ports: SharedPorts<DubboPort>;
  readonly #clients: SharedClients;
  #closing = false;
  #disposal: Promise<void> | undefined;

  constructor(settings: DubboSettings, runtime: Runtime) {
    const ports = settings.ports ?? new Ports({ maxConnections: settings.maxConnections }, runtime);
    this.#ports = new SharedPorts((listen) => this.#open(listen, ports, settings, runtime));
    const context = clientContext(settings, runtime);
    this.#clients = new SharedClients((endpoint) => new DubboClient(endpoint, context, runtime));
  }

  async export(service: ServedService, listen: ListenOptions): Promise<Exporter> {
    if (this.#disposal !== undefined) {
      const message = `${service.key.text} cannot be exported: the protocol is closed`;
      throw new ConfigError("APPLICATION_CLOSED", message);
    }
    const { port, leave } = await this.#ports.use(listen, ({ server }) => server.services.add(service));
    let withdrawn: Promise<void> | undefined;
    return {
      address: { protocol: this.name, host: listen.host ?? "0.0.0.0", port: port.port },
      [Symbol.asyncDispose]: () => {
        if (withdrawn === undefined) {
          port.server.services.delete(service);
          withdrawn = leave();
        }
        return withdrawn;
      },
    };
  }

  refer(endpoint: Endpoint): ProtocolInvoker {
    return this.#clients.refer(endpoint);
  }

  announceClosing(): void {
    this.#closing = true;
    this.#ports.forEach(({ server }) => server.announceClosing());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    await Promise.all([this.#ports, this.#clients].map((open) => open[Symbol.asyncDispose]()));
  }

  async #open(
    listen: ListenOptions,
    ports: Ports,
    settings: DubboSettings,
    runtime: Runtime,
  ): Promise<DubboPort> {
    const port = await DubboPort.open(listen, ports, settings, runtime);
    if (this.#closing) port.server.announceClosing();
    return port;
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
