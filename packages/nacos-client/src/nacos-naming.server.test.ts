import { setMaxListeners } from "node:events";
import { createServer } from "node:net";
import { connectNacos } from "./connect-nacos.js";
import { FakeServer, ok, refused } from "./fake-server.js";
import { type NacosNaming, nacosNaming } from "./nacos-naming.js";
import type { NacosOptions } from "./options.js";
import type { ServiceSnapshot } from "./subscription.js";
import { Proxy, quick, Reading, until } from "./test-support.js";

const demo = { name: "demo-app" };
const at = (port: number, metadata: Record<string, string> = {}) => ({ ip: "10.0.0.1", port, metadata });
const forever = new AbortController().signal;
setMaxListeners(0, forever);

let server: FakeServer;
let closers: (() => unknown)[];

beforeEach(async () => {
  closers = [];
  server = await startServer();
});

afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

async function startServer(): Promise<FakeServer> {
  const started = await new FakeServer().start();
  closers.push(() => started.stop());
  return started;
}

function client(options: Partial<NacosOptions> = {}): NacosNaming {
  const naming = nacosNaming({ ...quick(server.address), ...options });
  closers.push(() => naming.close());
  return naming;
}

function reader(naming: NacosNaming, service = demo): Reading<ServiceSnapshot> {
  return new Reading(naming.subscribe(service, forever));
}

const ports = (snapshot: ServiceSnapshot | undefined) => snapshot?.hosts.map(({ port }) => port).join();

describe("setting up", () => {
  test("sends an ability table and the labels of its module, and tells what it is connected to", async () => {
    const naming = client({ appName: "lab", labels: { zone: "a" } });
    await naming.ready(forever);
    const [connection] = server.connections.values();
    expect(connection?.setUp).toMatchObject({
      tenant: "public",
      abilityTable: {},
      clientVersion: "Nacos-NodeJS-Client:v0.1.0",
      labels: { source: "sdk", module: "naming", AppName: "lab", zone: "a" },
    });
    expect(naming.state).toMatchObject({
      status: "connected",
      connectionId: connection?.id,
      server: server.address,
    });
  });

  test("is running in under a second on a server that sends no SetupAck", async () => {
    server.negotiates = false;
    const start = performance.now();
    await client().ready(forever);
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  test("is running soon on a server that promises a SetupAck and sends none", async () => {
    server.sendsAck = false;
    await client().ready(forever);
  });

  test("asks again while the server is starting, and nobody hears of it", async () => {
    let isStarting = true;
    server.intercept = ({ type }) =>
      isStarting && type === "ServerCheckRequest"
        ? refused(300, "Server is starting,please try later.")
        : undefined;
    const naming = client();
    const registered = naming.register(demo, at(1), forever);
    await until(() => server.of("ServerCheckRequest").length >= 3);
    isStarting = false;
    await registered;
    expect(server.hosts("demo-app")).toHaveLength(1);
  });

  test("says at once that something else listens at the address", async () => {
    const stranger = createServer(
      (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n").on("error", () => {}),
    );
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    closers.push(() => stranger.close());
    const address = stranger.address();
    const port = typeof address === "object" && address ? address.port : 0;
    await expect(client(quick(`127.0.0.1:${port}`)).ready(forever)).rejects.toMatchObject({
      code: "NOT_NACOS",
    });
  });

  test("a gRPC server that is no Nacos is a stranger too", async () => {
    server.intercept = ({ type }) =>
      type === "ServerCheckRequest" ? refused(302, "RequestHandler Not Found") : undefined;
    await expect(client().ready(forever)).rejects.toMatchObject({ code: "NOT_NACOS" });
  });

  test("without a server a request fails in time with the addresses, and a registration happens when it comes", async () => {
    server.stop();
    const naming = client({ waitForServerMs: 50 });
    const error = { code: "UNAVAILABLE", message: expect.stringContaining(server.address) as string };
    await expect(naming.query(demo, forever)).rejects.toMatchObject(error);
    const registered = naming.register(demo, at(1), forever);
    await server.start();
    await registered;
    await until(() => server.hosts("demo-app").length === 1);
  });

  test("naming and config are two connections to the server", async () => {
    const nacos = await connectNacos(quick(server.address));
    closers.push(() => nacos.close());
    const { naming, config } = nacos;
    expect(naming.state.connectionId).not.toBe(config.state.connectionId);
    expect(new Set(server.connections.keys()).size).toBe(2);
  });

  test("connecting both fails as one when there is no server, and leaves nothing open", async () => {
    server.stop();
    const failing = connectNacos({ ...quick(server.address), waitForServerMs: 20 });
    await expect(failing).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });
});

describe("registering", () => {
  test("writes complete objects, and deregisters only its own", async () => {
    const [a, b] = [client(), client()];
    await a.register(demo, at(1, { revision: "é" }), forever);
    await b.register(demo, at(2), forever);
    expect(server.of("InstanceRequest")[0]?.body).toEqual({
      requestId: expect.any(String) as string,
      headers: {},
      module: "naming",
      type: "registerInstance",
      namespace: "public",
      groupName: "DEFAULT_GROUP",
      serviceName: "demo-app",
      instance: {
        instanceId: "",
        ip: "10.0.0.1",
        port: 1,
        weight: 1,
        healthy: true,
        enabled: true,
        ephemeral: true,
        clusterName: "DEFAULT",
        serviceName: "",
        metadata: { revision: "é" },
      },
    });
    await a.deregister(demo, undefined, forever);
    expect(server.hosts("demo-app").map(({ port }) => port)).toEqual([2]);
    expect(await b.services(forever)).toEqual(["demo-app"]);
  });

  test("sends all instances of a service together, and of three the middle one leaves alone", async () => {
    const naming = client();
    for (const port of [1, 2, 3]) await naming.register(demo, at(port), forever);
    await naming.deregister(demo, at(2), forever);
    expect(server.hosts("demo-app").map(({ port }) => port)).toEqual([1, 3]);
    await naming.deregister(demo, at(1), forever);
    expect(server.hosts("demo-app").map(({ port }) => port)).toEqual([3]);
    await naming.deregister(demo, at(3), forever);
    expect(server.hosts("demo-app")).toEqual([]);
  });

  test("an update replaces in place: subscribers never miss the instance", async () => {
    const naming = client();
    await naming.register(demo, at(1, { revision: "1" }), forever);
    const seen = reader(client());
    await until(() => seen.seen.length > 0);
    await naming.update(demo, at(1, { revision: "2" }), forever);
    await until(() => seen.last?.hosts[0]?.metadata.revision === "2");
    expect(seen.seen.every(({ hosts }) => hosts.length === 1)).toBe(true);
    await expect(naming.update(demo, at(9), forever)).rejects.toMatchObject({ code: "INVALID" });
  });

  test("two clients with one address: the one that leaves does not remove the one that stays", async () => {
    const [a, b] = [client(), client()];
    await a.register(demo, at(1), forever);
    await b.register(demo, at(1), forever);
    const seen = reader(client());
    await until(() => ports(seen.last) === "1,1");
    await a.close();
    await until(() => ports(seen.last) === "1");
  });

  test("metadata of 1024 characters passes, 1025 are refused before sending with the size of each key", async () => {
    const naming = client();
    await naming.register(demo, at(1, { key: "v".repeat(1021) }), forever);
    const error = { code: "INVALID", message: expect.stringContaining("long 1024, a 1") as string };
    const tooLong = at(2, { long: "v".repeat(1020), a: "" });
    await expect(naming.register(demo, tooLong, forever)).rejects.toMatchObject(error);
    expect(server.hosts("demo-app")).toHaveLength(1);
  });

  test("a server that knows no batch is told so, and the first instance stays", async () => {
    server.intercept = ({ type }) =>
      type === "BatchInstanceRequest" ? refused(302, "RequestHandler Not Found") : undefined;
    const naming = client();
    await naming.register(demo, at(1), forever);
    const error = { code: "UNSUPPORTED", serverCode: 302 };
    await expect(naming.register(demo, at(2), forever)).rejects.toMatchObject(error);
    await until(() => server.of("InstanceRequest").length === 2);
    expect(server.hosts("demo-app").map(({ port }) => port)).toEqual([1]);
  });

  test("the user's mistakes and missing rights come back as such", async () => {
    const naming = client();
    server.intercept = ({ type }) =>
      type === "InstanceRequest" ? refused(403, "user not found!", "InstanceResponse") : undefined;
    await expect(naming.register(demo, at(1), forever)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    server.intercept = ({ type }) =>
      type === "InstanceRequest" ? refused(400, "Param check invalid") : undefined;
    await expect(naming.register(demo, at(1), forever)).rejects.toMatchObject({ code: "INVALID" });
    server.intercept = ({ type }) =>
      type === "InstanceRequest" ? refused(22001, "Namespace 'nope' does not exist.") : undefined;
    await expect(naming.register(demo, at(1), forever)).rejects.toMatchObject({
      code: "REFUSED",
      serverCode: 22001,
    });
    await expect(naming.register({ name: "a b" }, at(1), forever)).rejects.toMatchObject({ code: "INVALID" });
    expect(server.hosts("demo-app")).toEqual([]);
  });

  test("a server error is not the end: tried again with pauses, and other services do not wait for it", async () => {
    let failures = 0;
    server.intercept = ({ type, body }) =>
      type === "InstanceRequest" && body.serviceName === "sick" && ++failures < 4
        ? refused(503, "over threshold", "InstanceResponse")
        : undefined;
    const naming = client();
    const sick = naming.register({ name: "sick" }, at(1), forever);
    await naming.register(demo, at(2), forever);
    expect(server.hosts("sick")).toEqual([]);
    await sick;
    expect(failures).toBe(4);
    failures = -Infinity; // from now on it fails for ever
    const given = new AbortController();
    const hopeless = naming.register({ name: "sick" }, at(1), given.signal).catch(() => {});
    const [since, before] = [performance.now(), server.of("InstanceRequest").length];
    await until(() => performance.now() - since > 800);
    expect(server.of("InstanceRequest").length - before).toBeLessThan(15);
    server.intercept = () => undefined;
    given.abort();
    await hopeless;
  });

  test("a registration that is given up is withdrawn, also when its answer got lost", async () => {
    const naming = client({ requestTimeoutMs: 200 });
    const given = new AbortController();
    server.intercept = ({ type }) => {
      if (type !== "InstanceRequest") return undefined;
      server.intercept = () => undefined;
      return "silence";
    };
    const registered = naming.register(demo, at(1), given.signal);
    await until(() => server.of("InstanceRequest").length === 1);
    given.abort(new Error("enough"));
    await expect(registered).rejects.toThrow("enough");
    await until(() => server.of("InstanceRequest").some(({ body }) => body.type === "deregisterInstance"));
    expect(server.hosts("demo-app")).toEqual([]);
  });

  test("looks for itself in the list, and registers again when the server forgot", async () => {
    const naming = client();
    await naming.register(demo, at(1), forever);
    for (const { published } of server.connections.values()) published.clear();
    await until(() => server.hosts("demo-app").length === 1);
  });
});

test("deregistering without a server takes no time, and leaves others' registrations waiting", async () => {
  server.stop();
  const naming = client();
  let isRegistered = false;
  const registered = naming.register(demo, at(1), forever).then(() => {
    isRegistered = true;
  });
  const given = new AbortController();
  const second = naming.register(demo, at(2), given.signal).catch(() => "given up");
  await naming.deregister(demo, at(2), forever);
  await naming.deregister(demo, at(3), AbortSignal.abort()).catch(() => {});
  expect(isRegistered).toBe(false);
  await server.start();
  await registered;
  given.abort();
  await second;
  expect(server.hosts("demo-app").map(({ port }) => port)).toEqual([1]);
});

describe("subscribing", () => {
  test("yields whole lists, keeps the objects that did not change, and does not repeat equal lists", async () => {
    const [provider, consumer] = [client(), client()];
    await provider.register(demo, at(1), forever);
    const seen = reader(consumer);
    await until(() => ports(seen.last) === "1" && seen.last?.settled);
    const [first] = seen.last?.hosts ?? [];
    const count = seen.seen.length;
    await provider.register(demo, at(1), forever); // an equal one is pushed again
    await provider.register(demo, at(2), forever);
    await until(() => ports(seen.last) === "1,2");
    expect(seen.last?.hosts[0]).toBe(first);
    expect(seen.seen).toHaveLength(count + 1);
    await provider.close();
    await until(() => ports(seen.last) === "");
  });

  test("a service without instances is an empty list", async () => {
    const seen = reader(client());
    expect(await until(() => seen.last)).toMatchObject({ hosts: [] });
  });

  test("says whether a list is settled, once more when the grace is over", async () => {
    const seen = reader(client({ graceMs: 150 }));
    await until(() => seen.last?.settled);
    expect(seen.seen.map(({ settled }) => settled)).toEqual([false, true]);
    expect(server.of("ServiceQueryRequest")).toHaveLength(1);
  });

  test("many readers are one subscription, and the last one to leave ends it", async () => {
    const naming = client();
    const [a, b] = [new AbortController(), new AbortController()];
    const readings = [a, b].map(({ signal }) => new Reading(naming.subscribe(demo, signal)));
    await until(() => readings.every(({ seen }) => seen.length > 0));
    a.abort();
    await readings[0]?.done;
    await client().register(demo, at(1), forever);
    await until(() => ports(readings[1]?.last) === "1");
    b.abort();
    await until(() => server.of("SubscribeServiceRequest").length === 2);
    expect(server.of("SubscribeServiceRequest").map(({ body }) => body.subscribe)).toEqual([true, false]);
    expect(server.of("SubscribeServiceRequest").map(({ body }) => body.clusters)).toEqual(["", ""]);
  });

  test("leaving and coming back quickly ends subscribed, once", async () => {
    const naming = client();
    const readings: Reading<ServiceSnapshot>[] = [];
    for (let round = 0; round < 5; round += 1) {
      const leave = new AbortController();
      readings.push(new Reading(naming.subscribe(demo, leave.signal)));
      if (round < 4) leave.abort();
    }
    await until(() => readings[4]?.last);
    await client().register(demo, at(1), forever);
    await until(() => ports(readings[4]?.last) === "1");
    expect([...server.connections.values()].filter(({ subscribed }) => subscribed.size > 0)).toHaveLength(1);
  });

  test("reads incomplete pushes of other servers, and answers every push", async () => {
    const seen = reader(client({ graceMs: 0 }));
    await until(() => seen.last);
    const lastRefTime = Date.now() + 10_000;
    const hosts = [
      { ip: "h1", port: 7, metadata: { __proto__: null, n: 1, "": "x" }, future: {} },
      { port: 8 },
      null,
      "x",
    ];
    server.pushAll("NotifySubscriberRequest", {
      requestId: "77",
      serviceInfo: { name: "DEFAULT_GROUP@@demo-app", hosts, allIps: true, lastRefTime },
    });
    await until(() => seen.last?.hosts.length === 1);
    expect(seen.last?.hosts[0]).toEqual({
      instanceId: "",
      ip: "h1",
      port: 7,
      weight: 1,
      healthy: true,
      enabled: true,
      ephemeral: true,
      clusterName: "DEFAULT",
      metadata: { n: "1", "": "x" },
    });
    server.pushAll("NotifySubscriberRequest", { requestId: "78" });
    server.pushAll("FutureRequest", { requestId: "79" });
    server.pushAll("ClientDetectionRequest", { requestId: "80" });
    await until(() => server.answers.some(({ body }) => body?.requestId === "80"));
    const answers = ["77", "78", "79", "80"].map((id) =>
      server.answers.find(({ body }) => body?.requestId === id),
    );
    expect(answers.map((answer) => answer?.type)).toEqual([
      "NotifySubscriberResponse",
      "NotifySubscriberResponse",
      "FutureResponse",
      "ClientDetectionResponse",
    ]);
    expect(answers[0]?.body).toEqual({ resultCode: 200, errorCode: 0, requestId: "77", success: true });
  });

  test("drops a list that is older than the last one of the same connection, and takes a repeated push once", async () => {
    const seen = reader(client({ graceMs: 0 }));
    await until(() => seen.last);
    const push = (port: number, lastRefTime: number) => {
      const serviceInfo = {
        ...server.serviceInfo("DEFAULT_GROUP@@demo-app", [{ ip: "h", port }]),
        lastRefTime,
      };
      server.pushAll("NotifySubscriberRequest", { serviceInfo });
    };
    const now = Date.now() + 10_000;
    push(1, now);
    push(2, now - 1);
    push(1, now);
    push(3, now + 1);
    await until(() => ports(seen.last) === "3");
    expect(seen.seen.map(ports)).not.toContain("2");
  });

  test("a lost push is made good by the resync", async () => {
    const seen = reader(client({ graceMs: 0, resyncMs: 100 }));
    await until(() => seen.last);
    server.pushDelayMs = 60_000;
    await client().register(demo, at(1), forever);
    await until(() => ports(seen.last) === "1");
  });

  test("names that are not ASCII and 500 instances with 0.4 MB of metadata come through intact", async () => {
    const name = { name: "größe/è:1", group: "g" };
    const metadata = { ключ: "ü".repeat(900) };
    const naming = client();
    await naming.registerBatch(
      name,
      Array.from({ length: 500 }, (_, port) => at(port, metadata)),
      forever,
    );
    const { hosts } = await client().query(name, forever);
    expect(hosts).toHaveLength(500);
    expect(hosts.every((host) => host.metadata.ключ === metadata.ключ)).toBe(true);
  });

  test("many services are listed page by page", async () => {
    const naming = client();
    const names = Array.from({ length: 501 }, (_, index) => `s${index}`);
    await Promise.all(names.map((name) => naming.register({ name }, at(1), forever)));
    expect([...(await naming.services(forever))].sort()).toEqual([...names].sort());
    // On a busy machine a page may be asked for twice.
    const pages = server.of("ServiceListRequest").map(({ body }) => body.pageNo);
    expect([...new Set(pages)]).toEqual([1, 2]);
  });
});

describe("losing the server", () => {
  test("a killed server that comes back has everything again, and consumers never see an empty list", async () => {
    const [provider, consumer] = [client(), client()];
    await provider.registerBatch(demo, [at(1), at(2)], forever);
    const seen = reader(consumer);
    await until(() => ports(seen.last) === "1,2" && seen.last?.settled);
    const before = seen.seen.length;
    server.stop();
    await until(() => consumer.state.status === "connecting" && provider.state.status === "connecting");
    expect(seen.seen).toHaveLength(before);
    await server.start();
    await until(() => server.hosts("demo-app").length === 2);
    await client().register(demo, at(3), forever);
    await until(() => ports(seen.last) === "1,2,3");
    const emptyAndSettled = seen.seen
      .slice(before)
      .filter(({ hosts, settled }) => settled && hosts.length < 2);
    expect(emptyAndSettled).toEqual([]);
  });

  test("a short list soon after a reconnect is not settled", async () => {
    const naming = client({ graceMs: 300 });
    const provider = client();
    await provider.registerBatch(demo, [at(1), at(2)], forever);
    const seen = reader(naming);
    await until(() => ports(seen.last) === "1,2" && seen.last?.settled);
    server.stop();
    await provider.close();
    await server.start();
    await client().register(demo, at(7), forever);
    await until(() => ports(seen.last) === "7");
    expect(seen.last?.settled).toBe(false);
    await until(() => seen.last?.settled);
    expect(ports(seen.last)).toBe("7");
  });

  test("who was seen on this connection and goes has really gone, however young the connection is", async () => {
    const naming = client({ graceMs: 60_000 });
    const provider = client();
    await provider.registerBatch(demo, [at(1), at(2)], forever);
    const seen = reader(naming);
    await until(() => ports(seen.last) === "1,2");
    expect(seen.last?.settled).toBe(false);
    await provider.close();
    await until(() => ports(seen.last) === "");
    expect(seen.last?.settled).toBe(true);
  });

  test("a stream that ends with OK is a loss too: connected again in under a second", async () => {
    const naming = client();
    await naming.register(demo, at(1), forever);
    const start = performance.now();
    server.unregisterAll();
    await until(() => server.hosts("demo-app").length === 1);
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  test("301 on a request: reconnects, registers again, repeats the request once", async () => {
    const naming = client();
    await naming.register(demo, at(1), forever);
    let isKnown = false;
    server.intercept = ({ type }) => {
      if (type !== "ServiceQueryRequest" || isKnown) return undefined;
      isKnown = true;
      return refused(301, "Connection is unregistered.");
    };
    const { connectionId } = naming.state;
    await naming.query(demo, forever);
    expect(naming.state.connectionId).not.toBe(connectionId);
    await until(() => server.hosts("demo-app").length === 1 && server.of("InstanceRequest").length === 2);
    expect(server.of("ServiceQueryRequest")).toHaveLength(2);
  });

  test("checks the health whatever else happens, and leaves a server that is silent three times", async () => {
    const naming = client({ healthCheckMs: 40, healthTimeoutMs: 30 });
    await naming.ready(forever);
    await until(() => server.of("HealthCheckRequest").length >= 3);
    const { connectionId } = naming.state;
    server.intercept = ({ type, connectionId: id }) =>
      type === "HealthCheckRequest" && id === connectionId ? "silence" : undefined;
    await until(() => naming.state.connectionId !== connectionId && naming.state.status === "connected");
  });

  test("a black hole is noticed within the bound, nothing hangs, and it heals by itself", async () => {
    const proxy = await new Proxy().start(server.address);
    closers.push(() => proxy.stop());
    const times = { healthCheckMs: 100, healthTimeoutMs: 100, requestTimeoutMs: 300, waitForServerMs: 200 };
    const naming = client({ ...quick(proxy.address), ...times, backoffCapMs: 200 });
    await naming.register(demo, at(1), forever);
    proxy.isBlackHole = true;
    await expect(naming.query(demo, forever)).rejects.toMatchObject({ name: "NacosError" });
    await until(() => naming.state.status === "connecting");
    proxy.isBlackHole = false;
    proxy.cut();
    await until(() => naming.state.status === "connected" && server.hosts("demo-app").length === 1);
  });

  test("cuts every few milliseconds: connects are backed off, and it settles", async () => {
    const proxy = await new Proxy().start(server.address);
    closers.push(() => proxy.stop());
    const naming = client({ ...quick(proxy.address), backoffCapMs: 500 });
    const seen = reader(naming);
    await naming.register(demo, at(1), forever);
    const cutting = setInterval(() => proxy.cut(), 50);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    clearInterval(cutting);
    expect(server.of("ServerCheckRequest").length).toBeLessThan(25);
    await until(
      () =>
        naming.state.status === "connected" &&
        ports(seen.last) === "1" &&
        server.hosts("demo-app").length === 1,
      8_000,
    );
    expect(proxy.sockets.size).toBe(2);
  }, 15_000);

  test("a server that ends each connection at once is not stormed", async () => {
    const naming = client({ backoffCapMs: 400 });
    const ending = setInterval(() => server.unregisterAll(), 1);
    await until(() => server.of("ServerCheckRequest").length > 6, 10_000);
    const [since, before] = [performance.now(), server.of("ServerCheckRequest").length];
    await until(() => performance.now() - since > 500);
    clearInterval(ending);
    expect(server.of("ServerCheckRequest").length - before).toBeLessThan(8);
    await until(() => naming.state.status === "connected");
  }, 20_000);

  test("a server whose clock is behind is believed after a switch", async () => {
    const seen = reader(client({ graceMs: 0 }));
    await until(() => seen.last);
    server.clockOffsetMs = -60_000;
    server.unregisterAll();
    await client().register(demo, at(1), forever);
    await until(() => ports(seen.last) === "1");
  });

  test("goes to another server when one dies", async () => {
    const other = await startServer();
    const naming = client(quick(server.address, other.address));
    await naming.register(demo, at(1), forever);
    const [first, second] = naming.state.server === server.address ? [server, other] : [other, server];
    first.stop();
    await until(() => second.hosts("demo-app").length === 1);
  });

  test.each(["listed", "unlisted", "dead"])(
    "ConnectReset to a %s server moves the client, without a gap",
    async (kind) => {
      const other = await startServer();
      const dead = "127.0.0.1:1";
      const naming = client({ ...quick(server.address, other.address, dead), random: () => 0 });
      await naming.register(demo, at(1), forever);
      expect(naming.state.server).toBe(server.address);
      const states = new Reading(naming.states(forever));
      const { connectionId } = naming.state;
      const target = { listed: other.address, unlisted: "10.9.9.9:8848", dead }[kind] ?? "";
      const [serverIp, serverPort] = target.split(":");
      server.pushAll("ConnectResetRequest", { serverIp, serverPort, requestId: "5" });
      await until(() => naming.state.connectionId !== connectionId);
      if (kind !== "dead") expect(naming.state.server).toBe(other.address);
      expect(states.seen.every(({ status }) => status === "connected")).toBe(true);
      await until(() => [...other.connections.values(), ...server.connections.values()].length === 1);
      await until(() => other.hosts("demo-app").length + server.hosts("demo-app").length === 1);
      expect(server.answers.some(({ type }) => type === "ConnectResetResponse")).toBe(true);
    },
  );
});

describe("limits of waiting", () => {
  test("a request that the server does not answer is tried three times and fails in time", async () => {
    server.intercept = ({ type }) => (type === "ServiceQueryRequest" ? "silence" : undefined);
    const naming = client({ requestTimeoutMs: 30 });
    await expect(naming.query(demo, forever)).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(server.of("ServiceQueryRequest")).toHaveLength(3);
  });

  test("a cancelled request rejects with the reason of its signal", async () => {
    server.intercept = ({ type }) => (type === "ServiceQueryRequest" ? "silence" : undefined);
    const given = new AbortController();
    const query = client().query(demo, given.signal);
    await until(() => server.of("ServiceQueryRequest").length === 1);
    given.abort(new Error("enough"));
    await expect(query).rejects.toThrow("enough");
  });

  test("503 is backed off, not stormed", async () => {
    let answers = 0;
    server.intercept = ({ type }) => {
      if (type !== "ServiceQueryRequest") return undefined;
      return ++answers < 3 ? refused(503, "over threshold") : ok("QueryServiceResponse", { serviceInfo: {} });
    };
    expect((await client().query(demo, forever)).hosts).toEqual([]);
    expect(answers).toBe(3);
  });

  test("closing ends readers, deregisters, and is final; twice is harmless", async () => {
    const naming = client();
    await naming.register(demo, at(1), forever);
    const seen = reader(naming);
    await until(() => seen.last);
    const closing = [naming.close(), naming.close()];
    await seen.done;
    await Promise.all(closing);
    expect(server.hosts("demo-app")).toEqual([]);
    expect(server.of("InstanceRequest").at(-1)?.body.type).toBe("deregisterInstance");
    await expect(naming.register(demo, at(1), forever)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(naming.query(demo, forever)).rejects.toMatchObject({ code: "CLOSED" });
    expect(naming.state.status).toBe("closed");
  });

  test("closing during a reconnect, or during a register that hangs, takes two seconds at most", async () => {
    server.intercept = ({ type }) => (type === "InstanceRequest" ? "silence" : undefined);
    const hanging = client();
    const registered = hanging.register(demo, at(1), forever).catch((error: unknown) => error);
    await until(() => server.of("InstanceRequest").length === 1);
    const start = performance.now();
    await hanging.close();
    expect(performance.now() - start).toBeLessThan(2_500);
    expect(await registered).toMatchObject({ code: "CLOSED" });
    server.stop();
    const lonely = client();
    const pending = lonely.register(demo, at(1), forever).catch((error: unknown) => error);
    await lonely.close();
    expect(await pending).toMatchObject({ code: "CLOSED" });
  });
});

test.each([1, 2])(
  "whatever joins, leaves and breaks, subscribers end with the truth (seed %i)",
  async (seed) => {
    const random = seeded(seed);
    const proxy = await new Proxy().start(server.address);
    closers.push(() => proxy.stop());
    const options = {
      ...quick(proxy.address),
      backoffCapMs: 100,
      healthCheckMs: 200,
      healthTimeoutMs: 100,
      requestTimeoutMs: 200,
    };
    const providers = Array.from({ length: 4 }, () => client(options));
    const readers = [client(options), client(options)].map((naming) => reader(naming));
    const truth = new Map<string, true>();
    const faults = [
      () => proxy.cut(),
      () => server.unregisterAll(),
      () => server.stop(),
      () => void (proxy.isBlackHole = true),
    ];
    for (let turn = 0; turn < 40; turn += 1) {
      const index = Math.floor(random() * providers.length);
      const port = index * 10 + Math.floor(random() * 4);
      const [provider, signal] = [providers[index], AbortSignal.timeout(4_000)];
      if (random() < 0.2) {
        faults[Math.floor(random() * faults.length)]?.();
        await new Promise((resolve) => setTimeout(resolve, 30 + random() * 100));
        await server.start();
        proxy.isBlackHole = false;
        proxy.cut();
      } else if (truth.has(String(port))) {
        await provider?.deregister(demo, at(port), signal);
        truth.delete(String(port));
      } else {
        await provider?.register(demo, at(port), signal);
        truth.set(String(port), true);
      }
    }
    const wanted = [...truth.keys()]
      .map(Number)
      .sort((a, b) => a - b)
      .join();
    await until(() => readers.every(({ last }) => ports(last) === wanted && last?.settled), 10_000);
    expect(server.hosts("demo-app")).toHaveLength(truth.size);
  },
  40_000,
);

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
