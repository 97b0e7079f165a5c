import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * What a {@link FaultProxy} does with connections.
 * - `pass`: hands bytes through.
 * - `blackhole`: connections stay open and new ones are accepted, but nothing gets through, not even their end.
 *   What was held back arrives when it heals, as TCP would send it again.
 * - `cut`: closes every connection at once, new ones too.
 * - `refuse`: closes every connection, and does not listen.
 * - `delayMs`: hands bytes through so much later.
 */
export type FaultMode = "pass" | "blackhole" | "cut" | "refuse" | { readonly delayMs: number };

/** Where a proxy leads. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** A TCP proxy on 127.0.0.1 that can be told to misbehave. Disposing it closes all connections. */
export interface FaultProxy extends AsyncDisposable {
  /** The same for its whole life, whatever the mode. */
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Where further connections lead. */
  target: ProxyTarget;
  readonly mode: FaultMode;
  /** How many connections were accepted so far. */
  readonly accepted: number;
  /** How many are open now. */
  readonly open: number;
  /** Resolves when the new mode is in force. */
  setMode(mode: FaultMode): Promise<void>;
  /** Closes the connections that are open, once; the mode stays. */
  cut(): void;
}

/**
 * Starts a {@link FaultProxy} in mode `pass`.
 * @param port default 0: one that is free.
 */
export async function faultProxy(target: ProxyTarget, port = 0): Promise<FaultProxy> {
  const proxy = new TcpFaultProxy(target, port);
  await proxy.listen();
  return proxy;
}

class TcpFaultProxy implements FaultProxy {
  target: ProxyTarget;
  #port: number;
  #mode: FaultMode = "pass";
  #accepted = 0;
  #server: Server | undefined;
  readonly #pipes = new Set<Pipe>();

  constructor(target: ProxyTarget, port: number) {
    this.target = target;
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get mode(): FaultMode {
    return this.#mode;
  }

  get accepted(): number {
    return this.#accepted;
  }

  get open(): number {
    return this.#pipes.size;
  }

  async listen(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#onConnection(socket));
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  async setMode(mode: FaultMode): Promise<void> {
    this.#mode = mode;
    if (mode === "cut" || mode === "refuse") this.cut();
    if (mode === "refuse") await this.#unlisten();
    else if (this.#server === undefined) await this.listen();
    for (const pipe of this.#pipes) pipe.apply(mode);
  }

  cut(): void {
    for (const pipe of this.#pipes) pipe.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await this.#unlisten();
  }

  async #unlisten(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise((resolve) => server.close(resolve));
  }

  #onConnection(socket: Socket): void {
    this.#accepted += 1;
    if (this.#mode === "cut" || this.#mode === "refuse") {
      socket.destroy();
      return;
    }
    const pipe = new Pipe(
      socket,
      () => connect({ ...this.target, noDelay: true }),
      () => this.#pipes.delete(pipe),
    );
    this.#pipes.add(pipe);
    pipe.apply(this.#mode);
  }
}

/** One connection and its continuation, which is opened as soon as anything may pass. */
class Pipe {
  #upstream: Socket | undefined;
  #delayMs = 0;
  #held: (() => void)[] | undefined = [];
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly downstream: Socket,
    private readonly open: () => Socket,
    private readonly onGone: () => void,
  ) {
    // Read before the other side is there: the end of a connection that never spoke is to be noticed as well.
    this.#connect(downstream, () => this.#upstream);
  }

  apply(mode: FaultMode): void {
    this.#delayMs = typeof mode === "object" ? mode.delayMs : 0;
    if (mode === "blackhole") {
      this.#held ??= [];
      return;
    }
    if (this.#upstream === undefined) {
      this.#upstream = this.open();
      this.#connect(this.#upstream, () => this.downstream);
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const act of held) act();
  }

  destroy(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.downstream.destroy();
    this.#upstream?.destroy();
    this.onGone();
  }

  #connect(from: Socket, to: () => Socket | undefined): void {
    from.on("data", (chunk: Buffer) => this.#pass(() => to()?.write(chunk)));
    from.on("error", () => {});
    from.on("close", () => this.#pass(() => this.destroy()));
  }

  #pass(act: () => void): void {
    if (this.#held !== undefined) this.#held.push(act);
    else if (this.#delayMs === 0) act();
    else this.#later(act);
  }

  #later(act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, this.#delayMs);
    this.#timers.add(timer);
  }
}
