import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createSecureServer } from "node:tls";
import { type MetadataInfo, serviceKey, systemRuntime } from "@dubbo-ts/core";
import {
  faultProxy,
  noLeaks,
  realServer,
  recordingLogger,
  sampleInstance,
  sampleMetadata,
  startZooKeeper,
  testCertificates,
  waitFor,
  type ZooKeeperServer,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { connectZooKeeper, ensurePath, type ZooKeeperClient } from "@dubbo-ts/zookeeper-client";
import { encodeInstanceJson } from "./instance-json.js";
import { zookeeperConnection } from "./zookeeper-connection.js";
import { zookeeperMetadataReport } from "./zookeeper-metadata-report.js";
import { zookeeperRegistry } from "./zookeeper-registry.js";

const signal = new AbortController().signal;
const text = (value: string) => Buffer.from(value, "utf8");

test("opens while no server is there, registers when asked to wait for it only in vain", async () => {
  const checkLeaks = noLeaks();
  const nothing = await faultProxy({ host: "127.0.0.1", port: 1 });
  await nothing.setMode("refuse");
  const address = `zookeeper://alice:geheim@${nothing.address}`;
  const registry = await zookeeperRegistry({ address });
  expect(registry.name).toBe(`zookeeper://${nothing.address}`);
  const registering = registry.register(sampleInstance(), AbortSignal.timeout(200));
  await expect(registering).rejects.toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
    message: expect.stringMatching(
      /10\.0\.0\.1:20880 of sample-app is not registered: connection to .* failed/,
    ),
  });
  await registry[Symbol.asyncDispose]();
  await expect(registry.register(sampleInstance(), signal)).rejects.toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
  });
  const waiting = zookeeperRegistry({ address, waitForServerMs: 150 });
  await expect(waiting).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  await waiting.catch((error: unknown) => expect(String(error)).not.toContain("geheim"));
  await nothing[Symbol.asyncDispose]();
  await checkLeaks();
});

test("says REGISTRY_WRONG_SERVER when something else listens there", async () => {
  const web = createServer((socket) =>
    socket.on("error", () => {}).on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  );
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const address = `zookeeper://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const registry = await zookeeperRegistry({ address });
  const report = await zookeeperMetadataReport({ address });
  const wrong = { code: "REGISTRY_WRONG_SERVER" };
  await expect(registry.register(sampleInstance(), signal)).rejects.toMatchObject(wrong);
  await expect(registry.get("app", signal)).rejects.toMatchObject(wrong);
  await expect(report.readMapping("org.example.A", signal)).rejects.toMatchObject(wrong);
  await expect(zookeeperConnection({ address, waitForServerMs: 5_000 })).rejects.toMatchObject(wrong);
  await registry[Symbol.asyncDispose]();
  await report[Symbol.asyncDispose]();
  await new Promise((resolve) => web.close(resolve));
});

test("says ADDRESS_INVALID for what is none", async () => {
  const invalid = { name: "ConfigError", code: "ADDRESS_INVALID" };
  for (const address of ["http://h:1", "zookeeper://", "zookeeper://h:99999", "zookeeper://h//a"])
    await expect(zookeeperRegistry({ address })).rejects.toMatchObject(invalid);
  await expect(zookeeperRegistry({ address: "zookeeper://h?session=long" })).rejects.toMatchObject(invalid);
});

realServer("on a real ZooKeeper", zooKeeperAvailable(), () => {
  let server: ZooKeeperServer;
  let raw: ZooKeeperClient;
  let names = 0;
  const opened: AsyncDisposable[] = [];

  beforeAll(async () => {
    server = await startZooKeeper();
    raw = await connectZooKeeper({ servers: server.address }, AbortSignal.timeout(10_000));
  }, 60_000);
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await raw.close();
    await server[Symbol.asyncDispose]();
  });

  const use = <T extends AsyncDisposable>(one: T): T => {
    opened.push(one);
    return one;
  };
  const name = (prefix: string) => `${prefix}-${++names}`;
  const open = async (rest = "", more: object = {}) =>
    use(await zookeeperRegistry({ address: `zookeeper://${server.address}${rest}`, ...more }));
  const report = async (rest = "") =>
    use(await zookeeperMetadataReport({ address: `zookeeper://${server.address}${rest}` }));
  const put = async (path: string, data: string) => {
    await ensurePath(raw, path.slice(0, path.lastIndexOf("/")), "persistent");
    await raw.create(path, text(data));
  };
  const dataAt = async (path: string) => (await raw.getData(path)).data.toString("utf8");

  test("writes Java's record as an ephemeral node in one go, and updates the same node in place", async () => {
    const instance = sampleInstance({ application: name("app") });
    const registration = await (await open()).register(instance, signal);
    const path = `/services/${instance.application}/10.0.0.1:20880`;
    const { data, stat } = await raw.getData(path);
    expect([stat.ephemeralOwner === 0n, stat.version]).toEqual([false, 0]);
    const { registrationTimeUTC } = JSON.parse(data.toString()) as { registrationTimeUTC: number };
    expect(Math.abs(registrationTimeUTC - Date.now())).toBeLessThan(60_000);
    expect(data.toString()).toBe(encodeInstanceJson(instance, registrationTimeUTC).toString());
    await registration.update({ ...instance, revision: "next" }, signal);
    const after = await raw.getData(path);
    expect([after.stat.czxid, after.stat.version]).toEqual([stat.czxid, 1]);
    expect(after.data.toString()).toContain('"dubbo.metadata.revision":"next"');
    await expect(registration.update({ ...instance, id: "10.0.0.1:1" }, signal)).rejects.toMatchObject({
      code: "INSTANCE_INVALID",
    });
    await registration[Symbol.asyncDispose]();
    expect(await raw.exists(path)).toBeUndefined();
    const log = (await server.transactionLog()).filter((line) => line.includes(instance.application));
    expect(log.map((line) => /\b(create\w*|setData|delete)\b/.exec(line)?.[1])).toEqual([
      "createContainer",
      "create",
      "setData",
      "delete",
    ]);
  });

  test("reads nodes of Java and Go, and leaves out the one beside them that cannot be read", async () => {
    const application = name("mixed");
    const root = `/services/${application}`;
    const java = (port: number) =>
      encodeInstanceJson(sampleInstance({ application, host: "192.0.2.2", port }), 1).toString();
    await put(`${root}/192.0.2.2:1`, java(1));
    await put(
      `${root}/192.0.2.2:2`,
      `{"name":"go-demo","id":"192.0.2.2:2","address":"192.0.2.2","port":2,"payload":{"@class":"x","metadata":{"dubbo.metadata.revision":"f6"},"name":"go-demo"},"tag":"gray"}`,
    );
    await put(`${root}/empty`, "");
    await put(`${root}/broken`, "{");
    await put(`${root}/no-port`, '{"address":"192.0.2.2"}');
    const log = recordingLogger();
    const registry = use(
      await zookeeperRegistry({ address: `zookeeper://${server.address}` }, { ...systemRuntime, log }),
    );
    expect((await registry.get(application, signal)).map(({ id }) => id)).toEqual([
      "192.0.2.2:1",
      "192.0.2.2:2",
    ]);
    const warned = log.entries
      .filter(({ level }) => level === "warn")
      .map(({ fields }) => (fields as { path: string }).path);
    expect(warned.sort()).toEqual([`${root}/broken`, `${root}/empty`, `${root}/no-port`]);
    const stop = new AbortController();
    const sets: number[] = [];
    for await (const { instances } of registry.watch(application, stop.signal)) {
      sets.push(instances.length);
      if (sets.length === 1) await raw.setData(`${root}/broken`, text(java(3)));
      else stop.abort();
    }
    expect(sets).toEqual([2, 3]);
  });

  test("moves to the root that group or rootPath name, and lists applications only", async () => {
    const group = name("group");
    const registry = await open(`?group=${group}`);
    const other = await report(`?group=${group}`);
    const instance = sampleInstance({ application: "order" });
    await other.publish(sampleMetadata("order"), signal);
    await other.writeMapping(
      "org.example.Order",
      { applications: new Set(["order"]), version: undefined },
      signal,
    );
    await registry.register(instance, signal);
    expect(await raw.exists(`/${group}/order/10.0.0.1:20880`)).toBeDefined();
    expect(await dataAt(`/${group}/mapping/org.example.Order`)).toBe("order");
    expect(await registry.applications(signal)).toEqual(["order"]);
    const rooted = await open(`?group=${group}&rootPath=/${group}-root/`);
    await rooted.register(instance, signal);
    expect(await raw.exists(`/${group}-root/order/10.0.0.1:20880`)).toBeDefined();
    const chrooted = await open(`/${group}-chroot/deep`);
    await chrooted.register(instance, signal);
    expect(await raw.exists(`/${group}-chroot/deep/services/order/10.0.0.1:20880`)).toBeDefined();
  });

  test("writes metadata where Java and where Go look, once, and reads it from either", async () => {
    const [one, two] = [await report(), await report()];
    const metadata = sampleMetadata(name("app"));
    const { application, revision } = metadata;
    await one.publish(metadata, signal);
    const paths = [
      `/dubbo/metadata/${application}/${revision}`,
      `/dubbo/${application}/${revision}`,
    ] as const;
    for (const path of paths) {
      expect(JSON.parse(await dataAt(path))).toMatchObject({ app: application, revision });
      expect((await raw.exists(path))?.ephemeralOwner).toBe(0n);
    }
    await two.publish(metadata, signal);
    for (const path of paths) expect((await raw.exists(path))?.version).toBe(0);
    for (const [kept, gone] of [paths, [...paths].reverse()]) {
      const saved = await dataAt(gone as string);
      await raw.delete(gone as string);
      expect(await two.fetch(application, revision, signal)).toEqual(metadata);
      await raw.create(gone as string, text(saved));
      expect(await raw.exists(kept as string)).toBeDefined();
    }
    // A blank node is filled; a broken one is passed over when the other can be read.
    await raw.setData(paths[0], text(" "));
    await two.publish(metadata, signal);
    expect(JSON.parse(await dataAt(paths[0]))).toMatchObject({ revision });
    await raw.setData(paths[0], text("{"));
    expect(await two.fetch(application, revision, signal)).toEqual(metadata);
    await raw.setData(paths[1], text("[]"));
    await expect(two.fetch(application, revision, signal)).rejects.toMatchObject({
      code: "METADATA_INVALID",
    });
  });

  test("reads metadata as Go writes it, and keeps that of an application named metadata where Java does", async () => {
    const reports = await report();
    const go = `{"app":"go-demo","revision":"f60","services":{"g1/org.example.UserService:1.2.3:dubbo":{"name":"org.example.UserService","group":"g1","version":"1.2.3","protocol":"dubbo","port":23503,"path":"org.example.UserService","params":{"application":"go-demo","timestamp":"1795232689"}}},"lastUpdatedTime":1795232689505}`;
    await put("/dubbo/go-demo/f60", go);
    const read = await reports.fetch("go-demo", "f60", signal);
    expect([...(read as MetadataInfo).services.keys()]).toEqual(["g1/org.example.UserService:1.2.3:dubbo"]);
    const odd = sampleMetadata("metadata");
    await reports.publish(odd, signal);
    expect(await raw.exists(`/dubbo/metadata/${odd.revision}`)).toBeDefined();
    expect(await reports.fetch("metadata", odd.revision, signal)).toEqual(odd);
  });

  test("reads a service definition where Java publishes it: empty and repeated parts are left out", async () => {
    const reports = await report();
    await put("/dubbo/metadata/com.acme.Greeter/provider/java-tri", "{}");
    await put("/dubbo/metadata/com.acme.Greeter/x/provider/java-tri", "[]");
    const read = (version: string, group: string) =>
      reports.fetchDefinition?.(serviceKey("com.acme.Greeter", { version, group }), "java-tri", signal);
    expect(await read("", "")).toBe("{}");
    expect(await read("x", "x")).toBe("[]");
    expect(await read("y", "")).toBeUndefined();
  });

  test("adds to a mapping of Java's without losing an element, and compares whole elements", async () => {
    const reports = await report();
    const service = `org.example.${name("Order")}`;
    await put(`/dubbo/mapping/${service}`, "order-service, legacy ,,");
    const { applications, version } = await reports.readMapping(service, signal);
    expect([[...applications], version]).toEqual([["order-service", "legacy"], "0"]);
    expect(
      await reports.writeMapping(
        service,
        { applications: new Set([...applications, "order"]), version },
        signal,
      ),
    ).toBe(true);
    expect(await dataAt(`/dubbo/mapping/${service}`)).toBe("order-service,legacy,order");
    expect(await reports.writeMapping(service, { applications, version }, signal)).toBe(false);
    expect(await reports.writeMapping(`${service}2`, { applications, version: "3" }, signal)).toBe(false);
    await expect(reports.readMapping("a/b", signal)).rejects.toMatchObject({ code: "METADATA_INVALID" });
  });

  test("keeps its nodes to itself with credentials, tells others so, and no log has the password", async () => {
    const group = name("private");
    const log = recordingLogger();
    const address = `zookeeper://alice:geheim@${server.address}?group=${group}`;
    const connection = use(await zookeeperConnection({ address }, { ...systemRuntime, log }));
    const registry = await zookeeperRegistry({ connection });
    const reports = await zookeeperMetadataReport({ connection });
    const instance = sampleInstance({ application: "vault" });
    await registry.register(instance, signal);
    await reports.publish(sampleMetadata("vault"), signal);
    expect((await registry.get("vault", signal)).length).toBe(1);
    const stranger = await open(`?group=${group}`);
    const refused = { code: "REGISTRY_AUTH_FAILED" };
    await expect(stranger.get("vault", signal)).rejects.toMatchObject(refused);
    await expect(stranger.register(instance, signal)).rejects.toMatchObject(refused);
    await expect(stranger.watch("vault", signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject(
      refused,
    );
    await expect((await report(`?group=${group}`)).readMapping("org.example.A", signal)).resolves.toEqual({
      applications: new Set(),
      version: undefined,
    });
    // Sharing a connection, closing one part leaves the other open.
    await registry[Symbol.asyncDispose]();
    expect(await reports.readMapping("org.example.A", signal)).toEqual({
      applications: new Set(),
      version: undefined,
    });
    expect(
      JSON.stringify(log.entries, (_, value: unknown) =>
        value instanceof Error ? String(value) : typeof value === "bigint" ? String(value) : value,
      ),
    ).not.toContain("geheim");
  });

  test("speaks TLS as the address says, with a certificate of its own, and names what is wrong with the server's", async () => {
    const { authority, provider, consumer, otherAuthority } = testCertificates;
    // TLS ends before the server, as a gateway or the server's own `secureClientPort` has it.
    const gateway = createSecureServer(
      { cert: provider.certificate, key: provider.privateKey, ca: authority, requestCert: true },
      (secure) => {
        const plain = connect(server.port, server.host);
        for (const socket of [secure, plain]) socket.on("error", () => {});
        secure.pipe(plain).pipe(secure);
      },
    );
    await once(gateway.listen(0, "127.0.0.1"), "listening");
    const folder = await mkdtemp(join(tmpdir(), "zookeeper-tls-"));
    const pem = async (file: string, content: string) => {
      await writeFile(join(folder, file), content);
      return encodeURIComponent(join(folder, file));
    };
    const at = `zookeeper://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const own = `tlsCert=${await pem("cert", consumer.certificate)}&tlsKey=${await pem("key", consumer.privateKey)}`;
    try {
      const ca = await pem("ca", authority);
      await using registry = await zookeeperRegistry({ address: `${at}?tlsCa=${ca}&${own}&group=tls` });
      await registry.register(sampleInstance({ application: "secured" }), AbortSignal.timeout(10_000));
      expect(await (await open("?group=tls")).get("secured", signal)).toHaveLength(1);
      const wrong: [string, RegExp][] = [
        [`tlsCa=${await pem("other", otherAuthority)}&${own}`, /certificate/],
        [`tlsCa=${ca}`, /alert|certificate|closed|ended|ECONNRESET/],
        [`tlsCa=${ca}&${own}&tlsServerName=elsewhere.test`, /elsewhere\.test/],
      ];
      for (const [params, why] of wrong) {
        const waiting = zookeeperRegistry({ address: `${at}?${params}`, waitForServerMs: 1_000 });
        await expect(waiting).rejects.toMatchObject({
          code: "REGISTRY_UNAVAILABLE",
          message: expect.stringMatching(why) as string,
        });
      }
      await expect(zookeeperRegistry({ address: `${at}?tlsCa=/nowhere` })).rejects.toMatchObject({
        code: "ADDRESS_INVALID",
      });
    } finally {
      gateway.close();
      await rm(folder, { recursive: true });
    }
  });

  test("refuses an instance that is too large or has no proper name, and keeps what it had", async () => {
    const registry = await open();
    const application = name("large");
    const instance = sampleInstance({ application });
    const large = { ...instance, labels: { text: "x".repeat(1_100_000) } };
    await expect(registry.register(large, signal)).rejects.toMatchObject({
      code: "INSTANCE_METADATA_TOO_LARGE",
    });
    const registration = await registry.register(instance, signal);
    await expect(registration.update(large, signal)).rejects.toMatchObject({
      code: "INSTANCE_METADATA_TOO_LARGE",
    });
    await expect(registry.register(large, signal)).rejects.toMatchObject({
      code: "INSTANCE_METADATA_TOO_LARGE",
    });
    expect(await registry.get(application, signal)).toEqual([instance]);
    for (const bad of ["", "..", "a/b"])
      await expect(registry.register({ ...instance, application: bad }, signal)).rejects.toMatchObject({
        code: "INSTANCE_INVALID",
      });
  });

  test("gives one address registered twice in a process to the later registration", async () => {
    const registry = await open();
    const instance = sampleInstance({ application: name("twice") });
    const first = await registry.register(instance, signal);
    const second = await registry.register({ ...instance, revision: "second" }, signal);
    await first[Symbol.asyncDispose]();
    expect((await registry.get(instance.application, signal))[0]?.revision).toBe("second");
    await Promise.all([second[Symbol.asyncDispose](), registry.register(instance, signal)]);
    expect((await registry.get(instance.application, signal))[0]?.revision).toBe(instance.revision);
  });

  test("does not call a set settled for a while after a reconnect, then says it again, settled", async () => {
    const proxy = use(await faultProxy(server));
    const registry = use(
      await zookeeperRegistry({
        address: `zookeeper://${proxy.address}`,
        sessionTimeoutMs: 2_000,
        settleMs: 400,
      }),
    );
    const application = name("settling");
    const instance = sampleInstance({ application });
    const registration = await (await open()).register(instance, signal);
    const seen: [number, boolean][] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const { instances, settled } of registry.watch(application, stop.signal))
        seen.push([instances.length, settled]);
    })();
    await waitFor(() => seen.length === 1);
    await proxy.setMode("refuse");
    await registration[Symbol.asyncDispose]();
    await proxy.setMode("pass");
    await waitFor(() => seen.length === 3, { timeoutMs: 5_000 });
    expect(seen).toEqual([
      [1, true],
      [0, false],
      [0, true],
    ]);
    stop.abort();
    await reading;
  });
});
