import { connect, createServer, type Server, type Socket } from "node:net";
import type { NacosOptions } from "./options.js";

/** Options for a client of `servers` that are gRPC addresses, with short times. */
export function quick(...servers: string[]): NacosOptions {
  return { servers, grpcPortOffset: 0, graceMs: 100, waitForServerMs: 3_000 };
}

/** Waits until `condition` gives something, and gives it back; fails with the last thing seen after `limitMs`. */
export async function until<T>(condition: () => T | Promise<T>, limitMs = 5_000): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`still ${String(value)}: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Reads `values` in the background. */
export class Reading<T> {
  readonly seen: T[] = [];
  readonly done: Promise<void>;

  constructor(values: AsyncIterable<T>) {
    this.done = this.#read(values);
  }

  get last(): T | undefined {
    return this.seen.at(-1);
  }

  async #read(values: AsyncIterable<T>): Promise<void> {
    for await (const value of values) this.seen.push(value);
  }
}

/** A proxy on loopback that can stop forwarding without closing, or cut. */
export class Proxy {
  /** Bytes are dropped, also those of new connections. */
  isBlackHole = false;
  readonly sockets = new Set<Socket>();
  #server: Server | undefined;
  address = "";

  async start(target: string): Promise<this> {
    const port = Number(target.split(":")[1]);
    this.#server = createServer((client) => this.#join(client, connect(port, "127.0.0.1")));
    await new Promise<void>((resolve) => this.#server?.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    this.address = typeof address === "object" && address ? `127.0.0.1:${address.port}` : "";
    return this;
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  stop(): void {
    this.#server?.close();
    this.cut();
  }

  #join(client: Socket, server: Socket): void {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.on("data", (bytes) => void (this.isBlackHole || to.write(bytes)));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
