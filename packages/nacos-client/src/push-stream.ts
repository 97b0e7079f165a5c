import { type Body, numberOf, textOf } from "./body.js";
import { NacosError, plainReason } from "./nacos-error.js";
import type { Settings } from "./options.js";
import { toReply } from "./reply.js";
import type { PayloadStream, Transport } from "./transport.js";
import { pause } from "./waiting.js";
import type { Payload } from "./wire.js";

/** A message that a server sent on its own account. */
export interface Push {
  readonly type: string;
  readonly body: Body;
}

/** What a stream tells its owner. Called synchronously; must not throw. */
export interface PushHandler {
  /** Whatever is not answered here. It is acknowledged afterwards. */
  onPush(push: Push): void;
  /** ConnectReset: the server wants this client elsewhere. `recommended` is `host:port`, as in the list of servers. */
  onReset(recommended: string | undefined): void;
  /** Once. */
  onEnd(reason: NacosError): void;
}

/** An ack comes within 30 ms; a server that promised one and sends none is asked for its health instead. */
const ackPatienceMs = 1_000;
const setUpLimitMs = 5_000;
/** A server has nothing to push before anybody has asked for anything: one that does so all the same is not heard out. */
const mostEarly = 1_000;

/** The stream of a session: it sets the connection up, and acknowledges all that the server pushes. */
export class PushStream {
  readonly #stream: PayloadStream;
  readonly #acknowledged = new AbortController();
  readonly #broken = new AbortController();
  #handler: PushHandler | undefined;
  #early: Push[] = [];

  constructor(
    private readonly transport: Transport,
    private readonly settings: Settings,
  ) {
    this.#stream = transport.openStream();
    this.#stream.on("data", (payload: Payload) => this.#receive(payload));
    this.#stream.on("error", (cause) => this.#end(cause));
    this.#stream.on("end", () => this.#end(undefined));
  }

  /**
   * Resolves when the server has registered the connection: registries A1.4, steps 2 and 3.
   * @param negotiates whether ServerCheck promised a SetupAck.
   */
  async setUp(module: string, negotiates: boolean, signal: AbortSignal): Promise<void> {
    const { clientVersion, namespace: tenant, labels, appName, environment, tls } = this.settings;
    this.#write("ConnectionSetupRequest", {
      requestId: "",
      module: "internal",
      headers: {},
      clientVersion,
      tenant,
      labels: { ...labels, source: "sdk", module, AppName: appName, "tls.enable": String(tls !== undefined) },
      abilityTable: {}, // never left out: without it there is no SetupAck (A1.4)
    });
    const signals = [this.#acknowledged.signal, this.#broken.signal, signal];
    if (negotiates) await pause(environment.clock, ackPatienceMs, signals);
    if (!this.#acknowledged.signal.aborted) await this.#pollHealth(signals, signal);
    this.#broken.signal.throwIfAborted();
    signal.throwIfAborted();
  }

  /** From now on what comes goes to `handler`, and what came already. */
  attach(handler: PushHandler): void {
    this.#handler = handler;
    for (const push of this.#early) handler.onPush(push);
    this.#early = [];
    if (this.#broken.signal.aborted) handler.onEnd(this.#broken.signal.reason as NacosError);
  }

  /** For servers that send no SetupAck: 2.2 and older, r-nacos. 301 means: not registered yet. */
  async #pollHealth([acknowledged, ...aborting]: AbortSignal[], signal: AbortSignal): Promise<void> {
    const { clock } = this.settings.environment;
    const timeoutMs = this.settings.healthTimeoutMs;
    const until = clock.monotonicMs() + setUpLimitMs;
    while (acknowledged?.aborted === false && clock.monotonicMs() < until) {
      for (const reason of aborting) reason.throwIfAborted();
      const answer = this.transport.call("HealthCheckRequest", { module: "internal" }, { timeoutMs, signal });
      if (toReply(await answer).ok) return;
      await pause(clock, 20, [acknowledged, ...aborting]);
    }
    if (acknowledged?.aborted) return;
    throw new NacosError("TIMEOUT", `${this.transport.server.name} did not register the connection`);
  }

  #receive({ type, body = {} }: Payload): void {
    if (type === "SetupAckRequest") return this.#acknowledged.abort();
    if (type === "ConnectResetRequest") this.#reset(body);
    else if (type !== "ClientDetectionRequest") this.#push({ type, body });
    this.#acknowledge(type, body);
  }

  #push(push: Push): void {
    if (this.#handler !== undefined) this.#handler.onPush(push);
    else if (this.#early.length < mostEarly) this.#early.push(push);
    else this.#end(new Error("the server pushes before the connection is set up"));
  }

  #reset(body: Body): void {
    const [host, port] = [textOf(body, "serverIp"), numberOf(body, "serverPort")];
    this.#handler?.onReset(host !== "" && port > 0 ? `${host}:${port}` : undefined);
  }

  /** Always, also for what nobody knows: a server that hears nothing cuts the connection at last (A1.7). */
  #acknowledge(type: string, body: Body): void {
    if (!type.endsWith("Request")) return;
    const requestId = textOf(body, "requestId");
    const extra = type === "ClientConfigMetricRequest" ? { metrics: {} } : {};
    const answer = { resultCode: 200, errorCode: 0, requestId, success: true, ...extra };
    this.#write(type.replace(/Request$/, "Response"), answer);
  }

  /** A server that pushes and does not take the answers is not read any further until it has. */
  #write(type: string, body: Body): void {
    if (this.#broken.signal.aborted || this.#stream.write({ type, headers: {}, body })) return;
    if (this.#stream.isPaused()) return;
    this.#stream.pause();
    this.#stream.once("drain", () => this.#stream.resume());
  }

  /** Also when it ends with OK: the server has unregistered the connection (nacos-server 6). */
  #end(cause: unknown): void {
    if (this.#broken.signal.aborted) return;
    const why = cause instanceof Error ? plainReason(cause.message) : "the server ended the stream";
    const reason = new NacosError("UNAVAILABLE", `${this.transport.server.name}: ${why}`, { cause });
    this.#broken.abort(reason);
    this.#handler?.onEnd(reason);
  }
}
