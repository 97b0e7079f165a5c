import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, request, type RequestOptions } from "node:http";
import { connect as connectSocket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { type Runtime, systemClock, systemRuntime } from "@dubbo-ts/core";
import type { Faults } from "./faults.js";
import { type NacosServer, type NacosServerOptions, startNacosServer } from "./nacos-server.js";
import {
  addresses,
  config,
  instance,
  type Json,
  name,
  query,
  register,
  subscribe,
  until,
  WireClient,
} from "./test-support.js";

/** Timers run `factor` times as fast. */
const fastRuntime = (factor: number): Runtime => ({
  ...systemRuntime,
  clock: {
    ...systemClock,
    setTimeout: (callback, delayMs, options) => systemClock.setTimeout(callback, delayMs / factor, options),
  },
});

const beats = { instanceHeartBeatInterval: 5000, instanceHeartBeatTimeOut: 15000, ipDeleteTimeout: 30000 };
const infoFields = {
  cacheMillis: 10000,
  lastRefTime: expect.any(Number) as number,
  checksum: "",
  allIps: false,
  reachProtectionThreshold: false,
  valid: true,
};

describe("the embedded server on the wire", () => {
  const opened: WireClient[] = [];
  const servers: NacosServer[] = [];
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "dubbo-ts-registry-"));
  });
  afterEach(async () => {
    for (const client of opened.splice(0)) client.close();
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function start(options: NacosServerOptions = {}): Promise<NacosServer> {
    const server = await startNacosServer({ port: 0, pushDelayMs: 20, ...options });
    servers.push(server);
    return server;
  }
  function client(server: NacosServer): WireClient {
    const created = new WireClient(server.port);
    opened.push(created);
    return created;
  }
  const connected = (server: NacosServer) => client(server).setUp();

  test("checks, sets up and refuses with the recorded bodies", async () => {
    const server = await start();
    const one = client(server);
    const check = await one.ask("ServerCheckRequest", { requestId: "1", headers: {}, module: "internal" });
    expect(check).toEqual({
      type: "ServerCheckResponse",
      body: {
        resultCode: 200,
        errorCode: 0,
        connectionId: expect.stringMatching(/^\d{13}_127\.0\.0\.1_\d+$/) as string,
        supportAbilityNegotiation: true,
        success: true,
      },
    });
    expect(await one.ask("HealthCheckRequest", {})).toEqual({
      type: "ErrorResponse",
      body: { resultCode: 500, errorCode: 301, message: "Connection is unregistered.", success: false },
    });
    const unknown = {
      type: "ErrorResponse",
      body: { resultCode: 500, errorCode: 302, message: "RequestHandler Not Found", success: false },
    };
    expect(await one.ask("NoSuchRequest", {})).toEqual(unknown);
    await one.setUp();
    expect(await one.ask("NoSuchRequest", {})).toEqual(unknown);
    expect(await one.ask("HealthCheckRequest", {})).toEqual({
      type: "HealthCheckResponse",
      body: { resultCode: 200, errorCode: 0, success: true },
    });
    for (const body of ["", "no json", "[1"])
      expect(await one.ask("ServiceQueryRequest", Buffer.from(body))).toEqual({
        type: "ErrorResponse",
        body: {
          resultCode: 500,
          errorCode: 502,
          message: "errCode: 101, errMsg: Nacos deserialize failed.  ",
          success: false,
        },
      });
    expect(one.pushed[0]).toEqual({
      type: "SetupAckRequest",
      body: { headers: {}, abilityTable: { supportPersistentInstanceByGrpc: true }, module: "internal" },
    });
    expect(server.clients.map(({ id }) => id)).toEqual([check.body["connectionId"]]);
    const old = await client(server).setUp(null);
    expect(old.pushesOf("SetupAckRequest")).toHaveLength(0);
    expect(server.clients).toHaveLength(2);
  });

  test("registers, lists and pushes with the recorded bodies", async () => {
    const server = await start();
    const [provider, consumer] = [await connected(server), await connected(server)];
    expect(await consumer.ask(...query("nope"))).toEqual({
      type: "QueryServiceResponse",
      body: {
        resultCode: 200,
        errorCode: 0,
        serviceInfo: { name: "nope", groupName: "DEFAULT_GROUP", clusters: "", hosts: [], ...infoFields },
        success: true,
      },
    });
    expect(await provider.ask(...register("demo-app", 50051, { serviceName: "demo-app" }))).toEqual({
      type: "InstanceResponse",
      body: { resultCode: 200, errorCode: 0, type: "registerInstance", success: true },
    });
    const serviceInfo = {
      name: "demo-app",
      groupName: "DEFAULT_GROUP",
      clusters: "",
      ...infoFields,
      hosts: [
        {
          instanceId: "10.0.0.1#50051#DEFAULT#demo-app",
          ip: "10.0.0.1",
          port: 50051,
          weight: 1,
          healthy: true,
          enabled: true,
          ephemeral: true,
          clusterName: "DEFAULT",
          serviceName: "DEFAULT_GROUP@@demo-app",
          metadata: { "dubbo.metadata.revision": "abc" },
          ...beats,
        },
      ],
    };
    expect(await consumer.ask(...subscribe("demo-app"))).toEqual({
      type: "SubscribeServiceResponse",
      body: { resultCode: 200, errorCode: 0, message: "success", serviceInfo, success: true },
    });
    // Every subscribe is followed by a push of the same list.
    await until(() => consumer.lists.length === 1);
    expect(consumer.pushesOf("NotifySubscriberRequest")[0]).toEqual({
      headers: {},
      requestId: expect.any(String) as string,
      serviceInfo,
      module: "naming",
    });
    await provider.ask(...register("p1", 1));
    expect(
      await consumer.ask("ServiceListRequest", { ...name(""), pageNo: 1, pageSize: 10, selector: "" }),
    ).toEqual({
      type: "ServiceListResponse",
      body: { resultCode: 200, errorCode: 0, count: 2, serviceNames: ["demo-app", "p1"], success: true },
    });
    const page = await consumer.ask("ServiceListRequest", { ...name(""), pageNo: 2, pageSize: 1 });
    expect(page.body).toMatchObject({ count: 2, serviceNames: ["p1"] });
    // Ip and port of a deregistration are not looked at; the last one left gives an empty push.
    const gone = name("demo-app", { type: "deregisterInstance", instance: instance(9) });
    expect(await provider.ask("InstanceRequest", gone)).toEqual({
      type: "InstanceResponse",
      body: { resultCode: 200, errorCode: 0, type: "deregisterInstance", success: true },
    });
    await until(() => consumer.lists.length === 2);
    expect(consumer.lists[1]).toEqual([]);
    expect((await provider.ask("InstanceRequest", gone)).body["errorCode"]).toBe(0);
  });

  test("keeps one entry a connection and service, and a batch replaces it", async () => {
    const server = await start();
    const [one, two, reader] = [await connected(server), await connected(server), await connected(server)];
    const list = async (service = "s", more: Json = {}) =>
      addresses((await reader.ask(...query(service, more))).body["serviceInfo"] as Json);
    await one.ask(...register("s", 1));
    await one.ask(...register("s", 2));
    expect(await list()).toEqual(["10.0.0.1:2"]);
    const batch = {
      type: "batchRegisterInstance",
      instances: [
        instance(1),
        instance(2, { clusterName: "east" }),
        instance(3, { enabled: false }),
        instance(4, { weight: 0 }),
        instance(5, { healthy: false }),
      ],
    };
    expect(await one.ask("BatchInstanceRequest", name("s", batch))).toEqual({
      type: "BatchInstanceResponse",
      body: { resultCode: 200, errorCode: 0, type: "batchRegisterInstance", success: true },
    });
    // Switched off: not delivered. Weight 0 and ill: delivered.
    expect(await list()).toEqual(["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:4", "10.0.0.1:5"]);
    expect(await list("s", { cluster: "east" })).toEqual(["10.0.0.1:2"]);
    expect(await list("s", { healthyOnly: true })).not.toContain("10.0.0.1:5");
    await two.ask(...register("s", 1));
    expect((await list()).filter((address) => address === "10.0.0.1:1")).toHaveLength(2);
    const { body } = await reader.ask(...query("s", { cluster: "DEFAULT" }));
    const ids = ((body["serviceInfo"] as Json)["hosts"] as Json[]).map(({ instanceId }) => instanceId);
    expect(ids.filter((id) => id === "10.0.0.1#1#DEFAULT#DEFAULT_GROUP@@s")).toHaveLength(2);
    one.close();
    await until(async () => (await list()).length === 1);
    // The empty namespace is one of its own, and so is every group.
    expect(await list("s", { namespace: "" })).toEqual([]);
    expect(await list("s", { groupName: "other" })).toEqual([]);
  });

  test("pushes to each subscriber what changes, until it unsubscribes", async () => {
    const server = await start();
    const [provider, consumer] = [await connected(server), await connected(server)];
    await consumer.ask(...subscribe("s"));
    await until(() => consumer.lists.length === 1);
    await provider.ask(...register("s", 1));
    await until(() => consumer.lists.length === 2);
    await provider.ask(...register("s", 1)); // equal, and pushed again
    await until(() => consumer.lists.length === 3);
    await Promise.all([1, 2, 3].map((port) => provider.ask(...register("s", port))));
    await until(() => consumer.lists.length >= 4);
    expect(consumer.lists.slice(0, 3)).toEqual([[], ["10.0.0.1:1"], ["10.0.0.1:1"]]);
    const times = consumer
      .pushesOf("NotifySubscriberRequest")
      .map(({ serviceInfo }) => (serviceInfo as Json)["lastRefTime"] as number);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    await consumer.ask(...subscribe("s", { subscribe: false }));
    const count = consumer.lists.length;
    const other = await connected(server);
    await other.ask(...subscribe("s"));
    provider.close();
    await until(() => other.lists.at(-1)?.length === 0);
    expect(consumer.lists).toHaveLength(count);
  });

  const metadata = (length: number) => ({ metadata: { k: "v".repeat(length - 1) } });
  const tooLong = (param: string, most: number) =>
    `Param check invalid:Param '${param}' is illegal, the param length should not exceed ${most}.`;
  const characters = (param: string) =>
    `Param check invalid:Param '${param}' is illegal, illegal characters should not appear in the param.`;
  test("checks parameters as real servers do", async () => {
    const one = await connected(await start());
    const refusedWith = (message: string) => ({
      type: "InstanceResponse",
      body: { resultCode: 500, errorCode: 400, message, success: false },
    });
    const refused: [string, ReturnType<typeof register>][] = [
      [tooLong("Metadata", 1024), register("s", 1, metadata(1025))],
      [tooLong("serviceName", 512), register("s".repeat(513), 1)],
      [tooLong("group", 128), register("s", 1, {}, { groupName: "g".repeat(129) })],
      [tooLong("cluster", 64), register("s", 1, { clusterName: "c".repeat(65) })],
      [tooLong("namespaceId/tenant", 64), register("s", 1, {}, { namespace: "n".repeat(65) })],
      [characters("serviceName"), register("a@@b", 1)],
      [characters("serviceName"), register("中文", 1)],
      [characters("serviceName"), register("a b", 1)],
      [characters("ip"), register("s", 1, { ip: "10.0 .0.1" })],
      [characters("group"), register("s", 1, {}, { groupName: "a b" })],
      [characters("namespaceId/tenant"), register("s", 1, {}, { namespace: "a b" })],
      [
        "Param check invalid:Param 'port' is illegal, the value should be between 0 and 65535.",
        register("s", 65536),
      ],
    ];
    for (const [message, request] of refused) expect(await one.ask(...request)).toEqual(refusedWith(message));
    const accepted = [
      register("s", 1, metadata(1024)),
      register("s", 1, { port: undefined, ip: "::1" }),
      register("a:b/c", 1, { ip: "some-host", weight: 1e9, metadata: { x: "中文" } }),
      register("s", 1, { weight: -1 }, { namespace: "unknown" }),
    ];
    for (const request of accepted) expect((await one.ask(...request)).body["errorCode"]).toBe(0);
    const thrown: [number, string, ReturnType<typeof register>][] = [
      [
        400,
        "Instance 'clusterName' should be characters with only 0-9a-zA-Z-. (current: a_b)",
        register("s", 1, { clusterName: "a_b" }),
      ],
      [400, "Unsupported request type x", register("s", 1, {}, { type: "x" })],
      [400, "Instance can not be null.", register("s", 1, {}, { instance: null })],
      [
        500,
        "Param 'namespace' is illegal, namespace is null",
        register("s", 1, {}, { namespace: undefined }),
      ],
      [
        500,
        "Param 'groupName' is illegal, groupName is blank",
        register("s", 1, {}, { groupName: undefined }),
      ],
    ];
    for (const [code, message, request] of thrown)
      expect(await one.ask(...request)).toEqual({
        type: "ErrorResponse",
        body: { resultCode: code, errorCode: code, message, success: false },
      });
    const instances = Array.from({ length: 500 }, (_, port) =>
      instance(port, { metadata: { k: "v".repeat(899) } }),
    );
    await one.ask("BatchInstanceRequest", name("big", { type: "batchRegisterInstance", instances }));
    const all = await one.ask(...query("big"));
    expect(addresses(all.body["serviceInfo"] as Json)).toHaveLength(500);
  });

  test("keeps configs, compares, and tells listeners", async () => {
    const server = await start();
    const [one, two] = [await connected(server), await connected(server)];
    const ask = (type: string, body: Json) => one.ask(type, body);
    expect(await ask("ConfigQueryRequest", config("k1"))).toEqual({
      type: "ConfigQueryResponse",
      body: {
        resultCode: 500,
        errorCode: 300,
        message: "config data not exist",
        lastModified: 0,
        beta: false,
        success: false,
      },
    });
    const context = { group: "DEFAULT_GROUP", dataId: "k1", tenant: "", md5: "" };
    const listen = (contexts: Json[], on = true) => ({
      module: "config",
      listen: on,
      configListenContexts: contexts,
    });
    const nothingNew = await two.ask("ConfigBatchListenRequest", listen([context]));
    expect(nothingNew).toEqual({
      type: "ConfigChangeBatchListenResponse",
      body: { resultCode: 200, errorCode: 0, changedConfigs: [], success: true },
    });
    expect(await ask("ConfigPublishRequest", config("k1", { content: "v1" }))).toEqual({
      type: "ConfigPublishResponse",
      body: { resultCode: 200, errorCode: 0, success: true },
    });
    expect(await ask("ConfigQueryRequest", config("k1", { tenant: "public" }))).toEqual({
      type: "ConfigQueryResponse",
      body: {
        resultCode: 200,
        errorCode: 0,
        content: "v1",
        encryptedDataKey: "",
        contentType: "text",
        md5: "6654c734ccab8f440ff0825eb443dc7f",
        lastModified: expect.any(Number) as number,
        beta: false,
        success: true,
      },
    });
    await until(() => two.pushesOf("ConfigChangeNotifyRequest").length === 1);
    expect(two.pushesOf("ConfigChangeNotifyRequest")[0]).toEqual({
      headers: {},
      requestId: expect.any(String) as string,
      dataId: "k1",
      group: "DEFAULT_GROUP",
      module: "config",
    });
    const changed = await two.ask("ConfigBatchListenRequest", listen([context]));
    expect(changed.body["changedConfigs"]).toEqual([{ group: "DEFAULT_GROUP", dataId: "k1", tenant: "" }]);
    const lost = {
      type: "ConfigPublishResponse",
      body: {
        resultCode: 500,
        errorCode: 500,
        message: "Cas publish fail,server md5 may have changed.",
        success: false,
      },
    };
    expect(await ask("ConfigPublishRequest", config("k1", { content: "v2", casMd5: "0" }))).toEqual(lost);
    const cas = { content: "v2", casMd5: "6654c734ccab8f440ff0825eb443dc7f" };
    expect((await ask("ConfigPublishRequest", config("k1", cas))).body["errorCode"]).toBe(0);
    // An insert compares nothing; of many at once one succeeds.
    const inserts = Array.from({ length: 10 }, (_, i) =>
      ask("ConfigPublishRequest", config("new", { content: `v${i}`, casMd5: "0" })),
    );
    const codes = (await Promise.all(inserts)).map(({ body }) => body["errorCode"]);
    expect(codes.filter((code) => code === 0)).toHaveLength(1);
    expect(await ask("ConfigPublishRequest", config("k2", { content: "" }))).toEqual({
      type: "ConfigPublishResponse",
      body: { resultCode: 500, errorCode: 400, message: "content is blank : ", success: false },
    });
    for (const dataId of ["a/b", "a b", "a,b", "*", "d".repeat(257)]) {
      const refused = await ask("ConfigPublishRequest", config(dataId, { content: "x" }));
      expect(refused).toMatchObject({ type: "ConfigPublishResponse", body: { errorCode: 400 } });
    }
    const other = config("ns:key", { tenant: "ns1" });
    await two.ask(
      "ConfigBatchListenRequest",
      listen([{ ...context, dataId: "ns:key", tenant: "ns1" }, { ...context }]),
    );
    await ask("ConfigPublishRequest", { ...other, content: "x" });
    await until(() => two.pushesOf("ConfigChangeNotifyRequest").some(({ tenant }) => tenant === "ns1"));
    expect((await ask("ConfigQueryRequest", config("ns:key"))).body["errorCode"]).toBe(300);
    for (let times = 0; times < 2; times += 1)
      expect(await ask("ConfigRemoveRequest", other)).toEqual({
        type: "ConfigRemoveResponse",
        body: { resultCode: 200, errorCode: 0, success: true },
      });
    await two.ask("ConfigBatchListenRequest", listen([context], false));
    const count = two.pushesOf("ConfigChangeNotifyRequest").filter(({ dataId }) => dataId === "k1").length;
    const three = await connected(server);
    await three.ask("ConfigBatchListenRequest", listen([context]));
    await ask("ConfigPublishRequest", config("k1", { content: "v3" }));
    await until(() => three.pushesOf("ConfigChangeNotifyRequest").length === 1);
    expect(two.pushesOf("ConfigChangeNotifyRequest").filter(({ dataId }) => dataId === "k1")).toHaveLength(
      count,
    );
  });

  test("asks silent clients and unregisters those that do not answer", async () => {
    const server = await start({ detection: { idleMs: 50, answerMs: 1_000, everyMs: 10 } });
    const [mute, alive, reader] = [await connected(server), await connected(server), await connected(server)];
    mute.answersPushes = false;
    await mute.ask(...register("s", 1));
    await until(() => mute.ended === "status 0");
    expect(mute.pushesOf("ClientDetectionRequest")[0]).toEqual({
      headers: {},
      requestId: expect.any(String) as string,
      module: "internal",
    });
    expect((await mute.ask("HealthCheckRequest", {})).body["errorCode"]).toBe(301);
    expect(((await reader.ask(...query("s"))).body["serviceInfo"] as Json)["hosts"]).toEqual([]);
    await until(() => alive.pushesOf("ClientDetectionRequest").length >= 2);
    expect(alive.ended).toBeUndefined();
  });

  test("repeats pushes that are not acknowledged", async () => {
    const faults: Faults = { ignoreAcks: true };
    const server = await start({ faults, runtime: fastRuntime(50) });
    const [provider, consumer] = [await connected(server), await connected(server)];
    await consumer.ask(...subscribe("s"));
    const listening = { listen: true, configListenContexts: [config("k")] };
    await consumer.ask("ConfigBatchListenRequest", listening);
    await provider.ask("ConfigPublishRequest", config("k", { content: "v" }));
    await until(() => consumer.lists.length >= 3);
    await until(() => consumer.pushesOf("ConfigChangeNotifyRequest").length >= 3);
    faults.ignoreAcks = false;
    await provider.ask(...register("s", 1));
    await until(() => consumer.lists.at(-1)?.length === 1);
    const count = consumer.lists.length;
    await provider.ask(...query("s"));
    expect(consumer.lists.length - count).toBeLessThanOrEqual(1);
  });

  test("misbehaves as it is told", async () => {
    const faults: Faults = { refuse: { "*": 300 } };
    const server = await start({ faults });
    const one = client(server);
    expect(await one.ask("ServerCheckRequest", {})).toEqual({
      type: "ErrorResponse",
      body: {
        resultCode: 500,
        errorCode: 300,
        message: "Server is starting,please try later.",
        success: false,
      },
    });
    faults.refuse = {};
    await one.setUp();
    faults.refuse = { ServiceQueryRequest: 403 };
    expect(await one.ask(...query("s"))).toMatchObject({
      type: "QueryServiceResponse",
      body: { resultCode: 500, errorCode: 403 },
    });
    delete faults.refuse;
    const [id] = server.clients.map((known) => known.id);
    expect(await server.reset(id ?? "", { host: "10.9.9.9", port: 8848 })).toBe(true);
    expect(one.pushesOf("ConnectResetRequest")[0]).toEqual({
      headers: {},
      requestId: expect.any(String) as string,
      serverIp: "10.9.9.9",
      serverPort: "8848",
      connectionId: id,
      module: "internal",
    });
    await one.ask(...register("s", 1));
    faults.emptyPushes = true;
    faults.clockOffsetMs = -60_000;
    await one.ask(...subscribe("s"));
    await until(() => one.lists.length === 1);
    expect(one.lists[0]).toEqual([]);
    const time = ((await one.ask(...query("s"))).body["serviceInfo"] as Json)["lastRefTime"] as number;
    expect(Date.now() - time).toBeGreaterThan(50_000);
    faults.incompletePushes = true;
    await one.ask(...register("s", 2));
    await until(() => one.lists.length === 2);
    expect(Object.keys(one.pushesOf("NotifySubscriberRequest")[1] ?? {})).toEqual([
      "requestId",
      "serviceInfo",
    ]);
    faults.publishDelayMs = 100;
    await one.ask("ConfigPublishRequest", config("k", { content: "v", casMd5: "0" }));
    expect((await one.ask("ConfigQueryRequest", config("k"))).body["errorCode"]).toBe(300);
    await until(async () => (await one.ask("ConfigQueryRequest", config("k"))).body["content"] === "v");
    server.unregister(id ?? "");
    await until(() => one.ended === "status 0");
  });

  test("keeps configs over restarts, and puts a damaged file aside", async () => {
    const dataFile = join(folder, "deep", "registry.json");
    const first = await startNacosServer({ port: 0, dataFile });
    const one = await connected(first);
    await Promise.all(
      [1, 2, 3].map((i) => one.ask("ConfigPublishRequest", config(`k${i}`, { content: `v${i}` }))),
    );
    // A kill now loses nothing: what was answered is in the file.
    expect((await readFile(dataFile, "utf8")).match(/"content":"v\d"/g)).toHaveLength(3);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    const second = await start({ dataFile, holdMs: 0 });
    const two = await connected(second);
    expect((await two.ask("ConfigQueryRequest", config("k2"))).body["content"]).toBe("v2");
    await second[Symbol.asyncDispose]();
    await writeFile(dataFile, '{"version":1,"configs":[{"dataId"');
    const third = await start({ dataFile });
    const three = await connected(third);
    expect((await three.ask("ConfigQueryRequest", config("k2"))).body["errorCode"]).toBe(300);
    expect(await readFile(`${dataFile}.damaged`, "utf8")).toContain("configs");
  });

  test("a file that cannot be read is put aside before another takes its place", async () => {
    const dataFile = join(folder, "unreadable.json");
    await mkdir(join(dataFile, "something"), { recursive: true }); // a folder: no right to read would be none to root
    const one = await connected(await start({ dataFile }));
    await one.ask("ConfigPublishRequest", config("k", { content: "v" }));
    expect(await readFile(dataFile, "utf8")).toContain('"v"');
    expect(await readdir(`${dataFile}.damaged`)).toEqual(["something"]);
  });

  test("a server that took over holds lists back until clients came again", async () => {
    const began = performance.now();
    const server = await start({ tookOver: true, holdMs: 1_500 });
    const [provider, consumer] = [await connected(server), await connected(server)];
    const subscribed = consumer.ask(...subscribe("s"));
    const queried = consumer.ask(...query("s"));
    await provider.ask(...register("s", 1));
    expect(performance.now() - began).toBeLessThan(1_400);
    for (const { body } of [await subscribed, await queried])
      expect(addresses(body["serviceInfo"] as Json)).toEqual(["10.0.0.1:1"]);
    expect(performance.now() - began).toBeGreaterThan(1_400);
    await until(() => consumer.lists.length > 0);
    expect(consumer.lists.flat()).not.toHaveLength(0);
    expect(consumer.lists.every((list) => list.length === 1)).toBe(true);
  });

  test("a server that starts soon after one that had clients was killed waits for them", async () => {
    const dataFile = join(folder, "used.json");
    /** From before its start to its first list. */
    const opening = async (file: string) => {
      const began = performance.now();
      const server = await start({ dataFile: file, holdMs: 2_000 });
      const one = await connected(server);
      await one.ask(...query("s"));
      return { server, waits: performance.now() - began > 1_900 };
    };
    expect((await opening(dataFile)).waits).toBe(false);
    const copy = join(folder, "copy.json");
    await until(() =>
      copyFile(dataFile, copy).then(
        () => true,
        () => false,
      ),
    );
    const { server: after, waits } = await opening(copy);
    expect(waits).toBe(true);
    for (const one of opened.splice(0)) one.close();
    await until(() => after.clients.length === 0);
    await after[Symbol.asyncDispose]();
    // Closed with nobody left: nobody to wait for.
    expect((await opening(copy)).waits).toBe(false);
  });

  test("is not reachable from other interfaces, and refuses to be", async () => {
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.org"])
      await expect(startNacosServer({ port: 0, host })).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
    const server = await start();
    const port = server.port + 1000;
    await expect(startNacosServer({ port: server.port })).rejects.toMatchObject({ code: "PORT_IN_USE" });
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    for (const { address } of others)
      await expect(
        new Promise((resolve, reject) => {
          connectSocket(port, address).on("connect", resolve).on("error", reject);
        }),
      ).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const open = await start({ host: "0.0.0.0", allowRemote: true });
    expect(open.host).toBe("0.0.0.0");
  });

  test("keeps persistent instances when their client goes, and no others beside them", async () => {
    const server = await start();
    const [one, two] = [await connected(server), await connected(server)];
    const body = name("kept", { type: "registerInstance", instance: instance(1, { ephemeral: false }) });
    const second = { ...body, instance: instance(2, { ephemeral: false }) };
    await one.ask("PersistentInstanceRequest", body);
    await one.ask("PersistentInstanceRequest", second);
    one.close();
    await until(() => server.clients.length === 1);
    const listed = async () => addresses((await two.ask(...query("kept"))).body["serviceInfo"] as Json);
    expect(await listed()).toEqual(["10.0.0.1:1", "10.0.0.1:2"]);
    expect((await two.ask(...register("kept", 3))).body).toMatchObject({ resultCode: 400, errorCode: 400 });
    await two.ask("PersistentInstanceRequest", { ...second, type: "deregisterInstance" });
    expect(await listed()).toEqual(["10.0.0.1:1"]);
    await two.ask(...register("gone", 1));
    const late = name("gone", { type: "registerInstance", instance: instance(1, { ephemeral: false }) });
    expect((await two.ask("PersistentInstanceRequest", late)).body["message"]).toContain(
      "is ephemeral service",
    );
  });

  describe("over HTTP", () => {
    const call = async (
      server: NacosServer,
      method: string,
      path: string,
      fields: Record<string, string> = {},
    ) => {
      const url = `http://127.0.0.1:${server.port}/nacos/${path}`;
      const inBody = method === "POST";
      const options = { method, agent: false } as const;
      const { status, body } = await answerOf(
        inBody ? url : `${url}?${new URLSearchParams(fields)}`,
        options,
        inBody ? new URLSearchParams(fields).toString() : "",
      );
      return { status, body: body.startsWith("{") ? (JSON.parse(body) as Json) : body };
    };

    test("says that it is up, lets anyone log in, and knows its namespaces", async () => {
      const server = await start();
      expect(server.http).toBe(true);
      expect((await call(server, "GET", "v1/ns/operator/metrics")).body).toEqual({ status: "UP" });
      const credentials = { username: "me", password: "any" };
      for (const path of ["v1/auth/users/login", "v3/auth/user/login"])
        expect((await call(server, "POST", path, credentials)).body).toMatchObject({
          accessToken: "embedded",
        });
      const client = await connected(server);
      await client.ask(...register("app", 1, {}, { namespace: "dev" }));
      const { body } = await call(server, "GET", "v3/admin/core/namespace/list");
      expect(
        (body as { data: { namespaceShowName: string }[] }).data.map((one) => one.namespaceShowName),
      ).toEqual(["public", "dev"]);
      expect((await call(server, "GET", "v1/no/such/thing")).status).toBe(404);
    });

    test("takes what an operator says, which outlives another registration, and a protection threshold", async () => {
      const server = await start();
      const [one, two, watcher] = [await connected(server), await connected(server), await connected(server)];
      await one.ask(...register("app", 1));
      await two.ask(...register("app", 2, { healthy: false }));
      await watcher.ask(...subscribe("app"));
      const at = { serviceName: "app", ip: "10.0.0.1", port: "1" };
      const unknown = await call(server, "PUT", "v1/ns/instance", { ...at, port: "9", enabled: "false" });
      expect(unknown.status).toBe(400);
      await call(server, "PUT", "v1/ns/instance", { ...at, weight: "7", metadata: '{"zone":"a"}' });
      const hosts = async () => {
        const { body } = await call(server, "GET", "v1/ns/instance/list", { serviceName: "app" });
        return ((body as Json)["hosts"] as Json[]).map(({ port, weight, healthy }) => [
          port,
          weight,
          healthy,
        ]);
      };
      expect(await hosts()).toEqual([
        [1, 7, true],
        [2, 1, false],
      ]);
      await call(server, "PUT", "v3/admin/ns/instance", { ...at, enabled: "false" });
      await one.ask(...register("app", 1));
      expect(await hosts()).toEqual([[2, 1, false]]);
      await until(() => watcher.lists.at(-1)?.join() === "10.0.0.1:2");
      await call(server, "PUT", "v1/ns/instance", { ...at, enabled: "true" });
      await call(server, "POST", "v2/ns/service", { serviceName: "app", protectThreshold: "0.9" });
      expect(await hosts()).toEqual([
        [1, 7, true],
        [2, 1, true],
      ]);
      expect((await call(server, "GET", "v2/ns/service", { serviceName: "nobody" })).status).toBe(404);
    });

    test("keeps persistent instances as Go's client sends them, and refuses others", async () => {
      const server = await start();
      const at = { serviceName: "DEFAULT_GROUP@@app", groupName: "DEFAULT_GROUP", ip: "10.0.0.1", port: "1" };
      const fields = { ...at, namespaceId: "public", metadata: '{"a":"b"}', ephemeral: "false", weight: "2" };
      expect((await call(server, "POST", "v1/ns/instance", fields)).body).toBe("ok");
      const client = await connected(server);
      const hosts = async () => ((await client.ask(...query("app"))).body["serviceInfo"] as Json)["hosts"];
      expect(await hosts()).toMatchObject([{ port: 1, ephemeral: false, weight: 2, metadata: { a: "b" } }]);
      expect((await call(server, "DELETE", "v1/ns/instance", fields)).body).toBe("ok");
      expect(await hosts()).toEqual([]);
      expect((await call(server, "POST", "v1/ns/instance", { ...fields, ephemeral: "true" })).status).toBe(
        400,
      );
      expect((await call(server, "POST", "v1/ns/instance", { ...fields, port: "70000" })).status).toBe(400);
    });

    test("serves no web page of another origin, under whatever name it comes", async () => {
      const server = await start();
      const at = { serviceName: "app", ip: "6.6.6.6", port: "1", ephemeral: "false" };
      const form = new URLSearchParams(at).toString();
      const url = `http://127.0.0.1:${server.port}/nacos/v1/ns/instance`;
      const post = async (headers: Record<string, string>) =>
        (await answerOf(url, { method: "POST", agent: false, headers }, form)).status;
      expect(await post({ origin: "https://evil.test" })).toBe(403);
      expect(await post({ origin: "null" })).toBe(403);
      expect(await post({ host: `evil.test:${server.port}` })).toBe(403);
      expect(await post({ host: `127.0.0.1.evil.test:${server.port}` })).toBe(403);
      const list = await call(server, "GET", "v1/ns/instance/list", { serviceName: "app" });
      expect((list.body as Json)["hosts"]).toEqual([]);
      for (const host of ["localhost", `127.0.0.1:${server.port}`, `[::1]:${server.port}`])
        expect(await post({ host, origin: "http://localhost:3000" })).toBe(200);
    });

    test("does without when somebody else has the port", async () => {
      const first = await start();
      const stranger = createHttpServer();
      await first[Symbol.asyncDispose]();
      await new Promise<void>((resolve) => stranger.listen(first.port, "127.0.0.1", resolve));
      const server = await start({ port: first.port });
      expect(server.http).toBe(false);
      expect((await (await connected(server)).ask("HealthCheckRequest", {})).body["resultCode"]).toBe(200);
      await new Promise((resolve) => stranger.close(resolve));
    });
  });
});

function answerOf(
  url: string,
  options: RequestOptions,
  form: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject);
    sent.end(form);
  });
}
