import { connect, createServer, type Server, type Socket, type AddressInfo } from "node:net";
import { once } from "node:events";
import {
  endpoint,
  type Network,
  type RemoteException,
  RpcError,
  type Runtime,
  type ServiceKey,
  serviceKey,
  systemNetwork,
  systemRuntime,
} from "@dubbo-ts/core";
import {
  type CallOptions,
  callContext,
  createClient,
  createGenericClient,
  defineService,
  echo,
  type Implementation,
  type Invoker,
  java,
  method,
  type Protocol,
  serveImplementation,
} from "@dubbo-ts/rpc";
import { fakeClock, faultProxy, noLeaks, recordingLogger, waitFor } from "@dubbo-ts/testkit";
import { dubboProtocol } from "./dubbo-protocol.js";
import { heartbeatRequest } from "./event.js";
import { decodeFrames, frameOf, frameStatus } from "./frame.js";
import type { DubboOptions } from "./options.js";

const Point = java.object("org.example.Point", { x: java.int(), label: java.string().nullable() });
const Shop = defineService("org.example.Shop", {
  greet: method([java.string()], java.string()),
  move: method([Point, java.long()], Point.nullable()),
  wait: method([java.int()], java.string()),
  gate: method([java.string()], java.string()),
  fail: method([java.string()], java.string()),
  reverse: method([java.bytes()], java.bytes()),
  many: method([java.int()], java.string()),
  note: method([java.string()], java.void()),
  attachments: method([], java.map(java.string(), java.string())),
});

/** What the tests see of the implementation, and the gate that they open. */
class Stage {
  readonly notes: string[] = [];
  readonly gates = new Map<string, () => void>();
  running = 0;

  open(name: string): void {
    this.gates.get(name)?.();
    this.gates.delete(name);
  }

  openAll(): void {
    for (const name of this.gates.keys()) this.open(name);
  }

  readonly shop: Implementation<typeof Shop> = {
    greet: (name) => `hello ${name}`,
    move: ({ x, label }, by) => (by === 0n ? null : { x: x + Number(by), label }),
    wait: async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return `waited ${ms}`;
    },
    gate: async (name) => {
      this.running += 1;
      await new Promise<void>((resolve) => this.gates.set(name, resolve));
      this.running -= 1;
      return name;
    },
    fail: (kind) => {
      if (kind === "plain") throw new TypeError("plain failure");
      if (kind === "downstream")
        throw new RpcError("CONNECTION_LOST", "of another call", { peer: "dubbo://x:1" });
      throw Object.assign(new Error(kind), { kind });
    },
    reverse: (bytes) => Buffer.from(bytes).reverse(),
    many: (count) => "x".repeat(count),
    note: (text) => void this.notes.push(text),
    attachments: () => {
      const { attachments, responseAttachments, peer } = callContext() as unknown as {
        attachments: ReadonlyMap<string, string>;
        responseAttachments: Map<string, string>;
        peer: { application?: string };
      };
      responseAttachments.set("x-reply", "ok");
      return new Map([...attachments, ["seen-application", peer.application ?? ""]]);
    },
  };
}

const key = serviceKey("org.example.Shop", { version: "1.0.0" });
const stage = new Stage();
const log = recordingLogger();
const runtime: Runtime = { ...systemRuntime, log };
const cleanups: (() => PromiseLike<void> | void)[] = [];
const leaks = noLeaks();

afterEach(async () => {
  stage.openAll();
  while (cleanups.length > 0) await cleanups.pop()?.();
  await leaks();
});

function protocolOf(options: DubboOptions = {}, over: Partial<Runtime> = {}): Protocol {
  const protocol = dubboProtocol({ drainMs: 500, ...options }, { ...runtime, ...over });
  cleanups.push(() => protocol[Symbol.asyncDispose]());
  return protocol;
}

async function provider(
  options: DubboOptions = {},
  port = 0,
  service: ServiceKey = key,
  over: Partial<Runtime> = {},
) {
  const protocol = protocolOf(options, over);
  const invoker = serveImplementation(Shop, stage.shop);
  const exporter = await protocol.export(
    { key: service, definition: Shop, invoker },
    { host: "127.0.0.1", port },
  );
  return { protocol, exporter, port: exporter.address.port };
}

function consumer(port: number, options: DubboOptions = {}, timeoutMs = 5_000, service: ServiceKey = key) {
  const protocol = protocolOf({ application: "shopper", ...options });
  const invoker = protocol.refer(endpoint({ protocol: "dubbo", host: "127.0.0.1", port }));
  const settings = {
    service,
    runtime,
    timeoutMs: () => timeoutMs,
    oneway: (name: string) => name === "note",
  };
  return { protocol, invoker, shop: createClient(Shop, invoker, settings), settings };
}

/** A provider and a consumer with one connection. */
async function pair(options: DubboOptions = {}, timeoutMs = 5_000) {
  const served = await provider(options);
  const called = consumer(served.port, options, timeoutMs);
  return { ...called, provider: served };
}

/** A server that does what a test wants with each socket. */
async function rawServer(onSocket: (socket: Socket) => void, port = 0): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A socket that collects frames. */
async function rawClient(port: number) {
  const socket = connect(port, "127.0.0.1");
  cleanups.push(() => void socket.destroy());
  let heard = Buffer.alloc(0);
  let closed = false;
  socket.on("data", (chunk: Buffer) => (heard = Buffer.concat([heard, chunk])));
  socket.on("close", () => (closed = true)).on("error", () => {});
  await once(socket, "connect");
  const frames = () => decodeFrames(heard);
  return { socket, frames, send: (bytes: Buffer) => socket.write(bytes), isClosed: () => closed };
}

const request = (body: string, idLow = 7, flags = 0xc2) =>
  frameOf({ flags, status: 0, idHigh: -1, idLow }, Buffer.from(body, "latin1"));
const text = (value: string) =>
  value.length < 32
    ? String.fromCharCode(value.length) + value
    : `0${String.fromCharCode(value.length)}${value}`;
const texts = (...values: string[]) => values.map(text).join("");
const head = (path: string, version: string, name: string, descriptor: string) =>
  texts("2.0.2", path, version, name, descriptor);

/** The network with the sockets that it has opened, for tests that break them. */
function spiedNetwork() {
  const opened: Socket[] = [];
  const network: Network = {
    ...systemNetwork,
    connect: (options) => {
      const socket = systemNetwork.connect(options);
      opened.push(socket);
      return socket;
    },
  };
  return { network, opened };
}

describe("calls", () => {
  test("carry values, null, void, exceptions and attachments both ways", async () => {
    const { shop } = await pair();
    expect(await shop.greet("world")).toBe("hello world");
    expect(await shop.move({ x: 1, label: null }, 2n)).toEqual({ x: 3, label: null });
    expect(await shop.move({ x: 1, label: "a" }, 0n)).toBeNull();
    expect(Buffer.from(await shop.reverse(Buffer.from([0, 1, 255])))).toEqual(Buffer.from([255, 1, 0]));
    const seen: [string, string][] = [];
    const options: CallOptions = { attachments: { "x-a": "1", path: "not.mine" } };
    options.onAttachments = (attachments) => seen.push(...attachments);
    const sent = await shop.attachments(options);
    expect(Object.fromEntries(sent)).toMatchObject({
      "x-a": "1",
      path: "org.example.Shop",
      interface: "org.example.Shop",
      version: "1.0.0",
      "remote.application": "shopper",
      "seen-application": "shopper",
    });
    expect(Number(sent.get("timeout"))).toBeGreaterThan(4_000);
    expect(seen).toEqual([["x-reply", "ok"]]);
  });

  test("reject with the exception of the method: class and message", async () => {
    const { shop } = await pair();
    const plain = await shop.fail("plain").catch((error: unknown) => error as RemoteException);
    expect(plain).toMatchObject({
      code: "REMOTE_EXCEPTION",
      className: "java.lang.RuntimeException",
      detail: "plain failure",
    });
    // A failure of the method's own call is not one of ours: it must not look as if it could be repeated.
    await expect(shop.fail("downstream")).rejects.toMatchObject({ code: "REMOTE_EXCEPTION" });
  });

  test("run a thousand at once over one connection and are answered out of order", async () => {
    const { network, opened } = spiedNetwork();
    const served = await provider();
    const protocol = protocolOf({}, { network });
    const invoker = protocol.refer(endpoint({ protocol: "dubbo", host: "127.0.0.1", port: served.port }));
    const shop = createClient(Shop, invoker, { service: key, runtime, timeoutMs: () => 10_000 });
    const names = Array.from({ length: 1_000 }, (_, index) => `call ${index}`);
    const answers = Promise.all(names.map((name) => shop.gate(name)));
    await waitFor(() => stage.running === 1_000);
    for (const name of names.toReversed()) stage.open(name);
    expect(await answers).toEqual(names);
    expect(opened).toHaveLength(1);
  });

  test("use several connections in turn when asked to", async () => {
    const { network, opened } = spiedNetwork();
    const served = await provider();
    const protocol = protocolOf({ connections: 3 }, { network });
    const invoker = protocol.refer(endpoint({ protocol: "dubbo", host: "127.0.0.1", port: served.port }));
    const shop = createClient(Shop, invoker, { service: key, runtime, timeoutMs: () => 5_000 });
    for (let count = 0; count < 9; count += 1) await shop.greet("x");
    expect(opened).toHaveLength(3);
    expect(new Set(opened.map((socket) => socket.bytesWritten)).size).toBe(1);
  });

  test("carry megabytes, and refuse what is above the limit on each side", async () => {
    const { shop } = await pair();
    const large = Buffer.alloc(4_000_000, 3);
    expect((await shop.reverse(large)).length).toBe(large.length);
    await expect(shop.reverse(Buffer.alloc(9_000_000))).rejects.toMatchObject({
      code: "PAYLOAD_TOO_LARGE",
      mayHaveRun: false,
    });
    const served = await provider({ maxPayloadBytes: 1_000 });
    const wide = consumer(served.port, { maxPayloadBytes: 100_000 });
    await expect(wide.shop.reverse(Buffer.alloc(5_000))).rejects.toMatchObject({
      code: "PAYLOAD_TOO_LARGE",
      mayHaveRun: false,
    });
    const narrow = consumer((await provider()).port, { maxPayloadBytes: 1_000 });
    await expect(narrow.shop.greet("x".repeat(990))).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
    await expect(wide.shop.many(2_000)).rejects.toMatchObject({
      code: "PAYLOAD_TOO_LARGE",
      mayHaveRun: true,
    });
    expect(await wide.shop.greet("again")).toBe("hello again");
    expect(await narrow.shop.greet("again")).toBe("hello again");
  });

  test("keep the connection when an answer is above the limit", async () => {
    const served = await provider();
    const { shop } = consumer(served.port, { maxPayloadBytes: 400 });
    await expect(shop.many(100_000)).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE", mayHaveRun: true });
    expect(await shop.greet("again")).toBe("hello again");
  });

  test("that are one way resolve when written, and get no answer", async () => {
    const { network, opened } = spiedNetwork();
    const served = await provider();
    const protocol = protocolOf({}, { network });
    const invoker = protocol.refer(endpoint({ protocol: "dubbo", host: "127.0.0.1", port: served.port }));
    const settings = {
      service: key,
      runtime,
      timeoutMs: () => 5_000,
      oneway: (name: string) => name === "note",
    };
    const shop = createClient(Shop, invoker, settings);
    stage.notes.length = 0;
    expect(await shop.note("one")).toBeUndefined();
    await shop.note("x".repeat(100_000));
    await waitFor(() => stage.notes.length === 2);
    expect(await shop.greet("x")).toBe("hello x");
    const answer = opened[0]?.bytesRead ?? 0;
    await shop.note("three");
    await waitFor(() => stage.notes.length === 3);
    await shop.greet("x");
    expect(opened[0]?.bytesRead).toBe(2 * answer);
  });

  test("end at their deadline, and the late answer is dropped", async () => {
    const { shop } = await pair();
    await shop.greet("x");
    const startMs = performance.now();
    await expect(shop.gate("late", { timeoutMs: 60 })).rejects.toMatchObject({
      code: "CALL_TIMEOUT",
      mayHaveRun: true,
    });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(59);
    expect(performance.now() - startMs).toBeLessThan(500);
    stage.open("late");
    expect(await shop.greet("x")).toBe("hello x");
  });

  test("reject with the reason when the caller cancels, before connecting, on the way and before", async () => {
    const { invoker, shop } = await pair();
    const already = AbortSignal.abort(new Error("already"));
    await expect(shop.greet("x", { signal: already })).rejects.toThrow("already");
    const early = new AbortController();
    const connecting = shop.gate("early", { signal: early.signal });
    early.abort(new Error("early"));
    await expect(connecting).rejects.toThrow("early");
    const controller = new AbortController();
    const running = shop.gate("cancelled", { signal: controller.signal });
    await waitFor(() => stage.gates.has("cancelled"));
    controller.abort(new Error("changed my mind"));
    await expect(running).rejects.toThrow("changed my mind");
    expect(invoker.available).toBe(true);
  });

  test("without a definition go through $invoke, and $echo answers", async () => {
    const { invoker, settings, shop } = await pair();
    const client = createGenericClient("org.example.Shop", invoker, settings);
    expect(await client.invoke("greet", ["world"])).toBe("hello world");
    await expect(client.invoke("nope", [])).rejects.toMatchObject({ code: "METHOD_NOT_FOUND" });
    await expect(client.invoke("fail", ["plain"])).rejects.toMatchObject({
      code: "REMOTE_EXCEPTION",
      className: "java.lang.RuntimeException",
    });
    expect(await echo(shop, "ping")).toBe("ping");
    expect(await echo(shop, null)).toBeNull();
  });

  test("of a method that streams are refused before they are sent", async () => {
    const { invoker, settings } = await pair();
    const Streams = defineService("org.example.Shop", { watch: method.serverStream([], java.string()) });
    const client = createClient(Streams, invoker, settings);
    const first = client.watch()[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: "ENCODE_FAILED", mayHaveRun: false });
  });
});

describe("what is not served", () => {
  const code = (error: unknown) => (error as RpcError).code;
  const asked = async (service: ServiceKey) => {
    const { port } = await provider();
    const { shop } = consumer(port, {}, 5_000, service);
    return shop.greet("x").catch((error: unknown) => error as RpcError);
  };

  test("is refused with the near misses named, and the method has certainly not run", async () => {
    const version = (await asked(serviceKey("org.example.Shop", { version: "9.9.9" }))) as RpcError;
    expect(version).toMatchObject({ code: "SERVICE_NOT_FOUND", mayHaveRun: false });
    expect(version.message).toContain("offered: org.example.Shop:1.0.0");
    const group = (await asked(
      serviceKey("org.example.Shop", { version: "1.0.0", group: "g1" }),
    )) as RpcError;
    expect(group).toMatchObject({ code: "SERVICE_NOT_FOUND", mayHaveRun: false });
    expect(group.message).toContain("in [org.example.Shop:1.0.0]");
    expect(code(await asked(serviceKey("org.example.Nope")))).toBe("SERVICE_NOT_FOUND");
  });

  test("is refused before an argument is decoded", async () => {
    const { port } = await provider();
    const client = await rawClient(port);
    const bomb = `V${text("x")}I\x7f\xff\xff\xff`;
    client.send(request(head("org.example.Nope", "1.0.0", "greet", "Ljava/lang/Object;") + bomb, 1));
    client.send(request(head("org.example.Shop", "1.0.0", "nope", "Ljava/lang/Object;") + bomb, 2));
    client.send(request(head("org.example.Shop", "1.0.0", "greet", "II") + bomb, 3));
    await waitFor(() => client.frames().length === 3);
    const answers = client
      .frames()
      .map(({ status, bytes, start, end }) => [status, bytes.toString("utf8", start, end)]);
    expect(answers.map(([status]) => status)).toEqual([40, 40, 40]);
    expect(answers[0]?.[1]).toMatch(/methodName=greet.*Not found exported service/);
    expect(answers[1]?.[1]).toMatch(/methodName=nope.*No such method/);
    expect(answers[2]?.[1]).toMatch(/No such method .*there is/);
  });

  test("is known by group when several groups share interface and version", async () => {
    const served = await provider();
    const other = serviceKey("org.example.Shop", { version: "1.0.0", group: "blue" });
    const Blue = defineService("org.example.Shop", { greet: method([java.string()], java.int()) });
    const invoker = serveImplementation(Blue, { greet: (name) => name.length });
    const listen = { host: "127.0.0.1", port: served.port };
    const exporter = await served.protocol.export({ key: other, definition: Blue, invoker }, listen);
    expect(exporter.address.port).toBe(served.port);
    const { invoker: called, settings } = consumer(served.port);
    const blue = createClient(Blue, called, { ...settings, service: other });
    expect(await blue.greet("four")).toBe(4);
    expect(await createClient(Shop, called, settings).greet("x")).toBe("hello x");
    await exporter[Symbol.asyncDispose]();
    await expect(blue.greet("x")).rejects.toMatchObject({ code: "SERVICE_NOT_FOUND" });
    expect(await createClient(Shop, called, settings).greet("x")).toBe("hello x");
  });
});

describe("a port", () => {
  test("is shared by services, told when it is taken, and free after the last one", async () => {
    const first = await provider();
    const invoker = serveImplementation(Shop, stage.shop);
    const listen = { host: "127.0.0.1", port: first.port };
    await expect(first.protocol.export({ key, definition: Shop, invoker }, listen)).rejects.toMatchObject({
      code: "SERVICE_ALREADY_EXPORTED",
    });
    await expect(provider({}, first.port)).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(`127.0.0.1:${first.port}`),
    });
    await expect(
      first.protocol.export({ key, definition: Shop, invoker }, { host: "203.0.113.1", port: 0 }),
    ).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
    await first.exporter[Symbol.asyncDispose]();
    await first.exporter[Symbol.asyncDispose]();
    const second = await provider({}, first.port);
    expect(second.port).toBe(first.port);
    await second.protocol[Symbol.asyncDispose]();
    await second.protocol[Symbol.asyncDispose]();
    await expect(second.protocol.export({ key, definition: Shop, invoker }, listen)).rejects.toMatchObject({
      code: "APPLICATION_CLOSED",
    });
  });

  test("accepts no more connections than it may", async () => {
    const { port } = await provider({ maxConnections: 2 });
    const clients = [await rawClient(port), await rawClient(port)];
    const third = await rawClient(port);
    await waitFor(() => third.isClosed());
    expect(clients.some((client) => client.isClosed())).toBe(false);
    clients[0]?.socket.destroy();
    await waitFor(async () => {
      const client = await rawClient(port);
      client.send(heartbeatRequest(0, 1));
      return waitFor(() => client.frames().length === 1, { timeoutMs: 200 });
    });
  });
});

describe("a provider that goes", () => {
  test("fails calls in flight at once, and is unavailable at that moment", async () => {
    const sockets: Socket[] = [];
    const port = await rawServer((socket) => sockets.push(socket.resume()));
    const { invoker, shop } = consumer(port);
    const call = shop.greet("x").catch((error: unknown) => ({ error, available: invoker.available }));
    await waitFor(() => (sockets[0]?.bytesRead ?? 0) > 0);
    const startMs = performance.now();
    sockets[0]?.resetAndDestroy();
    const { error, available } = (await call) as { error: RpcError; available: boolean };
    expect(performance.now() - startMs).toBeLessThan(100);
    expect(error).toMatchObject({ code: "CONNECTION_LOST", mayHaveRun: true });
    expect(available).toBe(false);
  });

  test("did certainly not run a call that was not written yet", async () => {
    const { network, opened } = spiedNetwork();
    const served = await provider();
    const protocol = protocolOf({}, { network });
    const invoker = protocol.refer(endpoint({ protocol: "dubbo", host: "127.0.0.1", port: served.port }));
    const shop = createClient(Shop, invoker, { service: key, runtime, timeoutMs: () => 5_000 });
    await shop.greet("x");
    const unwritten = shop.greet("y");
    opened[0]?.emit("error", new Error("reset"));
    await expect(unwritten).rejects.toMatchObject({ code: "CONNECTION_LOST", mayHaveRun: false });
  });

  test("and refuses is told as such, and becomes available again by itself when it is back", async () => {
    const first = await provider();
    const { invoker, shop } = consumer(first.port);
    await shop.greet("x");
    await first.protocol[Symbol.asyncDispose]();
    await waitFor(() => !invoker.available);
    await expect(shop.greet("x")).rejects.toMatchObject({ mayHaveRun: false });
    await expect(shop.greet("x")).rejects.toMatchObject({ code: "CONNECT_FAILED", mayHaveRun: false });
    await provider({}, first.port);
    await waitFor(() => invoker.available);
    expect(await shop.greet("back")).toBe("hello back");
  });

  test("and is reached by a call before the next attempt in the background is not connected twice", async () => {
    const { network, opened } = spiedNetwork();
    const clock = fakeClock();
    const first = await provider();
    const protocol = protocolOf({ drainMs: 0 }, { network, clock, random: () => 0.99 });
    const invoker = protocol.refer(endpoint({ protocol: "dubbo", host: "127.0.0.1", port: first.port }));
    const shop = createClient(Shop, invoker, { service: key, runtime: { clock }, timeoutMs: () => 60_000 });
    await shop.greet("x");
    await first.protocol[Symbol.asyncDispose]();
    await waitFor(async () => {
      await clock.advance(1_000);
      return opened.length > 6;
    });
    await provider({}, first.port);
    await clock.advance(150);
    expect(await shop.greet("x")).toBe("hello x");
    await clock.advance(20_000);
    expect(opened.filter((socket) => !socket.destroyed)).toHaveLength(1);
    expect(invoker.available).toBe(true);
    const closed = protocol[Symbol.asyncDispose]();
    await clock.advance(1_000);
    await closed;
  });

  test("is not reached in vain: the connect deadline and the call's own end the wait", async () => {
    const protocol = protocolOf(
      { connectTimeoutMs: 80 },
      { network: { ...systemNetwork, connect: neverConnects } },
    );
    const invoker = protocol.refer(endpoint({ protocol: "dubbo", host: "192.0.2.1", port: 1 }));
    const shop = createClient(Shop, invoker, { service: key, runtime, timeoutMs: () => 5_000 });
    await expect(shop.greet("x", { timeoutMs: 20 })).rejects.toMatchObject({
      code: "CALL_TIMEOUT",
      mayHaveRun: false,
    });
    await expect(shop.greet("x")).rejects.toMatchObject({ code: "CONNECT_FAILED", mayHaveRun: false });
    expect(invoker.available).toBe(false);
  });

  test("without a word is found out by its silence, although each call gives up sooner", async () => {
    const served = await provider();
    const proxy = await faultProxy({ host: "127.0.0.1", port: served.port });
    cleanups.push(() => proxy[Symbol.asyncDispose]());
    const { invoker, shop } = consumer(proxy.port, { silenceMs: 400 });
    await shop.greet("x");
    await proxy.setMode("blackhole");
    const startMs = performance.now();
    const long = shop.greet("long").catch((error: unknown) => error);
    await expect(shop.greet("short", { timeoutMs: 50 })).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
    expect(await long).toMatchObject({ code: "CONNECTION_LOST", mayHaveRun: true });
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect(invoker.available).toBe(false);
    // New connections are accepted by whatever is in between, but nobody answers the heartbeat.
    const until = performance.now() + 300;
    await waitFor(() => performance.now() > until);
    expect(invoker.available).toBe(false);
    await proxy.setMode("pass");
    await waitFor(() => invoker.available, { timeoutMs: 10_000 });
    expect(await shop.greet("x")).toBe("hello x");
  });

  test("is not taken for dead while a method is slow", async () => {
    const { invoker, shop } = await pair({ silenceMs: 1_000 });
    expect(await shop.wait(2_500, { timeoutMs: 20_000 })).toBe("waited 2500");
    expect(invoker.available).toBe(true);
  });

  test("whose port was taken over by something else is not taken for a provider", async () => {
    const first = await provider();
    const { invoker, shop } = consumer(first.port, { connectTimeoutMs: 200 });
    await shop.greet("x");
    await first.protocol[Symbol.asyncDispose]();
    await waitFor(() => !invoker.available);
    await rawServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), first.port);
    await waitFor(async () => {
      const error = (await shop.greet("x").catch((failure: unknown) => failure)) as RpcError;
      return String(error.message).includes("48545450");
    });
    expect(invoker.available).toBe(false);
  });
});

describe("a graceful stop", () => {
  test("tells present and future consumers, while calls are still served", async () => {
    const { provider: served, invoker, shop } = await pair();
    const running = shop.gate("in flight");
    await waitFor(() => stage.gates.has("in flight"));
    served.protocol.announceClosing();
    await waitFor(() => !invoker.available);
    expect(await shop.greet("x")).toBe("hello x");
    const late = consumer(served.port);
    let attachments: ReadonlyMap<string, string> | undefined;
    await late.shop.greet("x", { onAttachments: (received) => (attachments = received) });
    expect(attachments?.get("closing")).toBe("true");
    expect(late.invoker.available).toBe(false);
    const raw = await rawClient(served.port);
    await waitFor(() => raw.frames().length === 1);
    const event = raw.frames()[0];
    expect([event?.flags, event?.bytes.toString("hex", event.start, event.end)]).toEqual([0xa2, "0152"]);
    stage.open("in flight");
    expect(await running).toBe("in flight");
  });

  test("waits for calls in flight, within its limit, and loses no answer", async () => {
    const { provider: served, shop } = await pair();
    const running = ["a", "b", "c"].map((name) => shop.gate(name));
    await waitFor(() => stage.gates.size === 3);
    const stopped = served.protocol[Symbol.asyncDispose]();
    stage.openAll();
    expect(await Promise.all(running)).toEqual(["a", "b", "c"]);
    await stopped;
    const again = await pair({ drainMs: 50 });
    const stuck = again.shop.gate("stuck").catch((error: unknown) => error);
    await waitFor(() => stage.gates.has("stuck"));
    const startMs = performance.now();
    await again.provider.protocol[Symbol.asyncDispose]();
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(await stuck).toMatchObject({ code: "CONNECTION_LOST", mayHaveRun: true });
  });

  test("of a consumer lets its calls finish and takes no new ones", async () => {
    const { invoker, shop } = await pair({ drainMs: 60_000 });
    await shop.greet("x");
    const running = shop.gate("last");
    await waitFor(() => stage.gates.has("last"));
    const closed = invoker[Symbol.asyncDispose]();
    expect(invoker.available).toBe(false);
    stage.open("last");
    expect(await running).toBe("last");
    await closed;
    await invoker[Symbol.asyncDispose]();
    await expect(shop.greet("x")).rejects.toMatchObject({ code: "CONNECTION_LOST", mayHaveRun: false });
  });

  test("of one reference leaves the connection to the others", async () => {
    const { protocol, invoker, shop, settings, provider: served } = await pair();
    const second = protocol.refer(endpoint({ protocol: "dubbo", host: "127.0.0.1", port: served.port }));
    await shop.greet("x");
    await invoker[Symbol.asyncDispose]();
    expect(await createClient(Shop, second, settings).greet("x")).toBe("hello x");
    await second[Symbol.asyncDispose]();
    const third = protocol.refer(endpoint({ protocol: "dubbo", host: "127.0.0.1", port: served.port }));
    expect(await createClient(Shop, third, settings).greet("x")).toBe("hello x");
  });

  test("is taken back by a writable event", async () => {
    const sockets: Socket[] = [];
    const port = await rawServer((socket) => sockets.push(socket.resume()));
    const { invoker, shop } = consumer(port);
    const call = shop.greet("x", { timeoutMs: 2_000 }).catch(() => {});
    await waitFor(() => (sockets[0]?.bytesRead ?? 0) > 0);
    const event = (body: number[]) =>
      frameOf({ flags: 0xa2, status: 0, idHigh: 0, idLow: 1 }, Buffer.from(body));
    sockets[0]?.write(event([1, 0x52]));
    await waitFor(() => !invoker.available);
    sockets[0]?.write(event([1, 0x57]));
    await waitFor(() => invoker.available);
    sockets[0]?.destroy();
    await call;
  });
});

describe("heartbeats", () => {
  test("are sent by an idle consumer and keep the connection, without which the provider closes it", async () => {
    const { provider: served, shop, invoker } = await pair({ heartbeatMs: 200, silenceMs: 2_000 });
    await shop.greet("x");
    const silent = await rawClient(served.port);
    await waitFor(() => silent.isClosed());
    expect(invoker.available).toBe(true);
    expect(await shop.greet("x")).toBe("hello x");
  });

  test("of a provider are answered at once, beside running calls, whatever their serialization", async () => {
    const heard: Buffer[] = [];
    const sockets: Socket[] = [];
    const port = await rawServer((socket) =>
      sockets.push(socket.on("data", (chunk: Buffer) => heard.push(chunk))),
    );
    const { shop } = consumer(port);
    const call = shop.greet("x", { timeoutMs: 2_000 }).catch(() => {});
    await waitFor(() => heard.length > 0);
    heard.length = 0;
    sockets[0]?.write(heartbeatRequest(5, 6));
    await waitFor(() => heard.length > 0);
    expect(Buffer.concat(heard).toString("hex")).toBe("dabb22140000000500000006000000014e");
    // A call the other way is refused: nothing here is exported to a provider.
    heard.length = 0;
    sockets[0]?.write(request(head("cb", "", "on", ""), 9));
    await waitFor(() => heard.length > 0);
    expect(decodeFrames(Buffer.concat(heard))[0]).toMatchObject({ status: frameStatus.badRequest, idLow: 9 });
    sockets[0]?.destroy();
    await call;
  });
});

describe("hostile and strange input", () => {
  test("closes the connection with one log line when it is no frame", async () => {
    const { port } = await provider();
    const before = log.entries.length;
    const client = await rawClient(port);
    client.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await waitFor(() => client.isClosed());
    const lines = log.entries.slice(before).filter(({ level }) => level !== "debug");
    expect(lines).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ code: "FRAME_INVALID" }) }),
    ]);
  });

  test("is answered with status 40 and a text, and the connection goes on", async () => {
    const { port } = await provider();
    const client = await rawClient(port);
    client.send(request("\xff".repeat(20), 1));
    client.send(request("whatever", 2, 0xc0 | 31));
    client.send(request(head("org.example.Shop", "1.0.0", "greet", "Ljava/lang/String;"), 3));
    client.send(frameOf({ flags: 2, status: 20, idHigh: 1, idLow: 1 }, Buffer.from([0x91])));
    client.send(request("\xff".repeat(20), 4, 0x82));
    client.send(heartbeatRequest(1, 5));
    await waitFor(() => client.frames().length === 4);
    expect(client.frames().map(({ flags, status, idLow }) => [flags, status, idLow])).toEqual([
      [2, 40, 1],
      [2, 40, 2],
      [2, 40, 3],
      [0x22, 20, 5],
    ]);
    const unknown = client.frames()[1];
    expect(unknown?.bytes.toString("utf8", unknown.start, unknown.end)).toContain("serialization 31");
  });

  test("closes a connection whose frame stays unfinished", async () => {
    const { port } = await provider({ frameTimeoutMs: 100 });
    const client = await rawClient(port);
    client.send(request("x").subarray(0, 10));
    await waitFor(() => client.isClosed());
    const large = await rawClient(port);
    large.send(Buffer.from("dabbc2000000000000000001ffffffff", "hex"));
    await waitFor(() => large.isClosed());
  });

  test("reads no more from a consumer that has too many calls running", async () => {
    const { port } = await provider({ maxCallsPerConnection: 10 });
    const { shop } = consumer(port);
    const bystander = consumer(port);
    const gates = (letter: string) =>
      Array.from({ length: 30 }, (_, index) => shop.gate(`${letter}${index}`));
    const calls = gates("g");
    await waitFor(() => stage.running === 30);
    calls.push(...gates("h"));
    for (let turn = 0; turn < 5; turn += 1) await bystander.shop.greet("x");
    expect(stage.running).toBe(30);
    const opening = setInterval(() => stage.openAll(), 1);
    expect(await Promise.all(calls)).toHaveLength(60);
    clearInterval(opening);
  });

  test("tells an implementation the rest of its time, where the consumer told it", async () => {
    const seen: number[] = [];
    const invoker: Invoker = {
      invoke: ({ deadlineMs }) => {
        seen.push(deadlineMs - systemRuntime.clock.monotonicMs());
        return Promise.resolve("");
      },
    };
    const served = await protocolOf().export(
      { key, definition: Shop, invoker },
      { host: "127.0.0.1", port: 0 },
    );
    const client = await rawClient(served.address.port);
    const body = `${head("org.example.Shop", "1.0.0", "greet", "Ljava/lang/String;")}${text("x")}H`;
    for (const attachments of [
      ["timeout", "0"],
      ["timeout", "3000"],
      ["timeout", "3000", "_TO", "200"],
      ["timeout", "3s"],
    ]) {
      client.send(request(`${body}${texts(...attachments)}Z`));
    }
    await waitFor(() => seen.length === 4);
    expect([seen[0], seen[3]]).toEqual([Infinity, Infinity]);
    expect(Math.round((seen[1] ?? 0) / 1_000)).toBe(3);
    expect(Math.round((seen[2] ?? 0) / 100)).toBe(2);
  });

  test("of dubbo-go is taken: empty version, timeout 0, V for null, capital names, values that are no text", async () => {
    const plain = serviceKey("org.example.Shop");
    const { port } = await provider({}, 0, plain);
    const client = await rawClient(port);
    const attachments = `H${texts("timeout", "0", "retries", "", "flag")}T${texts("path", "org.example.Shop")}Z`;
    const call = (id: number, version: string, rest: string) =>
      client.send(request(texts("2.0.2", "org.example.Shop", version) + rest + attachments, id));
    call(1, "", texts("Greet", "Ljava/lang/String;", "go"));
    call(2, "0.0.0", texts("greet", "Ljava/lang/Object;", "go"));
    call(3, "", `${texts("$echo", "V")}N`);
    call(4, "", texts("$echo", "Ljava/lang/String;", "ping"));
    await waitFor(() => client.frames().length === 4);
    const bodies = client.frames().map(({ idLow, bytes, start, end }) => {
      return [idLow, bytes.toString("latin1", start, end)] as const;
    });
    const end = `H${texts("dubbo", "2.0.2")}Z`;
    expect(new Map(bodies)).toEqual(
      new Map([
        [1, `\x94${text("hello go")}${end}`],
        [2, `\x94${text("hello go")}${end}`],
        [3, `\x95${end}`],
        [4, `\x94${text("ping")}${end}`],
      ]),
    );
  });

  test("by consumers of another protocol version gets answers without attachments", async () => {
    const { port } = await provider({}, 0, serviceKey("org.example.Shop"));
    const client = await rawClient(port);
    for (const [index, version] of ["2.0.1", "3.3.6", "2.0.99", ""].entries()) {
      const body = texts(version, "org.example.Shop", "", "greet", "Ljava/lang/String;", "x");
      client.send(request(`${body}HZ`, index));
    }
    await waitFor(() => client.frames().length === 4);
    const flags = client.frames().map(({ idLow, bytes, start }) => [idLow, bytes[start]]);
    expect(new Map(flags as [number, number][])).toEqual(
      new Map([
        [0, 0x91],
        [1, 0x91],
        [2, 0x94],
        [3, 0x91],
      ]),
    );
  });

  test("in answers fails its call only: unknown serialization, garbage, other ids", async () => {
    const port = await rawServer((socket) =>
      socket.on("data", (chunk: Buffer) => {
        for (const { idHigh, idLow, flags } of decodeFrames(chunk)) {
          if ((flags & 0x20) !== 0) continue;
          const answer = (body: number[], flag = 2, high = idHigh) =>
            socket.write(frameOf({ flags: flag, status: 20, idHigh: high, idLow }, Buffer.from(body)));
          answer([0x91, 0x00], 2, idHigh + 1);
          if (answered === 0) answer([0x91], 23);
          else if (answered === 1) answer([0x99, 0x99]);
          else answer([0x91, 0x01, 0x61]);
          answered += 1;
        }
      }),
    );
    let answered = 0;
    const { shop } = consumer(port);
    await expect(shop.greet("x")).rejects.toMatchObject({ code: "SERIALIZATION_UNKNOWN" });
    await expect(shop.greet("x")).rejects.toMatchObject({ code: "DECODE_FAILED" });
    expect(await shop.greet("x")).toBe("a");
  });

  test("from the implementation: a result that does not fit, an invoker that throws at once", async () => {
    const protocol = protocolOf();
    const broken: Invoker = {
      invoke: ({ args }) => {
        if (args[0] === "throw") throw new Error("thrown at once");
        return Promise.resolve(args[0] === "number" ? { not: "a string" } : "fine");
      },
    };
    const exporter = await protocol.export(
      { key, definition: Shop, invoker: broken },
      { host: "127.0.0.1", port: 0 },
    );
    const { shop } = consumer(exporter.address.port);
    await expect(shop.greet("throw")).rejects.toMatchObject({
      code: "REMOTE_EXCEPTION",
      detail: "thrown at once",
    });
    await expect(shop.greet("number")).rejects.toMatchObject({ code: "PROVIDER_ERROR", mayHaveRun: true });
    expect(await shop.greet("x")).toBe("fine");
  });
});

/** A socket that never opens and never fails, as to a host that drops packets. */
function neverConnects(): Socket {
  return connect({ host: "never.invalid", port: 1, lookup: () => {} });
}
