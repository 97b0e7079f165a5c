import { nacosService, noMetadata, type Payload } from "@dubbo-ts/nacos-client";
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";

/** The body of a message. */
export type Json = Record<string, unknown>;

/** A client that is nothing but the wire: what real servers were recorded with (nacos-server 7). */
export class WireClient {
  readonly pushed: { type: string; body: Json }[] = [];
  readonly #client: Client;
  #stream: ClientDuplexStream<Payload, Payload> | undefined;
  answersPushes = true;
  ended: string | undefined;

  /** @param port the base port: gRPC is 1000 above. */
  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port + 1000}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  ask(type: string, body: Json | Buffer): Promise<{ type: string; body: Json }> {
    const { path, requestSerialize, responseDeserialize } = nacosService.request;
    return new Promise((resolve, reject) => {
      const serialize = (payload: Payload) =>
        Buffer.isBuffer(body) ? raw(type, body) : requestSerialize(payload);
      const payload = { type, headers: {}, body: Buffer.isBuffer(body) ? {} : body };
      const options = { deadline: Date.now() + 5_000 };
      this.#client.makeUnaryRequest(
        path,
        serialize,
        responseDeserialize,
        payload,
        noMetadata,
        options,
        (error, answer) => {
          if (error !== null || answer === undefined) reject(error ?? new Error("no answer"));
          else resolve({ type: answer.type, body: answer.body as Json });
        },
      );
    });
  }

  async setUp(abilities: object | null = {}): Promise<this> {
    const { path, requestSerialize, responseDeserialize } = nacosService.stream;
    const stream = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#stream = stream;
    stream.on("data", ({ type, body }: Payload) => {
      this.pushed.push({ type, body: body as Json });
      const response = { resultCode: 200, errorCode: 0, requestId: body?.["requestId"], success: true };
      if (this.answersPushes && type !== "SetupAckRequest")
        this.say(type.replace("Request", "Response"), response);
    });
    stream.on("status", (status: { code: number }) => {
      this.ended = `status ${status.code}`;
    });
    stream.on("error", () => {});
    const labels = { source: "sdk", module: "naming", AppName: "lab" };
    this.say("ConnectionSetupRequest", {
      requestId: "2",
      module: "internal",
      headers: {},
      clientVersion: "v",
      tenant: "",
      labels,
      ...(abilities !== null && { abilityTable: abilities }),
    });
    await until(async () => (await this.ask("HealthCheckRequest", {})).body["errorCode"] === 0);
    return this;
  }

  say(type: string, body: Json): void {
    this.#stream?.write({ type, headers: {}, body });
  }

  pushesOf(type: string): Json[] {
    return this.pushed.filter((one) => one.type === type).map(({ body }) => body);
  }

  /** The hosts of each push, by ip:port. */
  get lists(): string[][] {
    return this.pushesOf("NotifySubscriberRequest").map(({ serviceInfo }) => addresses(serviceInfo as Json));
  }

  close(): void {
    this.#client.close();
    this.#stream?.cancel();
  }
}

function raw(type: string, body: Buffer): Buffer {
  const field = (key: number, bytes: Buffer) => Buffer.concat([Buffer.from([key, bytes.length]), bytes]);
  const metadata = field(0x12, field(0x1a, Buffer.from(type)));
  return Buffer.concat([metadata, field(0x1a, field(0x12, body))]);
}

/** The hosts of a `serviceInfo`, by ip:port. */
export function addresses(info: Json): string[] {
  return (info["hosts"] as Json[]).map(({ ip, port }) => `${String(ip)}:${String(port)}`).sort();
}

/** Waits for a condition. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> {
  for (const end = performance.now() + withinMs; !(await condition()); ) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Test bodies: `name`. */
export const name = (serviceName: string, more: Json = {}): Json => ({
  requestId: "1",
  headers: {},
  module: "naming",
  namespace: "public",
  groupName: "DEFAULT_GROUP",
  serviceName,
  ...more,
});
/** Test bodies: `instance`. */
export const instance = (port: number, more: Json = {}): Json => ({
  instanceId: "",
  ip: "10.0.0.1",
  port,
  weight: 1,
  healthy: true,
  enabled: true,
  ephemeral: true,
  clusterName: "DEFAULT",
  serviceName: "",
  metadata: { "dubbo.metadata.revision": "abc" },
  ...more,
});
/** Test bodies: `register`. */
export const register = (service: string, port: number, more: Json = {}, scope: Json = {}) =>
  [
    "InstanceRequest",
    name(service, { type: "registerInstance", instance: instance(port, more), ...scope }),
  ] as const;
/** Test bodies: `query`. */
export const query = (service: string, more: Json = {}) =>
  ["ServiceQueryRequest", name(service, { cluster: "", healthyOnly: false, udpPort: 0, ...more })] as const;
/** Test bodies: `subscribe`. */
export const subscribe = (service: string, more: Json = {}) =>
  ["SubscribeServiceRequest", name(service, { subscribe: true, clusters: "", ...more })] as const;
/** Test bodies: `config`. */
export const config = (dataId: string, more: Json = {}): Json => ({
  requestId: "1",
  headers: {},
  module: "config",
  tenant: "",
  group: "DEFAULT_GROUP",
  dataId,
  ...more,
});
