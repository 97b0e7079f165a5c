import type { Socket } from "node:net";
import { abortable, type Clock, type Runtime, type Timer } from "@dubbo-ts/core";
import { AbstractConnector, Redis } from "ioredis";
import { faultOf, RedisFault } from "./fault.js";
import { nodeText, type RedisNode } from "./redis-address.js";
import type { RedisTls } from "./redis-tls.js";
import { openSocket } from "./socket.js";

/** What Redis answers, by RESP 2. */
export type Reply = string | number | null | readonly Reply[];

/** A command and its arguments. */
export type Command = readonly [name: string, ...args: (string | number)[]];

/** How a {@link Link} is opened. */
export interface LinkOptions {
  readonly tls: RedisTls | undefined;
  /** A link without a sign of life for about so long is closed. */
  readonly livenessMs: number;
}

/**
 * One connection of ioredis, which ends for good when anything is wrong with it: whoever needs one opens another.
 * ioredis would reconnect by itself, but a handshake that is never answered holds it for ever (registries D2), and
 * what it sends again after a reconnect must not be sent again in a transaction. So its own reconnecting, queues and
 * handshake are off, and every link has a watchdog.
 */
export class Link {
  readonly #closed = new AbortController();
  readonly #watchdog: Watchdog;
  /** Why the link is about to end. */
  #failure: RedisFault | undefined;

  private constructor(
    readonly node: RedisNode,
    private readonly redis: Redis,
    socket: Socket,
    clock: Clock,
    livenessMs: number,
  ) {
    redis.on("error", (error: Error) => (this.#failure ??= faultOf(error)));
    redis.on("end", () => this.close(this.#failure ?? this.#lost("the connection was closed")));
    this.#watchdog = new Watchdog(socket, clock, livenessMs, {
      ask: () => void redis.call("ping").catch(() => {}),
      onDead: () => this.close(this.#lost(`no sign of life for ${livenessMs} ms`)),
    });
  }

  /** Connects; nothing is sent yet. @throws {RedisFault}, or the reason of `signal`. */
  static async open(
    node: RedisNode,
    { tls, livenessMs }: LinkOptions,
    { network, clock }: Runtime,
    signal: AbortSignal,
  ): Promise<Link> {
    const socket = await openSocket(node, tls, network, signal);
    const redis = onSocket(socket);
    const link = new Link(node, redis, socket, clock, livenessMs);
    try {
      await abortable(redis.connect(), signal);
      return link;
    } catch (error) {
      link.close(faultOf(error));
      throw signal.aborted ? error : faultOf(error);
    }
  }

  /** Aborts when the link has ended, with the fault as its reason. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Sends a command; those sent one after the other are answered in that order. @throws {RedisFault}, or the reason of `signal`. */
  async call([name, ...args]: Command, signal: AbortSignal): Promise<Reply> {
    if (this.closed.aborted) throw this.closed.reason;
    try {
      return (await abortable(this.redis.call(name, args), signal)) as Reply;
    } catch (error) {
      if (signal.aborted) throw error;
      throw this.closed.aborted ? this.closed.reason : (this.#failure ?? faultOf(error));
    }
  }

  /** From now on this link hears `channels`, and can do little else. @throws as {@link Link.call}. */
  async subscribe(channels: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await abortable(this.redis.subscribe(...channels), signal);
    } catch (error) {
      throw signal.aborted ? error : (this.#failure ?? faultOf(error));
    }
  }

  /** Calls `listener` with each message that comes. */
  onMessage(listener: (channel: string, message: string) => void): void {
    this.redis.on("message", listener);
  }

  /** Ends it at once; commands that were not answered fail. A second time does nothing. */
  close(reason: unknown = this.#lost("the connection is closed")): void {
    if (this.#closed.signal.aborted) return;
    this.#watchdog.stop();
    this.#closed.abort(reason);
    this.redis.disconnect();
  }

  #lost(why: string): RedisFault {
    return new RedisFault("lost", `${nodeText(this.node)}: ${why}`);
  }
}

/** ioredis on a socket that is connected already. */
function onSocket(socket: Socket): Redis {
  class Connected extends AbstractConnector {
    constructor() {
      super(0);
    }
    override async connect(): Promise<Socket> {
      return socket;
    }
    override disconnect(): void {
      socket.destroy();
    }
  }
  return new Redis({
    Connector: Connected,
    lazyConnect: true,
    protocol: 2,
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
  });
}

/** Asks for a sign of life when none came for a while, and tells when none comes in spite of that. */
class Watchdog {
  #timer: Timer | undefined;
  #bytesSeen = 0;
  #silentTicks = 0;

  constructor(
    private readonly socket: Socket,
    private readonly clock: Clock,
    livenessMs: number,
    private readonly events: { readonly ask: () => void; readonly onDead: () => void },
  ) {
    this.#next(livenessMs * 0.4);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Counts ticks, not time: a process that was stopped for a while has not read yet what is waiting for it. */
  #next(tickMs: number): void {
    const tick = () => {
      const { bytesRead } = this.socket;
      this.#silentTicks = bytesRead === this.#bytesSeen ? this.#silentTicks + 1 : 0;
      this.#bytesSeen = bytesRead;
      if (this.#silentTicks > 2) return this.events.onDead();
      if (this.#silentTicks > 0) this.events.ask();
      this.#next(tickMs);
    };
    this.#timer = this.clock.setTimeout(tick, tickMs, { background: true });
  }
}
