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
  Sweep,
} from "@dubbo-ts/rpc";
import { channelCredentials, channelOptions } from "./channel-options.js";
import type { LinkContext } from "./client-link.js";
import { type TripleOptions, type TripleSettings, tripleSettings } from "./options.js";
import { readRawMessages } from "./raw-messages.js";
import { RequestHeaders } from "./request-headers.js";
import { TripleClient } from "./triple-client.js";
import { TriplePort } from "./triple-server.js";

/**
 * The triple protocol: gRPC over HTTP/2, with protobuf or with Hessian 2 in Dubbo's wrapper, as Dubbo for Java and
 * dubbo-go speak it; any gRPC client or server does too. JSON over HTTP/1.1 is served on the same port.
 *
 * @param runtime time, sockets and log; default the real ones, with a silent log. Deadlines on the wire and
 *   connections of consumers are grpc-js's and go by the machine's clock.
 */
export function tripleProtocol(options: TripleOptions = {}, runtime: Runtime = systemRuntime): Protocol {
  readRawMessages();
  return new TripleProtocol(tripleSettings(options), runtime);
}

class TripleProtocol implements Protocol {
  readonly name = "tri";
  readonly #ports: SharedPorts<TriplePort>;
  readonly #clients: SharedClients;
  #closing = false;
  #disposal: Promise<void> | undefined;

  constructor(settings: TripleSettings, runtime: Runtime) {
    const { maxConnections, maxUndetected, detectTimeoutMs: detectMs } = settings;
    const ports = settings.ports ?? new Ports({ maxConnections, maxUndetected, detectMs }, runtime);
    this.#ports = new SharedPorts((listen) => this.#open(listen, ports, settings, runtime));
    const context = linkContext(settings, runtime);
    this.#clients = new SharedClients((endpoint) => new TripleClient(endpoint, context));
  }

  async export(service: ServedService, listen: ListenOptions): Promise<Exporter> {
    if (this.#disposal !== undefined) {
      const message = `${service.key.text} cannot be exported: the protocol is closed`;
      throw new ConfigError("APPLICATION_CLOSED", message);
    }
    const { port, leave } = await this.#ports.use(listen, ({ server }) => server.add(service));
    let withdrawn: Promise<void> | undefined;
    return {
      address: { protocol: this.name, host: listen.host ?? "0.0.0.0", port: port.port },
      [Symbol.asyncDispose]: () => {
        if (withdrawn === undefined) {
          port.server.delete(service);
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
    settings: TripleSettings,
    runtime: Runtime,
  ): Promise<TriplePort> {
    const port = await TriplePort.open(listen, ports, settings, runtime);
    if (this.#closing) port.server.announceClosing();
    return port;
  }
}

function linkContext(settings: TripleSettings, runtime: Runtime): LinkContext {
  return {
    settings,
    options: channelOptions(settings),
    credentials: channelCredentials(settings.tls.client),
    headers: new RequestHeaders(settings.application),
    sweep: new Sweep(runtime.clock, settings.silenceMs / 10),
    runtime,
  };
}
