import type { OnReadOpts, Socket } from "node:net";
import type { Clock, Environment, ServerAddress, Timer } from "./environment.js";
import { ZooKeeperError } from "./errors.js";
import { FrameSplitter, FrameTooLargeError, frame } from "./frames.js";
import { JuteWriter } from "./jute.js";
import {
  type ConnectRequest,
  type ConnectResponse,
  decodeConnectResponse,
  encodeConnectRequest,
  opcodes,
  xids,
} from "./records.js";
import { addressText } from "./server-list.js";

/** What {@link openLink} needs. */
export interface LinkOptions {
  readonly environment: Environment;
  readonly server: ServerAddress;
  readonly request: ConnectRequest;
  /** For the connection and the handshake together, in ms. */
  readonly handshakeMs: number;
  readonly maxFrameBytes: number;
  /** Ends the attempt; the link itself is ended by {@link Link.end}. */
  readonly signal: AbortSignal;
}

/** Who reads a link. */
interface LinkReader {
  onFrame(body: Buffer): void;
  /** Once, whoever ended it; nothing comes after. */
  onEnd(error: ZooKeeperError): void;
}

/** A connection whose handshake is done. */
export interface Link {
  readonly server: string;
  readonly response: ConnectResponse;
  /** Starts reading, and the heartbeat. Called once, in the turn in which the link is got. */
  read(reader: LinkReader): void;
  send(body: Uint8Array): void;
  end(error: ZooKeeperError): void;
}

const pingFrame = frame(new JuteWriter(8).int(xids.ping).int(opcodes.ping).finish());

/**
 * Connects and shakes hands.
 * @throws {ZooKeeperError} CONNECTION_LOSS: refused, cut, or silent until the deadline (a server that is starting
 *   may accept and never answer, so the next attempt takes a new socket); NOT_ZOOKEEPER: something else answered.
 */
export function openLink(options: LinkOptions): Promise<Link> {
  return new Promise((resolve, reject) => {
    const { environment, handshakeMs, signal } = options;
    const link = new SocketLink(options, (error) => {
      settled();
      if (error === undefined) resolve(link);
      else reject(error);
    });
    const giveUp = () => link.end(loss(`gave up connecting to ${link.server}`));
    const timer = environment.clock.setTimeout(
      () => link.end(loss(`no answer to the handshake from ${link.server} in ${Math.round(handshakeMs)} ms`)),
      handshakeMs,
    );
    const settled = () => {
      timer.cancel();
      signal.removeEventListener("abort", giveUp);
    };
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
}

class SocketLink implements Link {
  readonly server: string;
  readonly #socket: Socket;
  readonly #frames: FrameSplitter;
  readonly #clock: Clock;
  #response: ConnectResponse | undefined;
  #reader: LinkReader | undefined;
  #early: Buffer[] = [];
  #heartbeat: Heartbeat | undefined;
  #ended: ZooKeeperError | undefined;

  constructor(
    { environment, server, request, maxFrameBytes }: LinkOptions,
    private readonly onHandshake: (error?: ZooKeeperError) => void,
  ) {
    this.server = addressText(server);
    this.#clock = environment.clock;
    this.#frames = new FrameSplitter(maxFrameBytes);
    this.#socket = environment.connect(
      server,
      onReading((chunk) => this.#onData(chunk)),
    );
    this.#socket.setNoDelay(true);
    this.#socket.on("error", (cause) =>
      this.end(loss(`connection to ${this.server} failed: ${cause.message}`, cause)),
    );
    this.#socket.on("close", () => this.end(loss(`${this.server} closed the connection`)));
    this.#socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    this.#socket.write(frame(encodeConnectRequest(request)));
  }

  get response(): ConnectResponse {
    if (this.#response === undefined) throw new Error("the handshake is not done");
    return this.#response;
  }

  read(reader: LinkReader): void {
    this.#reader = reader;
    if (this.#ended !== undefined) return reader.onEnd(this.#ended);
    this.#heartbeat = new Heartbeat(this.#clock, this.response.timeoutMs, {
      ping: () => this.#socket.write(pingFrame),
      dead: (silentMs) => this.end(loss(`nothing heard from ${this.server} for ${Math.round(silentMs)} ms`)),
    });
    for (const body of this.#early.splice(0)) if (this.#ended === undefined) reader.onFrame(body);
  }

  send(body: Uint8Array): void {
    if (this.#ended !== undefined) return;
    this.#heartbeat?.sent();
    this.#socket.write(frame(body));
  }

  end(error: ZooKeeperError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#heartbeat?.stop();
    this.#socket.destroy();
    if (this.#response === undefined) this.onHandshake(error);
    this.#reader?.onEnd(error);
  }

  #onData(chunk: Buffer): void {
    this.#heartbeat?.heard();
    try {
      for (const body of this.#frames.push(chunk)) {
        if (this.#ended !== undefined) return;
        this.#onFrame(body);
      }
    } catch (cause) {
      this.end(this.#unreadable(cause));
    }
  }

  #onFrame(body: Buffer): void {
    if (this.#response === undefined) {
      this.#response = decodeConnectResponse(body);
      this.onHandshake();
    } else if (this.#reader === undefined) this.#early.push(body);
    else this.#reader.onFrame(body);
  }

  #unreadable(cause: unknown): ZooKeeperError {
    const why = { cause };
    if (this.#response === undefined)
      return new ZooKeeperError("NOT_ZOOKEEPER", `${this.server} is no ZooKeeper server`, undefined, why);
    if (cause instanceof FrameTooLargeError)
      return new ZooKeeperError("TOO_LARGE", `${this.server} answered ${cause.message}`, undefined, why);
    return loss(`${this.server} sent what cannot be read`, cause);
  }
}

/** Node makes 64 KiB for each reading otherwise: one buffer for all links serves as well, as what is read is copied at once. */
const scratch = new Uint8Array(64 * 1024);

function onReading(onData: (chunk: Buffer) => void): OnReadOpts {
  return {
    buffer: scratch,
    callback(bytes, buffer) {
      onData(Buffer.from(buffer.subarray(0, bytes)));
      return true;
    },
  };
}

/**
 * Pings when nothing was sent for a third of the session's time, and calls a link dead that gave no byte for two
 * thirds of it (registries B3).
 */
class Heartbeat {
  #sentMs: number;
  #heardMs: number;
  #timer: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly timeoutMs: number,
    private readonly on: { ping(): void; dead(silentMs: number): void },
  ) {
    this.#sentMs = clock.monotonicMs();
    this.#heardMs = this.#sentMs;
    this.#timer = this.#next(timeoutMs / 3);
  }

  sent(): void {
    this.#sentMs = this.clock.monotonicMs();
  }

  heard(): void {
    this.#heardMs = this.clock.monotonicMs();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #next(delayMs: number): Timer {
    const due = this.clock.monotonicMs() + delayMs;
    // The connection itself keeps the process alive.
    return this.clock.setTimeout(() => this.#tick(due), delayMs, { background: true });
  }

  #tick(dueMs: number): void {
    const now = this.clock.monotonicMs();
    const silentMs = now - this.#heardMs;
    // A program that was stalled runs its timers before it reads its sockets: answers may be waiting there.
    const stalled = now - dueMs > this.timeoutMs / 6;
    if (silentMs >= (this.timeoutMs * 2) / 3 && !stalled) return this.on.dead(silentMs);
    if (now - this.#sentMs >= this.timeoutMs / 3) {
      this.#sentMs = now;
      this.on.ping();
    }
    const untilDead = this.#heardMs + (this.timeoutMs * 2) / 3 - now;
    const untilPing = this.#sentMs + this.timeoutMs / 3 - now;
    this.#timer = this.#next(Math.max(stalled ? this.timeoutMs / 12 : 1, Math.min(untilDead, untilPing)));
  }
}

function loss(message: string, cause?: unknown): ZooKeeperError {
  return new ZooKeeperError(
    "CONNECTION_LOSS",
    message,
    undefined,
    cause === undefined ? undefined : { cause },
  );
}
