import { once, setMaxListeners } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { serviceKey, systemRuntime } from "@dubbo-ts/core";
import { type EtcdClient, connectEtcd, KeptLease } from "@dubbo-ts/etcd-client";
import {
  type EtcdServer,
  faultProxy,
  follow,
  etcdAvailable,
  noLeaks,
  realServer,
  recordingLogger,
  sampleInstance,
  sampleMetadata,
  startEtcd,
  startEtcdCluster,
  waitFor,
} from "@dubbo-ts/testkit";
import { etcdConnection } from "./etcd-connection.js";
import { etcdMetadataReport } from "./etcd-metadata-report.js";
import { etcdRegistry } from "./etcd-registry.js";
import { encodeInstanceJson } from "./instance-json.js";

const { signal } = new AbortController();
setMaxListeners(0, signal);
const soon = (condition: () => unknown, what: string, timeoutMs = 5_000) =>
  waitFor(condition, { timeoutMs, what });

jest.setTimeout(30_000);

test("opens while no server is there, and registers when asked to wait for it only in vain", async () => {
  const checkLeaks = noLeaks();
  const nothing = await faultProxy({ host: "127.0.0.1", port: 1 });
  await nothing.setMode("refuse");
  const address = `etcd://alice:geheim@${nothing.address}`;
  const registry = await etcdRegistry({ address });
  expect(registry.name).toBe(`etcd://${nothing.address}`);
  await expect(registry.register(sampleInstance(), AbortSignal.timeout(200))).rejects.toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
    message: expect.stringMatching(
      /10\.0\.0\.1:20880 of sample-app is not registered: .*ECONNREFUSED/,
    ) as string,
  });
  const begunMs = performance.now();
  await registry[Symbol.asyncDispose]();
  expect(performance.now() - begunMs).toBeLessThan(500);
  await expect(registry.register(sampleInstance(), signal)).rejects.toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
  });
  const waiting = etcdRegistry({ address, waitForServerMs: 150 });
  await expect(waiting).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  await waiting.catch((error: unknown) => expect(String(error)).not.toContain("geheim"));
  await nothing[Symbol.asyncDispose]();
  await checkLeaks();
});

test("says REGISTRY_WRONG_SERVER when something else listens there, ADDRESS_INVALID for what is no address", async () => {
  const web = createServer((socket) =>
    socket.on("error", () => {}).on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  );
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const address = `etcd://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const registry = await etcdRegistry({ address });
  const report = await etcdMetadataReport({ address });
  const wrong = { code: "REGISTRY_WRONG_SERVER" };
  await expect(registry.register(sampleInstance(), signal)).rejects.toMatchObject(wrong);
  await expect(registry.get("app", signal)).rejects.toMatchObject(wrong);
  await expect(registry.watch("app", signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject(wrong);
  await expect(report.readMapping("org.example.A", signal)).rejects.toMatchObject(wrong);
  await expect(etcdConnection({ address, waitForServerMs: 5_000 })).rejects.toMatchObject(wrong);
  await registry[Symbol.asyncDispose]();
  await report[Symbol.asyncDispose]();
  await new Promise((resolve) => web.close(resolve));
  const invalid = { name: "ConfigError", code: "ADDRESS_INVALID" };
  for (const bad of ["http://h:1", "etcd://", "etcd://h?session=long", "etcd://h?tls=perhaps"])
    await expect(etcdRegistry({ address: bad })).rejects.toMatchObject(invalid);
});

realServer("on a real etcd", etcdAvailable(), () => {
  let server: EtcdServer;
  let raw: EtcdClient;
  let names = 0;
  const opened: AsyncDisposable[] = [];

  beforeAll(async () => {
    server = await startEtcd();
    raw = await connectEtcd({ endpoints: server.address }, AbortSignal.timeout(10_000));
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
    use(await etcdRegistry({ address: `etcd://${server.address}${rest}`, sessionTimeoutMs: 1_000, ...more }));
  const report = async (rest = "") =>
    use(await etcdMetadataReport({ address: `etcd://${server.address}${rest}` }));
  const valueAt = async (key: string) => String((await raw.get(key))?.value);

  /** What a running dubbo-go consumer does: it lists all when an existing key is overwritten, and at no other event. */
  const goConsumer = async (application: string) => {
    const range = { prefix: `/services/${application}/` };
    const seen: string[][] = [];
    const list = async () =>
      void seen.push((await raw.list(range)).entries.map(({ key }) => key.slice(range.prefix.length)).sort());
    await list();
    const stop = raw.watch(range, 0n, {
      onCreated() {},
      onProgress() {},
      onEnd() {},
      onEvents: (events) => {
        if (events.some(({ type, kv }) => type === 0 && kv.version > 1n)) void list();
      },
    });
    use({ [Symbol.asyncDispose]: async () => stop() });
    return seen;
  };

  test("writes one value for Go and Java, twice, on the lease of the process, and updates it in place", async () => {
    const instance = sampleInstance({ application: name("app") });
    const key = `/services/${instance.application}/10.0.0.1:20880`;
    const connection = use(
      await etcdConnection({ address: `etcd://${server.address}`, sessionTimeoutMs: 5_000 }),
    );
    const registry = await etcdRegistry({ connection });
    const registration = await registry.register(instance, signal);
    const written = await raw.get(key);
    expect(written?.lease).toBe(connection.lease.id);
    expect(written?.version).toBeGreaterThanOrEqual(2n); // a third time before long
    expect(written?.value).toEqual(encodeInstanceJson(instance));
    expect(await raw.leaseInfo(written?.lease ?? 0n)).toMatchObject({ grantedTtlSeconds: 5, keys: [key] });
    await registration.update({ ...instance, revision: "next" }, signal);
    expect((await raw.get(key))?.createRevision).toBe(written?.createRevision);
    expect(await valueAt(key)).toContain('"dubbo.metadata.revision":"next"');
    await expect(registration.update({ ...instance, id: "10.0.0.1:1" }, signal)).rejects.toMatchObject({
      code: "INSTANCE_INVALID",
    });
    await registration[Symbol.asyncDispose]();
    expect(await raw.get(key)).toBeUndefined();
    // Sharing a connection, closing one part leaves the other open.
    await registry[Symbol.asyncDispose]();
    expect(
      (await (await etcdMetadataReport({ connection })).readMapping("a.B", signal)).version,
    ).toBeUndefined();
  });

  test("writes a new key a third time, since a Go consumer that watches anew after each event misses the second", async () => {
    const instance = sampleInstance({ application: name("thrice") });
    const key = `/services/${instance.application}/10.0.0.1:20880`;
    const registry = use(await etcdRegistry({ address: `etcd://${server.address}` }));
    use(await registry.register(instance, signal));
    await waitFor(async () => (await raw.get(key))?.version === 3n);
  });

  test("a running Go consumer sees a provider that comes, and one beside ours that goes", async () => {
    const application = name("go-sees");
    const consumer = await goConsumer(application);
    const [first, second] = [await open(), await open()];
    await first.register(sampleInstance({ application, port: 1 }), signal);
    await soon(() => consumer.at(-1)?.join() === "10.0.0.1:1", "the first");
    const registration = await second.register(sampleInstance({ application, port: 2 }), signal);
    await soon(() => consumer.at(-1)?.join() === "10.0.0.1:1,10.0.0.1:2", "both");
    await registration[Symbol.asyncDispose]();
    await soon(() => consumer.at(-1)?.join() === "10.0.0.1:1", "the one that is left");
    // A provider of Go puts its key once, and is killed: the lease takes it away.
    const goLease = new KeptLease(raw, 1);
    goLease.want();
    await soon(() => goLease.id !== undefined, "a lease");
    await raw.put(`/services/${application}/10.0.0.1:3`, "{}", { lease: goLease.id ?? 0n });
    await soon(() => consumer.at(-1)?.includes("10.0.0.1:3"), "Go's provider");
    await goLease[Symbol.asyncDispose]();
    await soon(() => consumer.at(-1)?.join() === "10.0.0.1:1", "Go's provider gone");
  });

  test("of many siblings only a few tell Go's consumers of one that went", async () => {
    const application = name("many");
    const registries = await Promise.all(Array.from({ length: 8 }, () => open()));
    const registrations = await Promise.all(
      registries.map((registry, at) =>
        registry.register(sampleInstance({ application, port: at + 1 }), signal),
      ),
    );
    const keys = async () => (await raw.list({ prefix: `/services/${application}/` })).entries;
    // Those that came last are told of too: until nothing is written any more.
    let [before, quietSinceMs] = [-1n, performance.now()];
    await soon(
      async () => {
        const writings = (await keys()).reduce((sum, { version }) => sum + version, 0n);
        if (writings !== before) [before, quietSinceMs] = [writings, performance.now()];
        return performance.now() - quietSinceMs > 700;
      },
      "silence",
      10_000,
    );
    const consumer = await goConsumer(application);
    await registrations[0]?.[Symbol.asyncDispose]();
    await soon(() => consumer.at(-1)?.length === 7, "seven");
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(consumer.length - 1).toBeLessThanOrEqual(4);
  });

  test("puts its key again at once when somebody deletes it, and after the lease was revoked", async () => {
    const application = name("deleted");
    const connection = use(
      await etcdConnection({ address: `etcd://${server.address}`, sessionTimeoutMs: 1_000 }),
    );
    const registry = await etcdRegistry({ connection });
    const instance = sampleInstance({ application });
    await registry.register(instance, signal);
    const key = `/services/${application}/${instance.id}`;
    await soon(async () => (await raw.get(key))?.version === 2n, "both writings");
    await raw.delete({ key });
    await soon(async () => (await raw.get(key))?.version === 2n, "the key, written twice", 700);
    await raw.revokeLease(connection.lease.id ?? 0n);
    await soon(async () => (await raw.get(key))?.version === 2n, "the key on a new lease", 2_000);
    expect((await raw.get(key))?.lease).toBe(connection.lease.id);
  });

  test("reads records of Java and Go, leaves out what cannot be read, and is told of all changes", async () => {
    const application = name("mixed");
    const root = `/services/${application}/`;
    const go = (port: number) =>
      `{"ID":"h:${port}","ServiceName":"${application}","Host":"h","Port":${port},"Weight":0,"Enable":true,"Healthy":true,"Metadata":{"dubbo.metadata.revision":"f6"}}\n`;
    await raw.put(`${root}h:1`, go(1));
    await raw.put(
      `${root}h:2`,
      '{"serviceName":"x","host":"h","port":2,"enabled":true,"healthy":true,"metadata":{}}',
    );
    await raw.put(`${root}broken`, "{");
    await raw.put(`${root}deeper/h:9`, go(9));
    // What Java's adapter leaves at the application itself.
    await raw.put(root.slice(0, -1), "1");
    await raw.put(`${root.slice(0, -1)}-2/h:7`, go(7));
    const log = recordingLogger();
    const runtime = { ...systemRuntime, log };
    const registry = use(await etcdRegistry({ address: `etcd://${server.address}` }, runtime));
    expect((await registry.get(application, signal)).map(({ id }) => id)).toEqual(["h:1", "h:2"]);
    const warned = log.entries.filter(({ level }) => level === "warn");
    expect(warned.map(({ fields }) => (fields as { key: string }).key)).toEqual([`${root}broken`]);
    const stop = new AbortController();
    const seen = follow(registry.watch(application, stop.signal));
    const ports = () => seen.latest?.instances.map(({ port }) => port).join();
    await soon(() => ports() === "1,2", "both");
    await raw.put(`${root}h:3`, go(3));
    await soon(() => ports() === "1,2,3", "one that is new");
    await raw.put(`${root}h:1`, go(4));
    await soon(() => ports()?.includes("4"), "one that changed");
    await raw.delete({ key: `${root}h:2` });
    await soon(() => seen.latest?.instances.length === 2, "one that went");
    stop.abort();
    await seen.done;
    const all = await registry.applications(signal);
    expect(all).toEqual(expect.arrayContaining([application, `${application}-2`]));
  });

  test("keeps instances where Go looks whatever the group, and moves metadata and mapping with it", async () => {
    const group = name("group");
    const [registry, reports] = [await open(`?group=${group}`), await report(`?group=${group}`)];
    const instance = sampleInstance({ application: name("order") });
    await registry.register(instance, signal);
    expect(await raw.get(`/services/${instance.application}/${instance.id}`)).toBeDefined();
    const metadata = sampleMetadata("order");
    await reports.publish(metadata, signal);
    expect(JSON.parse(await valueAt(`/${group}/order/${metadata.revision}`))).toMatchObject({ app: "order" });
    const next = { applications: new Set(["order"]), version: undefined };
    expect(await reports.writeMapping("org.example.Order", next, signal)).toBe(true);
    expect(await valueAt(`/${group}/mapping/org.example.Order`)).toBe("order");
  });

  test("writes metadata once, without a lease, fills what is blank and refuses what is none", async () => {
    const reports = await report();
    const metadata = sampleMetadata(name("app"));
    const { application, revision } = metadata;
    const key = `/dubbo/${application}/${revision}`;
    await reports.publish(metadata, signal);
    await reports.publish(metadata, signal);
    expect(await raw.get(key)).toMatchObject({ version: 1n, lease: 0n });
    await raw.put(key, " ");
    expect(await reports.fetch(application, revision, signal)).toBeUndefined();
    await reports.publish(metadata, signal);
    expect(await reports.fetch(application, revision, signal)).toEqual(metadata);
    await raw.put(key, "[]");
    await expect(reports.fetch(application, revision, signal)).rejects.toMatchObject({
      code: "METADATA_INVALID",
    });
    await expect(reports.fetch("a/b", revision, signal)).rejects.toMatchObject({ code: "METADATA_INVALID" });
    const definition = serviceKey(`org.example.${name("Def")}`, { version: "1.0.0" });
    await raw.put(`/dubbo/metadata/${definition.serviceInterface}/1.0.0/provider/demo`, '{"a":1}');
    expect(await reports.fetchDefinition?.(definition, "demo", signal)).toBe('{"a":1}');
  });

  test("adds to a mapping by the revision of its key alone, whatever else is written meanwhile", async () => {
    const reports = await report();
    const service = `org.example.${name("Order")}`;
    await raw.put(`/dubbo/mapping/${service}`, "order-service, legacy ,,");
    const { applications, version } = await reports.readMapping(service, signal);
    expect([...applications]).toEqual(["order-service", "legacy"]);
    await raw.put("/elsewhere", "1");
    const next = { applications: new Set([...applications, "order"]), version };
    expect(await reports.writeMapping(service, next, signal)).toBe(true);
    expect(await valueAt(`/dubbo/mapping/${service}`)).toBe("order-service,legacy,order");
    expect(await reports.writeMapping(service, { applications, version }, signal)).toBe(false);
    expect(await reports.writeMapping(`${service}2`, { applications, version: "3" }, signal)).toBe(false);
    await expect(reports.readMapping("a/b", signal)).rejects.toMatchObject({ code: "METADATA_INVALID" });
  });

  test("keeps every application when 100 writers add theirs to one mapping at once", async () => {
    const service = `org.example.${name("Busy")}`;
    const reports = await Promise.all(Array.from({ length: 10 }, () => report()));
    const all = Array.from({ length: 100 }, (_, at) => `app-${at}`);
    await Promise.all(
      all.map(async (application, at) => {
        const one = reports[at % 10] as (typeof reports)[0];
        for (;;) {
          const { applications, version } = await one.readMapping(service, signal);
          const next = { applications: new Set([...applications, application]), version };
          if (await one.writeMapping(service, next, signal)) return;
        }
      }),
    );
    const { applications } = await (await report()).readMapping(service, signal);
    expect([...applications].sort()).toEqual(all.sort());
  });

  test("refuses an instance that is too large or has no proper name, and keeps what it had", async () => {
    const registry = await open();
    const application = name("large");
    const instance = sampleInstance({ application });
    const large = { ...instance, labels: { text: "x".repeat(900_000) } };
    const refused = { code: "INSTANCE_METADATA_TOO_LARGE" };
    await expect(registry.register(large, signal)).rejects.toMatchObject(refused);
    const registration = await registry.register(instance, signal);
    await expect(registration.update(large, signal)).rejects.toMatchObject(refused);
    expect(await registry.get(application, signal)).toEqual([instance]);
    for (const bad of ["", "a/b"])
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

  test("keeps a list while the server is away, and shows a wiped one as not settled before as settled", async () => {
    await using own = await startEtcd();
    const proxy = use(await faultProxy(own));
    const watcher = use(await etcdRegistry({ address: `etcd://${proxy.address}`, settleMs: 500 }));
    const provider = use(await etcdRegistry({ address: `etcd://${own.address}`, sessionTimeoutMs: 1_000 }));
    const application = name("away");
    await provider.register(sampleInstance({ application }), signal);
    const stop = new AbortController();
    const seen = follow(watcher.watch(application, stop.signal));
    await soon(() => seen.latest?.instances.length === 1, "the instance");
    await proxy.setMode("refuse");
    await provider[Symbol.asyncDispose]();
    expect(seen.values.length).toBe(1);
    await proxy.setMode("pass");
    await soon(() => seen.values.length === 3, "both sets");
    expect(seen.values.map(({ instances, settled }) => [instances.length, settled])).toEqual([
      [1, true],
      [0, false],
      [0, true],
    ]);
    stop.abort();
    await seen.done;
    await own[Symbol.asyncDispose]();
  });

  test("says REGISTRY_AUTH_FAILED without rights or with a wrong password, and no log has the password", async () => {
    await using secured = await startEtcd();
    for (const line of [
      "user add root:rootpw",
      "user grant-role root root",
      "role add dubbo",
      "role grant-permission --prefix=true dubbo readwrite /services/",
      "user add alice:geheim",
      "user grant-role alice dubbo",
      "auth enable",
    ])
      await secured.ctl(...line.split(" "));
    const log = recordingLogger();
    const runtime = { ...systemRuntime, log };
    const alice = await etcdConnection(
      { address: `etcd://alice:geheim@${secured.address}`, sessionTimeoutMs: 1_000 },
      runtime,
    );
    const registry = await etcdRegistry({ connection: alice });
    const instance = sampleInstance({ application: "vault" });
    await registry.register(instance, signal);
    expect(await registry.get("vault", signal)).toEqual([instance]);
    // Everything is back after the server forgot its tokens.
    await secured.kill("SIGKILL");
    await secured.restart();
    expect(await registry.get("vault", AbortSignal.timeout(10_000))).toEqual([instance]);
    const refused = { code: "REGISTRY_AUTH_FAILED" };
    const reports = await etcdMetadataReport({ connection: alice });
    await expect(reports.readMapping("a.B", signal)).rejects.toMatchObject(refused);
    for (const who of ["alice:falsch@", ""]) {
      const stranger = await etcdRegistry({ address: `etcd://${who}${secured.address}` }, runtime);
      await expect(stranger.get("vault", signal)).rejects.toMatchObject(refused);
      await expect(stranger.register(instance, signal)).rejects.toMatchObject(refused);
      await stranger[Symbol.asyncDispose]();
    }
    await alice[Symbol.asyncDispose]();
    await secured[Symbol.asyncDispose]();
    const lines = log.entries.map(
      ({ fields, message }) => `${message} ${String((fields as { err?: unknown }).err)}`,
    );
    expect(lines.join()).not.toMatch(/geheim|falsch/);
  });

  test("loses nothing when the leader of three is killed", async () => {
    await using cluster = await startEtcdCluster(3);
    const address = `etcd://${cluster.members.map((member) => member.address).join(",")}`;
    const registries = await Promise.all(
      Array.from({ length: 4 }, () => etcdRegistry({ address, sessionTimeoutMs: 3_000, settleMs: 500 })),
    );
    const [consumer, ...providers] = registries as [(typeof registries)[0], ...typeof registries];
    await Promise.all(
      providers.map((provider, at) =>
        provider.register(sampleInstance({ application: "shop", port: at + 1 }), signal),
      ),
    );
    const stop = new AbortController();
    const seen = follow(consumer.watch("shop", stop.signal));
    await soon(() => seen.latest?.instances.length === 3, "three");
    const leader = await cluster.leader();
    await leader.kill("SIGKILL");
    await soon(
      () =>
        providers[0]?.register(sampleInstance({ application: "shop", port: 9 }), AbortSignal.timeout(5_000)),
      "a fourth",
      10_000,
    );
    await soon(() => seen.latest?.instances.length === 4, "four", 10_000);
    expect(
      seen.values.filter(({ instances }) => instances.length < 3 && instances.length > 0).length,
    ).toBeLessThan(4);
    await leader.restart();
    stop.abort();
    await seen.done;
    await Promise.all(registries.map((registry) => registry[Symbol.asyncDispose]()));
    await cluster[Symbol.asyncDispose]();
  }, 60_000);
});
