import { setMaxListeners } from "node:events";
import type { Body } from "./body.js";
import type { SecuredRequest } from "./credentials.js";
import { httpApi } from "./http/http-api.js";
import { type Link, type NacosModule, openLink, speaksGrpc } from "./link.js";
import { NacosError } from "./nacos-error.js";
import type { ServerAddress, Settings } from "./options.js";
import type { Push } from "./push-stream.js";
import { bodyOfReply, type Reply, toReply } from "./reply.js";
import { securedCall } from "./secured-call.js";
import { Slots } from "./slots.js";
import type { CallOptions } from "./transport.js";
import { jitteredMs, pause } from "./waiting.js";

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

  readonly #upgrade: Promise<void>;
  readonly #slots: Slots;

  private constructor(
    private readonly link: Link,
    readonly module: NacosModule,
    private readonly settings: Settings,
    private readonly owner: SessionOwner,
  ) {
    setMaxListeners(0, this.#over.signal);
    this.#slots = new Slots(settings.maxInFlight);
    this.openedAtMs = settings.environment.clock.monotonicMs();
    this.#health = this.#watchHealth();
    this.#upgrade = this.#watchForGrpc();
  }

  /**
   * Connects and sets up.
   * @throws {NacosError} UNAVAILABLE, TIMEOUT, NOT_NACOS, REFUSED (300: starting), UNSUPPORTED. @throws `signal.reason` when that aborts.
   */
  static async open(
    server: ServerAddress,
    module: NacosModule,
    settings: Settings,
    owner: SessionOwner,
    signal: AbortSignal,
  ): Promise<Session> {
    const link = await openLink(server, module, settings, signal);
    const session = new Session(link, module, settings, owner);
    link.attach({
      onPush: (push) => session.isOpen && owner.onPush(push, session),
      onReset: (recommended) => session.isOpen && owner.onReset(session, recommended),
      onEnd: (reason) => session.end(reason),
    });
    return session;
  }

  /** Assigned by the server. */
  get connectionId(): string {
    return this.link.connectionId;
  }

  get protocol(): Link["protocol"] {
    return this.link.protocol;
  }

  get server(): ServerAddress {
    return this.link.server;
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
   * One request, one answer, with the credentials' headers; once more after a 403 if they say so. Waits while
   * `maxInFlight` others have no answer yet: its time limit counts from when it is sent. An answer 301 ends the session. What the server refuses otherwise is a {@link Reply} too.
   * @throws {NacosError} UNAVAILABLE, TIMEOUT, INVALID. @throws `signal.reason` when that aborts.
   */
  async call(type: string, body: Body, options: CallOptions = {}): Promise<Reply> {
    const { credentials } = this.settings;
    const signals = [options.signal ?? this.signal, this.signal] as const;
    const reply = await securedCall<Reply>(
      {
        credentials,
        request: () => this.#secured(type, body),
        send: (sent) => {
          const sending = { ...options, headers: { ...sent, ...options.headers } };
          return this.#slots.run(() => this.#send(type, body, sending), signals);
        },
        refusalIn: ({ errorCode, message }) => (errorCode === 403 ? message : undefined),
      },
      signals,
    );
    const problem = reply.errorCode === 403 ? credentials?.problem : undefined;
    return problem === undefined ? reply : { ...reply, message: `${reply.message} (${problem})` };
  }

  #secured(type: string, body: Body): SecuredRequest {
    const { tls, environment, appName } = this.settings;
    const http = httpApi(this.server, tls, environment);
    return { module: this.module, type, body, server: this.server, appName, http, tls };
  }

  async #send(type: string, body: Body, options: CallOptions): Promise<Reply> {
    if (!this.isOpen) throw this.signal.reason;
    const reply = toReply(await this.link.call(type, { module: this.module, ...body }, options));
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
    this.link.close();
    this.owner.onEnd(this, reason);
  }

  /** Resolves when nothing of it runs any more; end it first. */
  async ended(): Promise<void> {
    await Promise.all([this.#health, this.#upgrade, this.link.ended()]);
  }

  /** HTTP was taken because there was no gRPC; a server that was replaced by a newer one has it. */
  async #watchForGrpc(): Promise<void> {
    const { environment, transport, resyncMs } = this.settings;
    if (this.protocol === "grpc" || transport !== "auto") return;
    while (this.isOpen) {
      await pause(environment.clock, jitteredMs(resyncMs, environment), [this.signal], { background: true });
      if (this.isOpen && (await speaksGrpc(this.server, this.module, this.settings, this.signal)))
        this.owner.onReset(this, this.server.name);
    }
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
