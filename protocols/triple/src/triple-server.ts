import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { ConfigError, type Runtime } from "@dubbo-ts/core";
import {
  echoMethod,
  type ListenOptions,
  type MethodDefinition,
  type OpenPort,
  type PortLease,
  type Ports,
  type ServedService,
  type WireDetector,
} from "@dubbo-ts/rpc";
import { type ConnectionInjector, Server, ServerCredentials } from "@grpc/grpc-js";
import { keepAlive } from "./channel-options.js";
import { detectHttp1, detectHttp2 } from "./detectors.js";
import { HealthService } from "./health-service.js";
import { jsonHandler } from "./json/json-handler.js";
import type { TripleSettings } from "./options.js";
import { ReflectionService } from "./reflection-service.js";
import type { ServeContext } from "./served-call.js";
import { handlerTypes, MethodHandlers } from "./server-handlers.js";
import { ServiceTable } from "./service-table.js";

const identity = (bytes: Buffer): Buffer => bytes;

/** Methods that every service answers. */
const everywhere = ["$echo", "$invoke", "$invokeAsync"] as const;

/** How long connections may take to close when nothing runs on them any more. */
const closeMs = 1_000;

/**
 * Serves services over gRPC and over JSON. Opens no port itself: `detectors` take over the connections of one, which
 * may be shared with other protocols.
 */
export class TripleServer implements AsyncDisposable {
  readonly #services = new ServiceTable();
  readonly #health = new HealthService();
  readonly #grpc: Server;
  readonly #injector: ConnectionInjector;
  readonly #http: HttpServer;
  readonly #context: ServeContext;
  /** What was registered with grpc-js: its kind, and how many services have it. */
  readonly #paths = new Map<string, { readonly kind: string; users: number }>();
  #calls = 0;
  #onDrained: (() => void) | undefined;
  #disposal: Promise<void> | undefined;

  constructor(
    private readonly settings: TripleSettings,
    private readonly runtime: Runtime,
  ) {
    const { clock, log } = runtime;
    const services = this.#services;
    const onCalls = (change: 1 | -1) => this.#countCalls(change);
    this.#context = { services, clock, log, onCalls };
    const { maxMessageBytes, maxCallsPerConnection } = settings;
    this.#grpc = new Server({
      "grpc.enable_channelz": 0,
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
      "grpc.max_concurrent_streams": maxCallsPerConnection,
      ...keepAlive(settings),
    });
    this.#health.register(this.#grpc);
    new ReflectionService(services).register(this.#grpc);
    this.#injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());
    this.#http = createHttpServer(
      { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 60_000 },
      jsonHandler({ services, clock, maxBodyBytes: maxMessageBytes, onCalls }),
    );
  }

  /** True when no call is running. */
  get idle(): boolean {
    return this.#calls === 0;
  }

  /** HTTP/2 for gRPC, HTTP/1.1 for JSON. */
  get detectors(): readonly WireDetector[] {
    return [
      { name: "http/2", detect: detectHttp2, accept: (socket) => this.#injector.injectConnection(socket) },
      {
        name: "http/1.1",
        detect: detectHttp1,
        accept: (socket) => void this.#http.emit("connection", socket),
      },
    ];
  }

  /** @throws {ConfigError} SERVICE_ALREADY_EXPORTED; DEFINITION_INVALID: versions disagree about a stream. */
  add(service: ServedService): void {
    const { serviceInterface } = service.key;
    const methods = methodsOf(service);
    for (const [name, definition] of methods) this.#requireSameKind(serviceInterface, name, definition);
    this.#services.add(service);
    for (const [name, definition] of methods) this.#register(serviceInterface, name, definition);
    this.#health.count(service.key, 1);
  }

  delete(service: ServedService): void {
    const { serviceInterface } = service.key;
    if (!this.#services.find(serviceInterface).includes(service)) return;
    this.#services.delete(service);
    for (const [name] of methodsOf(service)) this.#unregister(serviceInterface, name);
    this.#health.count(service.key, -1);
  }

  /** Tells every consumer that asks for health that this provider is leaving; calls are still served. */
  announceClosing(): void {
    this.#health.leave();
  }

  /** Tells the consumers, sends GOAWAY, waits for calls in flight, then closes the connections. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.announceClosing();
    this.#health.close();
    // GOAWAY: calls that came before it are finished, those after it were never seen and go elsewhere.
    this.#injector.destroy();
    this.#http.close();
    this.#http.closeIdleConnections();
    await this.#drained();
    this.#http.closeIdleConnections();
  }

  /** The last step: what is still open is ended, its calls learn that the provider is closing. */
  destroy(): void {
    this.#grpc.forceShutdown();
    this.#http.closeAllConnections();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#calls === 0) return resolve();
      const timer = this.runtime.clock.setTimeout(resolve, this.settings.drainMs);
      this.#onDrained = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #countCalls(change: 1 | -1): void {
    this.#calls += change;
    if (this.#calls === 0) this.#onDrained?.();
  }

  #requireSameKind(serviceInterface: string, name: string, { kind }: MethodDefinition): void {
    const registered = this.#paths.get(`/${serviceInterface}/${name}`);
    if (registered === undefined || registered.kind === kind) return;
    throw new ConfigError(
      "DEFINITION_INVALID",
      `${serviceInterface}.${name} is ${kind} here and ${registered.kind} in another version on the same port`,
    );
  }

  #register(serviceInterface: string, name: string, { kind }: MethodDefinition): void {
    const path = `/${serviceInterface}/${name}`;
    const registered = this.#paths.get(path);
    if (registered !== undefined) {
      registered.users += 1;
      return;
    }
    this.#paths.set(path, { kind, users: 1 });
    const handlers = new MethodHandlers(serviceInterface, name, this.#context);
    this.#grpc.register(path, handlers[kind], identity, identity, handlerTypes[kind]);
  }

  #unregister(serviceInterface: string, name: string): void {
    const path = `/${serviceInterface}/${name}`;
    const registered = this.#paths.get(path);
    if (registered === undefined) return;
    registered.users -= 1;
    if (registered.users > 0) return;
    this.#paths.delete(path);
    this.#grpc.unregister(path);
  }
}

/** All names that a service answers to: both cases of the first letter (rpc-protocols 3.1). */
function methodsOf({ definition }: ServedService): Map<string, MethodDefinition> {
  const methods = new Map<string, MethodDefinition>();
  for (const name of everywhere) methods.set(name, echoMethod);
  for (const [name, method] of Object.entries(definition.methods)) {
    const other = otherCase(name);
    if (!methods.has(other)) methods.set(other, method);
  }
  for (const [name, method] of Object.entries(definition.methods)) methods.set(name, method);
  return methods;
}

function otherCase(name: string): string {
  const first = name.charAt(0);
  const upper = first.toUpperCase();
  return (first === upper ? first.toLowerCase() : upper) + name.slice(1);
}

/** A port that is listened on, and the server behind it. */
export class TriplePort implements OpenPort {
  #closed: Promise<void> | undefined;

  private constructor(
    readonly server: TripleServer,
    private readonly lease: PortLease,
    private readonly runtime: Runtime,
  ) {}

  /** @throws {ConfigError} PORT_IN_USE, ADDRESS_INVALID, CONFIG_INVALID. */
  static async open(
    listen: ListenOptions,
    ports: Ports,
    settings: TripleSettings,
    runtime: Runtime,
  ): Promise<TriplePort> {
    const server = new TripleServer(settings, runtime);
    const { detectors } = server;
    const lease = await ports.join(listen, { protocol: "tri", detectors, tls: settings.tls.server });
    return new TriplePort(server, lease, runtime);
  }

  get port(): number {
    return this.lease.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #atMost(limitMs: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.runtime.clock.setTimeout(resolve, limitMs);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async #close(): Promise<void> {
    const left = this.lease.leave();
    await this.server[Symbol.asyncDispose]();
    if (this.server.idle) await this.#atMost(closeMs, left);
    this.server.destroy();
    this.lease.destroyConnections();
    await left;
  }
}
