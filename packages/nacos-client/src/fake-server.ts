import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import { type Body, bodiesOf, bodyOf, flagOf, numberOf, textOf } from "./body.js";
import { md5Of } from "./config-key.js";
import { nacosService, type Payload } from "./wire.js";

type Stream = ServerDuplexStream<Payload, Payload>;

/** One client, as the server sees it: a transport. */
export interface FakeConnection {
  readonly id: string;
  readonly setUp: Body;
  readonly stream: Stream;
  readonly published: Map<string, readonly Body[]>;
  readonly subscribed: Set<string>;
  readonly listened: Map<string, string>;
}

/** A request that came in. */
export interface FakeRequest {
  readonly type: string;
  readonly body: Body;
  readonly headers: Readonly<Record<string, string>>;
  readonly connectionId: string;
}

/** What a test makes of a request: an answer of its own, silence, or `undefined`: as usual. */
export type Intercept = (
  request: FakeRequest,
) => Partial<Payload> | "silence" | undefined | Promise<undefined>;

/**
 * A Nacos server for tests of the client: what nacos-server.md 7 recorded, without cluster, checks and users.
 * Everything that can be had wrong is a field.
 */
export class FakeServer {
  /** Answers in place of the server. */
  intercept: Intercept = () => undefined;
  /** Every request in order, health checks included. */
  readonly requests: FakeRequest[] = [];
  /** Answers that clients sent to pushes. */
  readonly answers: Payload[] = [];
  readonly connections = new Map<string, FakeConnection>();
  /** What can be read. */
  readonly configs = new Map<string, string>();
  /** What was written and is not readable yet. */
  readonly #rows = new Map<string, string>();
  /** Like Nacos 2.2 and r-nacos when false. */
  negotiates = true;
  sendsAck = true;
  pushDelayMs = 5;
  clockOffsetMs = 0;
  /** How long a publish stays unreadable. */
  configDelayMs = 0;
  /** Config changes are not pushed. */
  losesPushes = false;
  #server = new Server();
  #isRunning = false;
  #port = 0;
  #pushes = 0;
  #lastTime = 0;
  readonly #pending = new Set<NodeJS.Timeout>();

  /** Listens on a free port, or on the one that it had. */
  async start(): Promise<this> {
    if (this.#isRunning) return this;
    this.#isRunning = true;
    this.#server = new Server();
    this.#server.addService(
      { request: nacosService.request, stream: nacosService.stream },
      {
        request: (call: ServerUnaryCall<Payload, Payload>, done: sendUnaryData<Payload>) =>
          void this.#request(call, done),
        stream: (stream: Stream) => this.#open(stream),
      },
    );
    this.#port = await new Promise<number>((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      this.#server.bindAsync(`127.0.0.1:${this.#port}`, credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return this;
  }

  /** As kill -9: all sockets are cut. */
  stop(): void {
    this.#isRunning = false;
    this.#server.forceShutdown();
    this.connections.clear();
    for (const timer of this.#pending) clearTimeout(timer);
    this.#pending.clear();
  }

  /** For the option `servers`, with `grpcPortOffset` 0. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** The requests of `type` so far. */
  of(type: string): readonly FakeRequest[] {
    return this.requests.filter((request) => request.type === type);
  }

  /** The instances of `name` as lists hold them. */
  hosts(name: string, group = "DEFAULT_GROUP"): readonly Body[] {
    const key = `${group}@@${name}`;
    return [...this.connections.values()].flatMap(({ published }) => published.get(key) ?? []);
  }

  /** Ends all streams with status OK, as a server does that unregisters its clients. */
  unregisterAll(): void {
    for (const connection of this.connections.values()) this.#forget(connection);
  }

  /** Sends `body` to every connection whose module is `module`, or to all. */
  pushAll(type: string, body: Body, module?: string): void {
    for (const { stream, setUp } of this.connections.values()) {
      const isMeant = module === undefined || bodyOf(setUp, "labels")?.module === module;
      if (isMeant) this.push(stream, type, body);
    }
  }

  push(stream: Stream, type: string, body: Body): void {
    const base = { headers: {}, requestId: String(++this.#pushes), module: "internal" };
    stream.write({ type, headers: {}, body: { ...base, ...body } });
  }

  /** Writes a configuration and tells who listens. */
  setConfig(dataId: string, content: string | undefined, group = "DEFAULT_GROUP", tenant?: unknown): void {
    const key = `${group}@@${dataId}`;
    if (content === undefined) this.configs.delete(key);
    else this.configs.set(key, content);
    if (content === undefined || this.#rows.get(key) === content) this.#rows.delete(key);
    if (this.losesPushes) return;
    for (const { stream, listened } of this.connections.values()) {
      if (listened.has(key))
        this.push(stream, "ConfigChangeNotifyRequest", {
          dataId,
          group,
          ...(tenant === undefined ? {} : { tenant }),
        });
    }
  }

  #open(stream: Stream): void {
    const id = stream.getPeer();
    stream.on("data", (payload: Payload) => {
      if (payload.type !== "ConnectionSetupRequest") return void this.answers.push(payload);
      const connection = {
        id,
        stream,
        setUp: payload.body ?? {},
        published: new Map(),
        subscribed: new Set<string>(),
        listened: new Map(),
      };
      this.connections.set(id, connection);
      if (this.sendsAck && this.negotiates && payload.body?.abilityTable) {
        stream.write({
          type: "SetupAckRequest",
          headers: {},
          body: { headers: {}, abilityTable: {}, module: "internal" },
        });
      }
    });
    const close = () => {
      const connection = this.connections.get(id);
      if (connection?.stream === stream) this.#forget(connection);
    };
    stream.on("error", close).on("end", close).on("cancelled", close);
  }

  #forget(connection: FakeConnection): void {
    this.connections.delete(connection.id);
    connection.stream.end();
    for (const key of connection.published.keys()) this.#changed(key);
  }

  async #request(call: ServerUnaryCall<Payload, Payload>, done: sendUnaryData<Payload>): Promise<void> {
    const { type, body = {}, headers } = call.request;
    const request = { type, body, headers, connectionId: call.getPeer() };
    this.requests.push(request);
    const own = await this.intercept(request);
    if (own === "silence") return;
    const answer = own ?? this.#answer(request);
    const base = { type: "ErrorResponse", headers: {} };
    done(null, { ...base, ...answer, body: answer.body });
  }

  #answer({ type, body, connectionId }: FakeRequest): Partial<Payload> {
    if (type === "ServerCheckRequest") {
      const negotiation = this.negotiates ? { supportAbilityNegotiation: true } : {};
      return ok("ServerCheckResponse", { connectionId, ...negotiation });
    }
    const connection = this.connections.get(connectionId);
    const handle = this.#handlers[type];
    if (handle === undefined) return refused(302, "RequestHandler Not Found");
    if (connection === undefined) return refused(301, "Connection is unregistered.");
    return handle(body, connection);
  }

  readonly #handlers: Record<string, (body: Body, connection: FakeConnection) => Partial<Payload>> = {
    HealthCheckRequest: () => ok("HealthCheckResponse"),
    InstanceRequest: (body, { published }) => {
      const key = keyOf(body);
      if (body.type === "registerInstance") published.set(key, [listed(bodyOf(body, "instance") ?? {}, key)]);
      else published.delete(key);
      this.#changed(key);
      return ok("InstanceResponse", { type: body.type });
    },
    BatchInstanceRequest: (body, { published }) => {
      const key = keyOf(body);
      published.set(
        key,
        bodiesOf(body, "instances").map((instance) => listed(instance, key)),
      );
      this.#changed(key);
      return ok("BatchInstanceResponse", { type: body.type });
    },
    SubscribeServiceRequest: (body, { subscribed }) => {
      const key = keyOf(body);
      if (flagOf(body, "subscribe")) subscribed.add(key);
      else subscribed.delete(key);
      this.#changed(key);
      return ok("SubscribeServiceResponse", { message: "success", serviceInfo: this.serviceInfo(key) });
    },
    ServiceQueryRequest: (body) => ok("QueryServiceResponse", { serviceInfo: this.serviceInfo(keyOf(body)) }),
    ServiceListRequest: (body) => {
      const group = `${textOf(body, "groupName")}@@`;
      const keys = new Set([...this.connections.values()].flatMap(({ published }) => [...published.keys()]));
      const names = [...keys].filter((key) => key.startsWith(group)).map((key) => key.slice(group.length));
      const from = (numberOf(body, "pageNo") - 1) * numberOf(body, "pageSize");
      const serviceNames = names.slice(from, from + numberOf(body, "pageSize"));
      return ok("ServiceListResponse", { count: names.length, serviceNames });
    },
    ConfigQueryRequest: (body) => {
      const content = this.configs.get(configKey(body));
      if (content === undefined) {
        return {
          type: "ConfigQueryResponse",
          body: { resultCode: 500, errorCode: 300, message: "config data not exist" },
        };
      }
      return ok("ConfigQueryResponse", { content, md5: md5Of(content), contentType: "text" });
    },
    ConfigPublishRequest: (body) => {
      const [key, cas] = [configKey(body), textOf(body, "casMd5")];
      const old = this.#rows.get(key) ?? this.configs.get(key);
      if (cas !== "" && old !== undefined && md5Of(old) !== cas) {
        const message = "Cas publish fail,server md5 may have changed.";
        return { type: "ConfigPublishResponse", body: { resultCode: 500, errorCode: 500, message } };
      }
      this.#rows.set(key, textOf(body, "content"));
      this.#later(this.configDelayMs, () => {
        this.setConfig(textOf(body, "dataId"), textOf(body, "content"), textOf(body, "group"));
      });
      return ok("ConfigPublishResponse");
    },
    ConfigRemoveRequest: (body) => {
      this.setConfig(textOf(body, "dataId"), undefined, textOf(body, "group"));
      return ok("ConfigRemoveResponse");
    },
    ConfigBatchListenRequest: (body, { listened }) => {
      const contexts = bodiesOf(body, "configListenContexts");
      for (const context of contexts) {
        if (flagOf(body, "listen")) listened.set(configKey(context), textOf(context, "md5"));
        else listened.delete(configKey(context));
      }
      const changedConfigs = contexts
        .filter((context) => md5OrBlank(this.configs.get(configKey(context))) !== textOf(context, "md5"))
        .map(({ dataId, group }) => ({ dataId, group }));
      return ok("ConfigChangeBatchListenResponse", { changedConfigs });
    },
  };

  /** As lists and pushes hold it. */
  serviceInfo(
    key: string,
    hosts: readonly Body[] = this.hosts(key.slice(key.indexOf("@@") + 2), key.split("@@")[0]),
  ): Body {
    this.#lastTime = Math.max(this.#lastTime + 1, Date.now());
    const [groupName, name] = key.split("@@");
    return {
      name,
      groupName,
      clusters: "",
      cacheMillis: 10_000,
      hosts,
      checksum: "",
      valid: true,
      lastRefTime: this.#lastTime + this.clockOffsetMs,
      allIPs: false,
      reachProtectionThreshold: false,
    };
  }

  #changed(key: string): void {
    this.#later(this.pushDelayMs, () => {
      for (const { stream, subscribed } of this.connections.values()) {
        if (subscribed.has(key))
          this.push(stream, "NotifySubscriberRequest", { serviceInfo: this.serviceInfo(key) });
      }
    });
  }

  #later(delayMs: number, run: () => void): void {
    if (delayMs === 0) return run();
    const timer = setTimeout(() => {
      this.#pending.delete(timer);
      run();
    }, delayMs);
    this.#pending.add(timer);
  }
}

/** A success of `type`. */
export function ok(type: string, body: Body = {}): Partial<Payload> {
  return { type, body: { resultCode: 200, errorCode: 0, success: true, ...body } };
}

/** What a server says when it cannot handle a request at all, or in the type of the expected response. */
export function refused(errorCode: number, message: string, type = "ErrorResponse"): Partial<Payload> {
  return { type, body: { resultCode: 500, errorCode, message, success: false } };
}

function keyOf(body: Body): string {
  return `${textOf(body, "groupName")}@@${textOf(body, "serviceName")}`;
}

function configKey(body: Body): string {
  return `${textOf(body, "group")}@@${textOf(body, "dataId")}`;
}

function md5OrBlank(content: string | undefined): string {
  return content === undefined ? "" : md5Of(content);
}

function listed(instance: Body, key: string): Body {
  const { ip, port, clusterName } = instance;
  return {
    ...instance,
    instanceId: `${String(ip)}#${String(port)}#${String(clusterName)}#${key}`,
    serviceName: key,
  };
}
