import {
  endpoint,
  RemoteException,
  type Runtime,
  type ServiceKey,
  serviceKey,
  systemRuntime,
} from "@dubbo-ts/core";
import {
  callContext,
  createClient,
  defineService,
  type Implementation,
  java,
  method,
  type Protocol,
  type ProtocolInvoker,
  type ServedService,
  serveImplementation,
  type ServiceDefinition,
} from "@dubbo-ts/rpc";
import { recordingLogger } from "@dubbo-ts/testkit";
import { loadProto, type ProtoMethod } from "./load-proto.js";
import type { TripleOptions } from "./options.js";
import { statusException } from "./status-exception.js";
import { tripleProtocol } from "./triple-protocol.js";

const Point = java.object("org.example.Point", { x: java.int(), label: java.string().nullable() });

/** A service without a .proto: it travels in wrappers. */
export const Shop = defineService("org.example.Shop", {
  greet: method([java.string()], java.string()),
  add: method([java.int(), java.long()], java.long()),
  move: method([Point, java.long()], Point.nullable()),
  gate: method([java.string()], java.string()),
  untilCancelled: method([java.string()], java.string()),
  fail: method([java.string()], java.string()),
  reverse: method([java.bytes()], java.bytes()),
  many: method([java.int()], java.string()),
  note: method([java.string()], java.void()),
  attachments: method([], java.map(java.string(), java.string())),
  when: method([java.date()], java.date()),
  count: method.serverStream([java.int()], Point),
  sum: method.clientStream(java.int(), java.long()),
  chat: method.bidi(java.string(), java.string()),
});

/** A service with all four kinds of methods. */
export const greeterProto = `
syntax = "proto3";
package interop.v1;
enum Mood { CALM = 0; GLAD = 1; }
message Inner { string text = 1; }
message HelloRequest {
  string name = 1; int64 id = 2; repeated string tags = 3; map<string, string> attrs = 4; bytes data = 5;
  Mood mood = 6; Inner inner = 7; oneof kind { string text = 8; int32 number = 9; }
}
message HelloReply { string message = 1; string by = 2; HelloRequest echo = 3; }
message Number { int32 value = 1; }
message Failure { int32 code = 1; string message = 2; }
service Greeter {
  rpc SayHello (HelloRequest) returns (HelloReply);
  rpc Fail (Failure) returns (HelloReply);
  rpc Count (Number) returns (stream Number);
  rpc Sum (stream Number) returns (Number);
  rpc Chat (stream Number) returns (stream Number);
}`;

interface HelloRequest {
  name?: string;
  id?: bigint | number;
  tags?: string[];
  attrs?: Record<string, string>;
  data?: Uint8Array;
  mood?: string;
  inner?: { text?: string } | null;
  text?: string;
  number?: number;
}

/** What `greeterProto` defines, typed by hand. */
export type Greeter = ServiceDefinition<{
  SayHello: ProtoMethod<HelloRequest, { message: string; by: string; echo: HelloRequest | null }>;
  Fail: ProtoMethod<{ code?: number; message?: string }, { message?: string }>;
  Count: ProtoMethod<{ value?: number }, { value?: number }, "serverStream">;
  Sum: ProtoMethod<{ value?: number }, { value?: number }, "clientStream">;
  Chat: ProtoMethod<{ value?: number }, { value?: number }, "bidiStream">;
}>;

/** The definition out of `greeterProto`. */
export function loadGreeter(): Promise<{ Greeter: Greeter }> {
  return loadProto<{ Greeter: Greeter }>({ source: greeterProto });
}

/** What tests see of the implementations, and the gates that they open. */
class Stage {
  readonly notes: string[] = [];
  readonly gates = new Map<string, () => void>();
  readonly cancelled: unknown[] = [];
  closedStreams = 0;
  sentNumbers = 0;

  openAll(): void {
    for (const open of this.gates.values()) open();
    this.gates.clear();
  }

  #gate(name: string): Promise<string> {
    return new Promise((resolve) => this.gates.set(name, () => resolve(name)));
  }

  readonly shop: Implementation<typeof Shop> = {
    greet: (name) => `hello ${name}`,
    add: (a, b) => BigInt(a) + b,
    move: ({ x, label }, by) => (by === 0n ? null : { x: x + Number(by), label }),
    gate: (name) => this.#gate(name),
    untilCancelled: (name) => {
      const { signal } = callContext();
      this.notes.push(name);
      return new Promise<string>((_, reject) => {
        signal.addEventListener("abort", () => {
          this.cancelled.push(signal.reason);
          reject(signal.reason as Error);
        });
      });
    },
    fail: (kind) => {
      if (kind === "plain") throw new TypeError("plain failure");
      throw new RemoteException("org.example.NotEnoughStock", kind, { left: 3 });
    },
    reverse: (bytes) => Buffer.from(bytes).reverse(),
    many: (count) => "x".repeat(count),
    note: (text) => void this.notes.push(text),
    attachments: () => {
      const { attachments, responseAttachments, peer } = callContext();
      responseAttachments.set("x-reply", "ok");
      responseAttachments.set("X-Text", "grüße 中文");
      return new Map([...attachments, ["seen-application", peer?.application ?? ""]]);
    },
    when: (date) => date,
    count: (upTo) => this.#count(upTo),
    sum: async (numbers) => {
      let sum = 0n;
      for await (const number of numbers) sum += BigInt(number);
      return sum;
    },
    chat: async function* (texts) {
      for await (const text of texts) yield `${text}!`;
    },
  };

  async *#count(upTo: number): AsyncGenerator<{ x: number; label: string }> {
    const { method: name } = callContext();
    try {
      for (let x = 1; x <= upTo; x += 1) {
        if (x === 1_000_000) throw new RemoteException("org.example.TooMany", "too many");
        this.sentNumbers = x;
        yield { x, label: name };
        if (upTo === 13 && x === 3) throw new RemoteException("org.example.Unlucky", "13 brings bad luck");
      }
    } finally {
      this.closedStreams += 1;
    }
  }

  readonly greeter: Implementation<Greeter> = {
    SayHello: (request) => ({ message: `Hello ${request.name}`, by: "ts", echo: request }),
    Fail: ({ code, message }) => {
      if (code === 5) throw statusException("NOT_FOUND", message ?? "");
      throw new RemoteException("org.example.Checked", message ?? "");
    },
    Count: async function* ({ value = 0 }) {
      for (let one = 1; one <= value; one += 1) yield { value: one };
    },
    Sum: async (numbers) => {
      let sum = 0;
      for await (const { value = 0 } of numbers) sum += value;
      return { value: sum };
    },
    Chat: async function* (numbers) {
      for await (const { value = 0 } of numbers) yield { value: value * 2 };
    },
  };
}

/** Protocols and clients of one test file, closed after each test. */
export class Workbench {
  readonly stage = new Stage();
  readonly log = recordingLogger();
  readonly runtime: Runtime = { ...systemRuntime, log: this.log };
  readonly cleanups: (() => PromiseLike<unknown> | void)[] = [];

  async clean(): Promise<void> {
    this.stage.openAll();
    while (this.cleanups.length > 0) await this.cleanups.pop()?.();
  }

  protocol(options: TripleOptions = {}, over: Partial<Runtime> = {}): Protocol {
    const protocol = tripleProtocol({ drainMs: 500, ...options }, { ...this.runtime, ...over });
    this.cleanups.push(() => protocol[Symbol.asyncDispose]());
    return protocol;
  }

  served<D extends ServiceDefinition>(
    definition: D,
    implementation: Implementation<D>,
    key?: ServiceKey,
  ): ServedService {
    const invoker = serveImplementation(definition, implementation);
    return { key: key ?? serviceKey(definition.serviceInterface), definition, invoker };
  }

  /** A provider of Shop and Greeter. */
  async provider(options: TripleOptions = {}, port = 0) {
    const protocol = this.protocol(options);
    const { Greeter } = await loadGreeter();
    const listen = { host: "127.0.0.1", port };
    const { address } = await protocol.export(this.served(Shop, this.stage.shop), listen);
    await protocol.export(this.served(Greeter, this.stage.greeter), { ...listen, port: address.port });
    return { protocol, address: endpoint(address), port: address.port };
  }

  /** Typed clients of an address. */
  async clients(port: number, options: TripleOptions = {}, timeoutMs = 2_000) {
    const invoker = this.protocol(options).refer(endpoint({ protocol: "tri", host: "127.0.0.1", port }));
    const { Greeter } = await loadGreeter();
    return {
      invoker,
      shop: this.client(Shop, invoker, timeoutMs),
      greeter: this.client(Greeter, invoker, timeoutMs),
    };
  }

  client<D extends ServiceDefinition>(
    definition: D,
    invoker: ProtocolInvoker,
    timeoutMs = 2_000,
    key?: ServiceKey,
  ) {
    const service = key ?? serviceKey(definition.serviceInterface);
    return createClient(definition, invoker, { service, runtime: this.runtime, timeoutMs: () => timeoutMs });
  }
}

/** All that comes until the other side closes. */
export async function decodeText(socket: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}
