import type { Socket } from "node:net";
import type { Clock } from "@dubbo-ts/core";

interface Transport {
  readonly id: string;
  readonly socket: Socket;
}

/**
 * The TCP connections of clients. A connection id belongs to one of them, given when it opens, and ends with it
 * (registries A1.3); unary calls and the stream are told apart by the address they come from.
 */
export class Transports {
  readonly #open = new Map<string, Transport>();
  readonly #clock: Clock;
  readonly #background: boolean;
  #inject: ((socket: Socket) => void) | undefined;
  #onEnd: ((peer: string) => void) | undefined;
  #closed = false;

  /** @param background true: sockets do not keep the process alive. */
  constructor(clock: Clock, background: boolean) {
    this.#clock = clock;
    this.#background = background;
  }

  /** Takes a socket; until {@link serve} is called it waits, unread. */
  accept(socket: Socket): void {
    socket.on("error", () => {}); // its close is all that matters
    if (this.#closed || socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    if (this.#background) socket.unref();
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const id = `${Math.floor(this.#clock.wallMs())}_${socket.remoteAddress}_${socket.remotePort}`;
    this.#open.set(peer, { id, socket });
    socket.once("close", () => {
      if (this.#open.get(peer)?.socket === socket) this.#open.delete(peer);
      this.#onEnd?.(peer);
    });
    this.#inject?.(socket);
  }

  /** Hands all sockets, those that wait and those to come, to `inject`; `onEnd` is told of each that ended. */
  serve(inject: (socket: Socket) => void, onEnd: (peer: string) => void): void {
    this.#inject = inject;
    this.#onEnd = onEnd;
    for (const { socket } of this.#open.values()) inject(socket);
  }

  /** The connection id of a peer, `ip:port`. */
  idOf(peer: string): string {
    return this.#open.get(peer)?.id ?? `0_${peer.replace(/:(\d+)$/, "_$1")}`;
  }

  /** Ends all, and whatever still comes. */
  destroy(): void {
    this.#closed = true;
    for (const { socket } of this.#open.values()) socket.destroy();
  }
}
