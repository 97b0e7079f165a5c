import type { Socket } from "node:net";
import type { Logger, Runtime } from "@dubbo-ts/core";
import type { ListenOptions, OpenPort, PortLease, Ports, WireDetector } from "@dubbo-ts/rpc";
import { BatchBuffers } from "./frame-writer.js";
import type { DubboSettings } from "./options.js";
import { ResponseEncoder } from "./response-encoder.js";
import { ServerConnection, type ServerContext } from "./server-connection.js";
import { ServiceTable } from "./service-table.js";
import { Sweep } from "@dubbo-ts/rpc";

/** How often connections are looked at; their time limits are kept to this. */
const sweepMs = 1_000;
/** How long peers may take to close their side after this one has closed its own. */
const closeMs = 1_000;

/** Serves the services of one port. Opens none itself: sockets are handed in, so that a port can be shared. */
export class DubboServer implements AsyncDisposable {
  readonly services = new ServiceTable();
  readonly #connections = new Set<ServerConnection>();
  readonly #sweep: Sweep;
  readonly #context: ServerContext;
  readonly #log: Logger;
  #closing = false;
  #calls = 0;
  #refused = 0;
  #onDrained: (() => void) | undefined;
  #onEmpty: (() => void) | undefined;
  #disposal: Promise<void> | undefined;

  constructor(
    private readonly settings: DubboSettings,
    private readonly runtime: Runtime,
  ) {
    const { clock, log } = runtime;
    this.#log = log;
    this.#sweep = new Sweep(clock, Math.min(sweepMs, settings.frameTimeoutMs, settings.heartbeatMs));
    this.#context = this.#shared();
  }

  /** Consumers of Java and Go connect when they refer to a service, and say nothing before the first call. */
  get detector(): WireDetector {
    const accept = (socket: Socket) => this.accept(socket);
    return { name: "dubbo", detect: detectDubbo, accept, takesSilent: true };
  }

  /** Serves a socket that speaks dubbo from here on; what was already read of it must have been unshifted. */
  accept(socket: Socket): void {
    if (this.#disposal !== undefined || this.#connections.size >= this.settings.maxConnections) {
      this.#refuse(socket);
      return;
    }
    this.#refused = 0;
    const connection = new ServerConnection(socket, this.#context);
    this.#connections.add(connection);
    this.#sweep.add(connection);
  }

  /** Tells every consumer, present and to come, that this provider is leaving; calls are still served. */
  announceClosing(): void {
    if (this.#closing) return;
    this.#closing = true;
    for (const connection of this.#connections) connection.announceClosing();
  }

  /** Tells the consumers, waits for calls in flight, then closes the connections. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.announceClosing();
    await this.#within(this.settings.drainMs, (done) => {
      if (this.#calls === 0) done();
      else this.#onDrained = done;
    });
    for (const connection of this.#connections) connection.close();
    await this.#within(Math.min(closeMs, this.settings.drainMs), (done) => {
      if (this.#connections.size === 0) done();
      else this.#onEmpty = done;
    });
    for (const connection of this.#connections) connection.destroy();
  }

  #within(limitMs: number, wait: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.runtime.clock.setTimeout(resolve, limitMs);
      wait(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #shared(): ServerContext {
    const { settings, services, runtime } = this;
    return {
      settings,
      services,
      encoder: new ResponseEncoder(settings.maxPayloadBytes),
      buffers: new BatchBuffers(),
      clock: runtime.clock,
      log: runtime.log,
      isClosing: () => this.#closing,
      onCalls: (change) => this.#countCalls(change),
      onClosed: (connection) => this.#forget(connection),
    };
  }

  #countCalls(change: number): void {
    this.#calls += change;
    if (this.#calls === 0) this.#onDrained?.();
  }

  #forget(connection: ServerConnection): void {
    this.#connections.delete(connection);
    this.#sweep.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #refuse(socket: Socket): void {
    socket.on("error", () => {});
    socket.destroy();
    this.#refused += 1;
    if (this.#refused === 1 && this.#disposal === undefined) {
      const { maxConnections } = this.settings;
      this.#log.warn({ maxConnections }, "dubbo connections are refused: there are too many");
    }
  }
}

/** A port that is listened on, and the server behind it. */
export class DubboPort implements OpenPort {
  #closed: Promise<void> | undefined;

  private constructor(
    readonly server: DubboServer,
    private readonly lease: PortLease,
  ) {}

  /** @throws {ConfigError} PORT_IN_USE, ADDRESS_INVALID, CONFIG_INVALID. */
  static async open(
    listen: ListenOptions,
    ports: Ports,
    settings: DubboSettings,
    runtime: Runtime,
  ): Promise<DubboPort> {
    const server = new DubboServer(settings, runtime);
    const detectors = [server.detector];
    const lease = await ports.join(listen, { protocol: "dubbo", detectors, tls: settings.tls.server });
    return new DubboPort(server, lease);
  }

  get port(): number {
    return this.lease.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const left = this.lease.leave();
    await this.server[Symbol.asyncDispose]();
    await left;
  }
}

/** The magic number that frames begin with (rpc-protocols 1.1). */
function detectDubbo(prefix: Buffer): boolean | undefined {
  if (prefix.length > 0 && prefix[0] !== 0xda) return false;
  return prefix.length < 2 ? undefined : prefix[1] === 0xbb;
}
