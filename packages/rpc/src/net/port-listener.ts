import type { AddressInfo, Server, Socket } from "node:net";
import { ConfigError, type Runtime, type Timer } from "@dubbo-ts/core";
import type { ListenOptions } from "../protocol.js";
import type { OpenPort } from "./shared-ports.js";

/** Knows one wire format by its first bytes, and serves the connections that speak it. */
export interface WireDetector {
  /** For log lines: `http/2`. */
  readonly name: string;
  /** Whether a connection that begins with `prefix` is one; undefined: more bytes are needed. */
  detect(prefix: Buffer): boolean | undefined;
  /** Takes the socket over, with the bytes that were looked at still to be read. */
  accept(socket: Socket): void;
}

/** Settings of a {@link PortListener}. */
export interface PortListenerOptions {
  /** The formats that are spoken on the port; the first that claims a connection gets it. */
  readonly detectors: readonly WireDetector[];
  /** Connections that have not shown what they speak; those beyond it are closed. Default 1,000. */
  readonly maxUndetected?: number;
  /** How long a connection may take to show it. Default 5,000 ms. */
  readonly detectMs?: number;
  /** Open connections of all formats; those beyond it are closed. Default 10,000. */
  readonly maxConnections?: number;
}

/** No format needs more bytes than this to be known (HTTP/2's preface has 24). */
const maxPrefixBytes = 64;

/**
 * One port for several wire formats: the first bytes of a connection decide whose it is (rpc-protocols 4). What
 * nobody knows is closed, and so is what stays silent.
 */
export class PortListener implements OpenPort {
  readonly #undetected = new Map<Socket, Timer>();
  readonly #sockets = new Set<Socket>();
  readonly #options: Required<PortListenerOptions>;
  readonly #listener: Server;
  #refusing = false;
  #closed: Promise<void> | undefined;

  private constructor(
    options: PortListenerOptions,
    private readonly protocol: string,
    private readonly runtime: Runtime,
  ) {
    this.#options = { maxUndetected: 1_000, detectMs: 5_000, maxConnections: 10_000, ...options };
    this.#listener = runtime.network.createServer({ noDelay: true }, (socket) => this.#onConnection(socket));
  }

  /**
   * Opens a port.
   * @param protocol for messages.
   * @throws {ConfigError} PORT_IN_USE; ADDRESS_INVALID: the address is none of this machine, or not allowed.
   */
  static async open(
    listen: ListenOptions,
    options: PortListenerOptions,
    protocol: string,
    runtime: Runtime,
  ): Promise<PortListener> {
    const opened = new PortListener(options, protocol, runtime);
    await opened.#listen(listen);
    return opened;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Lets a decrypted connection in, whose format is to be found out like that of a plain one. */
  detect(socket: Socket): void {
    if (this.#undetected.size >= this.#options.maxUndetected) return this.#refuse(socket, "undetected");
    const timer = this.runtime.clock.setTimeout(() => socket.destroy(), this.#options.detectMs, {
      background: true,
    });
    this.#undetected.set(socket, timer);
    const chunks: Buffer[] = [];
    const onReadable = () => {
      for (let chunk = readOf(socket); chunk !== null; chunk = readOf(socket)) chunks.push(chunk);
      if (socket.readableEnded) return void socket.destroy();
      const prefix = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const detector = this.#detectorOf(prefix);
      if (detector === undefined && prefix.length < maxPrefixBytes && this.#needsMore(prefix)) return;
      socket.off("readable", onReadable);
      this.#decided(socket);
      if (detector === undefined) return this.#unknown(socket, prefix);
      socket.unshift(prefix);
      detector.accept(socket);
    };
    socket.on("readable", onReadable);
    socket.once("close", () => this.#decided(socket));
  }

  /** Closes the port and what has not shown its format; the others belong to their formats. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#listener.close(() => resolve());
      for (const socket of this.#undetected.keys()) socket.destroy();
    });
    return this.#closed;
  }

  /** Destroys every connection, whoever has it: the last step of a stop. */
  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #onConnection(socket: Socket): void {
    socket.on("error", () => {}); // whoever takes the socket over hears of it too
    if (this.#sockets.size >= this.#options.maxConnections) return this.#refuse(socket, "connections");
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.detect(socket);
  }

  #detectorOf(prefix: Buffer): WireDetector | undefined {
    return this.#options.detectors.find((detector) => detector.detect(prefix) === true);
  }

  #needsMore(prefix: Buffer): boolean {
    return this.#options.detectors.some((detector) => detector.detect(prefix) === undefined);
  }

  #decided(socket: Socket): void {
    this.#undetected.get(socket)?.cancel();
    if (!this.#undetected.delete(socket)) return;
    this.#refusing = false;
  }

  #unknown(socket: Socket, prefix: Buffer): void {
    const begins = prefix.subarray(0, 16).toString("hex");
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.runtime.log.warn(
      { peer, begins, code: "FRAME_INVALID" },
      `${this.protocol} connection closed: unknown format`,
    );
    socket.destroy();
  }

  #refuse(socket: Socket, why: string): void {
    socket.destroy();
    if (this.#refusing) return;
    this.#refusing = true;
    const { maxConnections, maxUndetected } = this.#options;
    this.runtime.log.warn(
      { maxConnections, maxUndetected, why },
      `${this.protocol} connections are refused: there are too many`,
    );
  }

  #listen({ host, port }: ListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => reject(this.#listenError(error, host, port));
      this.#listener.once("error", onError);
      this.#listener.listen({ port, host, exclusive: true }, () => {
        this.#listener.removeListener("error", onError);
        this.#listener.on("error", (error) =>
          this.runtime.log.warn({ error: error.message }, `${this.protocol} port: accepting failed`),
        );
        resolve();
      });
    });
  }

  #listenError(cause: NodeJS.ErrnoException, host: string | undefined, port: number): ConfigError {
    const where = `${host ?? "*"}:${port}`;
    if (cause.code === "EADDRINUSE") {
      const message = `${this.protocol} cannot listen on ${where}: the port is in use`;
      return new ConfigError("PORT_IN_USE", message, { cause });
    }
    const message = `${this.protocol} cannot listen on ${where}: ${cause.message}`;
    return new ConfigError("ADDRESS_INVALID", message, { cause });
  }
}

function readOf(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
