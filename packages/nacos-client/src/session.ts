import { setMaxListeners } from "node:events";
import { type Body, flagOf, textOf } from "./body.js";
import type { SecuredRequest } from "./credentials.js";
import { NacosError } from "./nacos-error.js";
import type { ServerAddress, Settings } from "./options.js";
import { type Push, PushStream } from "./push-stream.js";
import { bodyOfReply, refusal, type Reply, toReply } from "./reply.js";
import { type CallOptions, Transport } from "./transport.js";
import { pause } from "./waiting.js";

/** The part of the server that a client uses: each has a connection of its own (registries A1.3). */
export type NacosModule = "naming" | "config";

/** What a session tells its owner. Called synchronously; must not throw. */
export interface SessionOwner {
  /** NotifySubscriber, ConfigChangeNotify and the like. It is acknowledged afterwards. */
  onPush(push: Push, session: Session): void;
  /** The server wants this client elsewhere; `recommended` is `host:port`, as in the list of servers. */
  onReset(session: Session, recommended: string | undefined): void;
  /** Once. */
  onEnd(session: Session, reason: NacosError): void;
}

/**
 * One HTTP/2 transport, which is what Nacos takes for a client's identity (registries A1.3). It is never
 * reused: when its stream ends, whatever the status, it is dead, since gRPC would connect again silently
 * and the server would not know the new transport.
 */
export class Session {
  /** When it was set up, by the monotonic clock. */
  readonly openedAtMs: number;
  readonly #over = new AbortController();
  readonly #health: Promise<void>;

  private constructor(
    private readonly transport: Transport,
    readonly module: NacosModule,
    /** Assigned by the server. */
    readonly connectionId: string,
    private readonly settings: Settings,
    private readonly owner: SessionOwner,
  ) {
    setMaxListeners(0, this.#over.signal);
    this.openedAtMs = settings.environment.clock.monotonicMs();
    this.#health = this.#watchHealth();
  }

  /**
   * Connects and sets up: registries A1.4.
   * @throws {NacosError} UNAVAILABLE, TIMEOUT, NOT_NACOS, REFUSED (300: starting). @throws `signal.reason` when that aborts.
   */
  static async open(
    server: ServerAddress,
    module: NacosModule,
    settings: Settings,
    owner: SessionOwner,
    signal: AbortSignal,
  ): Promise<Session> {
    const transport = new Transport(server, settings);
    try {
      const check = await serverCheck(transport, signal);
      const stream = new PushStream(transport, settings);
      await stream.setUp(module, flagOf(check, "supportAbilityNegotiation"), signal);
      const session = new Session(transport, module, textOf(check, "connectionId"), settings, owner);
      stream.attach({
        onPush: (push) => session.isOpen && owner.onPush(push, session),
        onReset: (recommended) => session.isOpen && owner.onReset(session, recommended),
        onEnd: (reason) => session.end(reason),
      });
      return session;
    } catch (error) {
      transport.close();
      throw error;
    }
  }

  get server(): ServerAddress {
    return this.transport.server;
  }

  /** Aborts when the session is over. Any number may listen. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** False for good once it is over. */
  get isOpen(): boolean {
    return !this.#over.signal.aborted;
  }

  /** Milliseconds since it was set up. */
  get ageMs(): number {
    return this.settings.environment.clock.monotonicMs() - this.openedAtMs;
  }

  /**
   * One request, one answer, with the credentials' headers; once more after a 403 if they say so. An answer 301
   * ends the session. What the server refuses otherwise is a {@link Reply} too.
   * @throws {NacosError} UNAVAILABLE, TIMEOUT, INVALID. @throws `signal.reason` when that aborts.
   */
  async call(type: string, body: Body, options: CallOptions = {}): Promise<Reply> {
    const { credentials } = this.settings;
    if (credentials === undefined) return await this.#send(type, body, options);
    const signal = options.signal ?? this.signal;
    const request: SecuredRequest = { module: this.module, type, body, server: this.server };
    const attempt = async () => {
      const secured = await credentials.headers(request, signal);
      return await this.#send(type, body, { ...options, headers: { ...secured, ...options.headers } });
    };
    const reply = await attempt();
    return reply.errorCode === 403 && (await credentials.refused(request, signal)) ? await attempt() : reply;
  }

  async #send(type: string, body: Body, options: CallOptions): Promise<Reply> {
    if (!this.isOpen) throw this.signal.reason;
    const reply = toReply(await this.transport.call(type, { module: this.module, ...body }, options));
    if (reply.errorCode !== 301) return reply;
    const text = `${this.server.name} does not know this connection`;
    const reason = new NacosError("UNAVAILABLE", text, { serverCode: 301 });
    this.end(reason);
    throw reason;
  }

  /** Ends it for `reason`. A second time does nothing. */
  end(reason: NacosError): void {
    if (!this.isOpen) return;
    this.#over.abort(reason);
    this.transport.close();
    this.owner.onEnd(this, reason);
  }

  /** Resolves when nothing of it runs any more; end it first. */
  ended(): Promise<void> {
    return this.#health;
  }

  /**
   * Every few seconds whatever else happens: a silent connection may be cut although it answers every detection
   * (nacos-server 8, A1.8).
   */
  async #watchHealth(): Promise<void> {
    const { environment, healthCheckMs } = this.settings;
    while (this.isOpen) {
      await pause(environment.clock, healthCheckMs, [this.signal], { background: true });
      await this.#checkHealth();
    }
  }

  async #checkHealth(): Promise<void> {
    const { environment, healthTimeoutMs: timeoutMs } = this.settings;
    for (let triesLeft = 2; this.isOpen; triesLeft -= 1) {
      try {
        const options = { timeoutMs, signal: this.signal };
        bodyOfReply(await this.#send("HealthCheckRequest", { module: "internal" }, options), "health check");
        return;
      } catch (cause) {
        const text = `${this.server.name} failed three health checks`;
        if (triesLeft === 0) this.end(new NacosError("UNAVAILABLE", text, { cause }));
      }
      await pause(environment.clock, environment.random() * 500, [this.signal], { background: true });
    }
  }
}

async function serverCheck(transport: Transport, signal: AbortSignal): Promise<Body> {
  const reply = toReply(await transport.call("ServerCheckRequest", { module: "internal" }, { signal }));
  const what = `connecting to ${transport.server.name}`;
  if (reply.ok) return reply.body;
  // Only a Nacos server that starts has a reason to refuse this; a foreign service answers something else.
  if (reply.errorCode === 300) throw refusal(reply, what);
  throw new NacosError("NOT_NACOS", `${what}: ${reply.message || reply.type}`, {
    serverCode: reply.errorCode,
  });
}
