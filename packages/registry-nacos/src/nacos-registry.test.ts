import { encodeInstance, hasCode, type MetadataInfo, serviceKey, systemRuntime } from "@dubbo-ts/core";
import { nacosConfig, NacosError, type NacosInstance, nacosNaming } from "@dubbo-ts/nacos-client";
import { type Faults, type NacosServer, startNacosServer } from "@dubbo-ts/registry-local";
import {
  faultProxy,
  follow,
  recordingLogger,
  sampleInstance,
  sampleMetadata,
  waitFor,
} from "@dubbo-ts/testkit";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { metadataError, registryError } from "./errors.js";
import { HostDecoder } from "./host-decoder.js";
import { parseNacosAddress } from "./nacos-address.js";
import { type NacosBackend, type NacosOptions, openNacos } from "./nacos-connection.js";

const forever = new AbortController().signal;
const client = { backoffCapMs: 200, graceMs: 100 } as const;

function host(fields: Partial<NacosInstance> = {}): NacosInstance {
  return {
    instanceId: "",
    ip: "10.0.0.1",
    port: 20880,
    weight: 1,
    healthy: true,
    enabled: true,
    ephemeral: true,
    clusterName: "DEFAULT",
    metadata: {},
    ...fields,
  };
}

describe("an address of Nacos", () => {
  test("is read with several servers, credentials and parameters", () => {
    expect(
      parseNacosAddress("nacos://u%40x:p%3A1@a:1,[::1]:2,c?namespace=n&group=g&cluster=c1&backup=d:3"),
    ).toMatchObject({
      hosts: [
        { host: "a", port: 1 },
        { host: "::1", port: 2 },
        { host: "c", port: 8848 },
        { host: "d", port: 3 },
      ],
      username: "u@x",
      password: "p:1",
      params: { namespace: "n", group: "g", cluster: "c1" },
    });
    expect(parseNacosAddress("localhost")).toMatchObject({ hosts: [{ host: "localhost", port: 8848 }] });
  });

  test.each([
    "nacos://",
    "zookeeper://a:1",
    "nacos://a:0",
    "nacos://a:65000",
    "nacos://a b",
    "nacos://%zz@a",
  ])("that is none is refused: %s", (text) => {
    expect(() => parseNacosAddress(text)).toThrow(expect.objectContaining({ code: "ADDRESS_INVALID" }));
  });

  test("does not show its password in an error", () => {
    expect(() => parseNacosAddress("nacos://u:secret@a:0")).toThrow(/^address nacos:\/\/a:0/);
  });
});

describe("hosts of a list", () => {
  test("that are listed twice become one instance, the newest", () => {
    const decoder = new HostDecoder("app", systemRuntime.log);
    const old = host({ metadata: { "dubbo.metadata.revision": "old", timestamp: "1000" } });
    const young = host({ metadata: { "dubbo.metadata.revision": "young", timestamp: "2000" } });
    const revisions = (hosts: NacosInstance[]) => decoder.decode(hosts).map(({ revision }) => revision);
    expect(revisions([young, old])).toEqual(["young"]);
    expect(revisions([old, young])).toEqual(["young"]);
    // Go tells no time: what came last is newer, in whatever order it stands.
    const first = host({ port: 1, metadata: { "dubbo.metadata.revision": "b" } });
    const second = host({ port: 1, metadata: { "dubbo.metadata.revision": "a" } });
    expect(revisions([first])).toEqual(["b"]);
    expect(revisions([second, first])).toEqual(["a"]);
    expect(revisions([first])).toEqual(["b"]);
  });

  test("that cannot be read are left out one by one, and logged once", () => {
    const log = recordingLogger();
    const decoder = new HostDecoder("app", log);
    const hosts = [
      host({ port: 0 }),
      host({ port: 20881 }),
      host({
        port: 20882,
        metadata: { "dubbo.metadata.revision": "r", "dubbo.endpoints": "{no json" },
      }),
    ];
    const [first, again] = [decoder.decode(hosts), decoder.decode(hosts)];
    expect(first.map(({ port, revision }) => [port, revision])).toEqual([
      [20881, undefined], // Spring Cloud's, for example: a valid instance that offers nothing
      [20882, "r"],
    ]);
    expect(again.every((instance, index) => instance === first[index])).toBe(true);
    expect(log.entries).toHaveLength(1);
  });
});

test("errors of the client become errors of the registry", () => {
  const codes = ["UNAVAILABLE", "NOT_NACOS", "UNAUTHORIZED", "INVALID", "UNSUPPORTED", "CLOSED"] as const;
  const translate = (error: (name: string, cause: unknown) => unknown) =>
    codes.map((code) => (error("nacos://a", new NacosError(code, "why")) as { code: string }).code);
  expect(translate(registryError)).toEqual([
    "REGISTRY_UNAVAILABLE",
    "REGISTRY_WRONG_SERVER",
    "REGISTRY_AUTH_FAILED",
    "REGISTRY_REFUSED",
    "REGISTRY_REFUSED",
    "REGISTRY_UNAVAILABLE",
  ]);
  expect(translate(metadataError)).toEqual([
    "METADATA_UNAVAILABLE",
    "REGISTRY_WRONG_SERVER",
    "REGISTRY_AUTH_FAILED",
    "METADATA_INVALID",
    "REGISTRY_REFUSED",
    "METADATA_UNAVAILABLE",
  ]);
  const reason = new Error("deadline");
  expect(registryError("nacos://a", reason)).toBe(reason);
});

describe("on a server", () => {
  const faults: Faults = {};
  const opened: AsyncDisposable[] = [];
  let server: NacosServer;

  beforeAll(async () => {
    server = await startNacosServer({ port: 0, faults });
  });
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
    for (const name of Object.keys(faults) as (keyof Faults)[]) delete faults[name];
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function open(query = "", more: Partial<NacosOptions> = {}): Promise<NacosBackend> {
    const backend = await openNacos({ address: `nacos://127.0.0.1:${server.port}${query}`, client, ...more });
    opened.push(backend);
    return backend;
  }
  function plainNaming(namespace = "public") {
    const naming = nacosNaming({ servers: [`127.0.0.1:${server.port}`], namespace });
    opened.push(naming);
    return naming;
  }

  test("an instance is registered as Java and Go read it", async () => {
    const { registry } = await open("?group=g1&namespace=n1&cluster=c1");
    await registry.register(
      sampleInstance({ application: "demo$app", ports: { dubbo: 20880, tri: 50051 }, port: 50051 }),
      forever,
    );
    const { hosts } = await plainNaming("n1").query({ name: "demo___app", group: "g1" }, forever);
    expect(hosts).toEqual([
      {
        instanceId: "10.0.0.1#50051#c1#g1@@demo___app",
        ip: "10.0.0.1",
        port: 50051,
        weight: 1,
        healthy: true,
        enabled: true,
        ephemeral: true,
        clusterName: "c1",
        metadata: expect.objectContaining({
          "dubbo.endpoints": '[{"port":20880,"protocol":"dubbo"},{"port":50051,"protocol":"tri"}]',
          "dubbo.metadata.revision": "2b04324bd248687484e2e65b1b9a3d16",
          "dubbo.metadata.storage-type": "local",
          "meta-v": "1.0.0",
          timestamp: "1700000000000",
        }) as object,
      },
    ]);
    // Every value is a text, those within url-params too.
    const params = JSON.parse(hosts[0]?.metadata["dubbo.metadata-service.url-params"] ?? "") as object;
    expect(Object.values(params).every((value) => typeof value === "string")).toBe(true);
    const other = await open("?group=g2&namespace=n1");
    expect(await other.registry.get("demo$app", forever)).toEqual([]);
  });

  test("metadata of 1,024 characters passes, one more fails with the size of each key", async () => {
    const { registry } = await open();
    const room = (length: number) => {
      const empty = sampleInstance({ application: "large", labels: { x: "" } });
      const used = Object.entries(encodeInstance(empty)).reduce(
        (sum, [key, value]) => sum + key.length + value.length,
        0,
      );
      return { ...empty, labels: { x: "v".repeat(length - used) } };
    };
    await registry.register(room(1024), forever);
    const failure = await registry.register(room(1025), forever).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "INSTANCE_METADATA_TOO_LARGE",
      message: expect.stringMatching(/has 1025 characters, Nacos takes 1024: x \d+, dubbo/) as string,
    });
    expect(await registry.get("large", forever)).toHaveLength(1);
  });

  test("an update keeps the address, the last holder alone takes it away", async () => {
    const { registry } = await open();
    const instance = sampleInstance({ application: "held" });
    const first = await registry.register(instance, forever);
    await expect(first.update({ ...instance, port: 1, id: "10.0.0.1:1" }, forever)).rejects.toMatchObject({
      code: "INSTANCE_INVALID",
    });
    const second = await registry.register({ ...instance, revision: "second" }, forever);
    await first[Symbol.asyncDispose]();
    expect((await registry.get("held", forever)).map(({ revision }) => revision)).toEqual(["second"]);
    await second[Symbol.asyncDispose]();
    await waitFor(async () => (await registry.get("held", forever)).length === 0);
  });

  test("a second registration that fails does not keep announced what was disposed meanwhile", async () => {
    const { registry } = await open();
    const instance = sampleInstance({ application: "overtaken" });
    const first = await registry.register(instance, forever);
    const large = { ...instance, labels: { x: "v".repeat(2_000) } };
    const failing = registry.register(large, forever);
    await first[Symbol.asyncDispose]();
    await expect(failing).rejects.toMatchObject({ code: "INSTANCE_METADATA_TOO_LARGE" });
    await waitFor(async () => (await registry.get("overtaken", forever)).length === 0);
  });

  test("several instances of one process stand side by side, and the middle one can go", async () => {
    const { registry } = await open();
    const all = [1, 2, 3].map((port) => sampleInstance({ application: "three", port }));
    const registrations = await Promise.all(all.map((instance) => registry.register(instance, forever)));
    const ports = async () => (await registry.get("three", forever)).map(({ port }) => port);
    expect(await ports()).toEqual([1, 2, 3]);
    await registrations[1]?.[Symbol.asyncDispose]();
    await waitFor(async () => (await ports()).join() === "1,3");
  });

  test("instances of others are read, those that an operator switched off are not", async () => {
    const naming = plainNaming();
    const service = { name: "mixed" };
    await naming.registerBatch(
      service,
      [
        { ip: "10.0.0.1", port: 1, metadata: { "spring.application.name": "x" } },
        { ip: "10.0.0.1", port: 0 },
        { ip: "10.0.0.1", port: 2, enabled: false },
        { ip: "some-host", port: 3, weight: 0, metadata: { "dubbo.metadata.revision": "0" } },
      ],
      forever,
    );
    const { registry } = await open();
    const found = await registry.get("mixed", forever);
    expect(found.map(({ id, revision, weight }) => [id, revision, weight])).toEqual([
      ["10.0.0.1:1", undefined, 1],
      ["some-host:3", undefined, 0],
    ]);
  });

  test("a server that loses pushes, or says empty, or whose clock is wrong does not mislead for long", async () => {
    const { registry } = await open("", { client: { ...client, resyncMs: 200 } });
    const seen = follow(registry.watch("unlucky", forever));
    await waitFor(() => seen.latest?.settled);
    faults.losePushes = true;
    faults.clockOffsetMs = -60_000;
    await (await open()).registry.register(sampleInstance({ application: "unlucky" }), forever);
    faults.clockOffsetMs = 0;
    await waitFor(() => seen.latest?.instances.length === 1);
    Object.assign(faults, { losePushes: false, emptyPushes: true });
    await (await open()).registry.register(sampleInstance({ application: "unlucky", port: 2 }), forever);
    await waitFor(() => seen.latest?.instances.length === 2);
  });

  test("a refusal says so with a code, at once", async () => {
    const { registry, metadataReport } = await open();
    faults.refuse = { InstanceRequest: 403, ConfigQueryRequest: 403, ConfigPublishRequest: 400 };
    await expect(registry.register(sampleInstance(), forever)).rejects.toMatchObject({
      code: "REGISTRY_AUTH_FAILED",
    });
    await expect(metadataReport.readMapping("a.B", forever)).rejects.toMatchObject({
      code: "REGISTRY_AUTH_FAILED",
    });
    await expect(metadataReport.publish(sampleMetadata("app"), forever)).rejects.toMatchObject({
      code: "METADATA_INVALID",
    });
    for (const name of ["two words", "a@@b"])
      await expect(registry.get(name, forever)).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
  });

  test("a server that is starting is waited for, as long as the signal allows", async () => {
    faults.refuse = { "*": 300 };
    const { registry } = await open("", { client: { ...client, waitForServerMs: 300 } });
    const instance = sampleInstance({ application: "patient" });
    await expect(registry.register(instance, AbortSignal.timeout(300))).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: expect.stringContaining("starting") as string,
    });
    await expect(registry.get("patient", forever)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    const registering = registry.register(instance, forever);
    delete faults.refuse;
    await registering;
    expect(await registry.get("patient", forever)).toHaveLength(1);
  });

  test("keys and TLS of an address are read, and what does not fit together is refused", async () => {
    const secrets = /geheim/;
    for (const query of [
      "?accessKey=a",
      "?secretKey=geheim",
      "?tls=perhaps",
      "?tls=false&tlsServerName=n",
      "?tlsCa=/no/such/file&secretKey=geheim&accessKey=a",
      "?tlsCert=/no/such/file",
    ]) {
      const error = await openNacos({ address: `nacos://h${query}` }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "ADDRESS_INVALID" });
      expect(String(error)).not.toMatch(secrets);
    }
    const both = openNacos({ address: "nacos://user@h?accessKey=a&secretKey=geheim" });
    await expect(both).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
    const { registry } = await open("?accessKey=a&secretKey=geheim");
    expect(await registry.get("anything", forever)).toEqual([]); // the embedded server does not look at signatures
  });

  test("metadata and mappings are where Java looks for them", async () => {
    const { metadataReport } = await open();
    const config = nacosConfig({ servers: [`127.0.0.1:${server.port}`] });
    opened.push(config);
    const metadata: MetadataInfo = sampleMetadata("demo-app");
    await metadataReport.publish(metadata, forever);
    const stored = await config.get({ dataId: "demo-app", group: metadata.revision }, forever);
    expect(JSON.parse(stored?.content ?? "")).toMatchObject({ app: "demo-app", revision: metadata.revision });
    await metadataReport.writeMapping(
      "org.example.Outer$Inner",
      { applications: new Set(["order-service", "order"]), version: undefined },
      forever,
    );
    const mapping = await config.get({ dataId: "org.example.Outer___Inner", group: "mapping" }, forever);
    expect(mapping?.content).toBe("order-service,order");
    const read = await metadataReport.readMapping("org.example.Outer$Inner", forever);
    expect(read).toEqual({ applications: new Set(["order-service", "order"]), version: mapping?.md5 });
    // dubbo-go up to 3.1 keeps it elsewhere.
    const { services, ...rest } = JSON.parse(stored?.content ?? "") as Record<string, unknown>;
    const old = JSON.stringify({ ...rest, revision: "r1", services });
    await config.publish({ dataId: "old-go:r1" }, old, {}, forever);
    expect((await metadataReport.fetch("old-go", "r1", forever))?.services.size).toBe(2);
    const definition = '{"methods":[{"name":"hello","parameterTypes":["java.lang.String"]}]}';
    await config.publish(
      { dataId: "com.acme.Greeter:::provider:demo-app", group: "dubbo" },
      definition,
      {},
      forever,
    );
    const greeter = serviceKey("com.acme.Greeter");
    expect(await metadataReport.fetchDefinition?.(greeter, "demo-app", forever)).toBe(definition);
    expect(await metadataReport.fetchDefinition?.(greeter, "other-app", forever)).toBeUndefined();
    await config.publish({ dataId: "broken", group: "r1" }, "{no json", {}, forever);
    await expect(metadataReport.fetch("broken", "r1", forever)).rejects.toMatchObject({
      code: "METADATA_INVALID",
    });
  });

  test("metadata that another writer has put under the revision counts as published", async () => {
    const { metadataReport, config } = await open();
    const metadata = sampleMetadata("written-twice");
    const key = { dataId: "written-twice", group: metadata.revision };
    await metadataReport.publish(metadata, forever);
    const text = (await config.get(key, forever))?.content ?? "";
    const other = JSON.stringify({ ...(JSON.parse(text) as object), writtenBy: "another" });
    const get = jest.spyOn(config, "get").mockResolvedValue({ content: other, md5: "" });
    await metadataReport.publish(metadata, AbortSignal.timeout(3_000));
    get.mockResolvedValueOnce({ content: "{no json", md5: "" });
    await metadataReport.publish(metadata, AbortSignal.timeout(3_000)); // waits until it can be read
    expect(get.mock.calls.length).toBe(3);
    get.mockRestore();
  });

  test("a compare-and-set is not told as done before it can be read", async () => {
    faults.publishDelayMs = 150;
    const { metadataReport } = await open();
    const record = { applications: new Set(["app"]), version: undefined };
    expect(await metadataReport.writeMapping("org.example.Slow", record, forever)).toBe(true);
    const read = await metadataReport.readMapping("org.example.Slow", forever);
    expect([...read.applications]).toEqual(["app"]);
  });

  test("a program that is no Nacos is told from one that is away", async () => {
    const sockets = new Set<Socket>();
    const stranger = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const { port } = stranger.address() as AddressInfo;
    await using proxy = await faultProxy({ host: "127.0.0.1", port: 1 });
    await proxy.setMode("refuse");
    const codeAt = async (grpcPort: number) => {
      const address = `nacos://127.0.0.1:${grpcPort}`;
      const backend = await openNacos({
        address,
        client: { ...client, grpcPortOffset: 0, waitForServerMs: 300 },
      });
      opened.push(backend);
      const error = await backend.registry.get("app", forever).catch((reason: unknown) => reason);
      return hasCode(error, "REGISTRY_UNAVAILABLE", "REGISTRY_WRONG_SERVER") ? error.code : error;
    };
    expect(await codeAt(proxy.port)).toBe("REGISTRY_UNAVAILABLE");
    expect(["REGISTRY_WRONG_SERVER", "REGISTRY_UNAVAILABLE"]).toContain(await codeAt(port));
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => stranger.close(resolve));
  });
});
