import { setMaxListeners } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Runtime, serviceKey, systemRuntime } from "@dubbo-ts/core";
import { ServiceNameMapping } from "@dubbo-ts/metadata";
import {
  faultProxy,
  follow,
  noLeaks,
  realServer,
  redisAvailable,
  type RedisServer,
  sampleMetadata,
  startRedis,
  testCertificates,
  waitFor,
} from "@dubbo-ts/testkit";
import { redisConfigCenter } from "./redis-config-center.js";
import { redisConnection } from "./redis-connection.js";
import { redisMetadataReport } from "./redis-metadata-report.js";
import type { RedisOptions } from "./redis-settings.js";

jest.setTimeout(60_000);

const { signal } = new AbortController();
setMaxListeners(0, signal);
const soon = (condition: () => unknown, what: string, timeoutMs = 20_000) =>
  waitFor(condition, { timeoutMs, what });
const applications = (...names: string[]) => ({ applications: new Set(names), version: undefined });

realServer("on a real Redis", redisAvailable(), () => {
  let server: RedisServer;
  let checkLeaks: () => Promise<void>;
  let names = 0;
  const opened: AsyncDisposable[] = [];

  beforeAll(async () => {
    server = await startRedis();
  }, 60_000);
  beforeEach(() => {
    checkLeaks = noLeaks({ only: ["TCPSocketWrap", "Timeout"], timeoutMs: 5_000 });
  });
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
    await checkLeaks();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const use = <T extends AsyncDisposable>(one: T): T => {
    opened.push(one);
    return one;
  };
  const name = (prefix: string) => `${prefix}-${++names}`;
  const open = async (options: Partial<RedisOptions> = {}, runtime?: Runtime) =>
    use(await redisMetadataReport({ address: `redis://${server.address}`, ...options }, runtime));

  test("keeps what Dubbo for Java keeps, under its keys, and understands what Java wrote", async () => {
    const report = await open();
    const [app, service] = [name("shop"), `org.example.${name("Greeter")}`];
    const metadata = sampleMetadata(app);
    await report.publish(metadata, signal);
    const stored = await server.cli("get", `${app}:${metadata.revision}`);
    expect(JSON.parse(stored)).toMatchObject({ app, revision: metadata.revision });
    expect(await server.cli("ttl", `${app}:${metadata.revision}`)).toBe("-1");
    await report.writeMapping(service, applications(app), signal);
    expect(await server.cli("hget", "dubbo:mapping", service)).toBe(app);

    const seen = follow(report.watchMapping(service, signal));
    await soon(() => seen.latest?.has(app), "the application");
    await server.cli("hset", "dubbo:mapping", service, `${app}, java-shop,`);
    await server.cli("publish", "dubbo:mapping:queues", service);
    await soon(() => seen.latest?.has("java-shop"), "Java's application");
    expect([...(seen.latest ?? [])]).toEqual([app, "java-shop"]);

    const key = serviceKey(service, { version: "1.0.0" });
    expect(await report.fetchDefinition?.(key, "java-shop", signal)).toBeUndefined();
    await server.cli("set", `${service}:1.0.0::provider:java-shop`, '{"canonicalName":"x"}');
    expect(await report.fetchDefinition?.(key, "java-shop", signal)).toBe('{"canonicalName":"x"}');
    await server.cli("set", `${app}:broken`, "no metadata");
    await expect(report.fetch(app, "broken", signal)).rejects.toMatchObject({ code: "METADATA_INVALID" });
    await report[Symbol.asyncDispose]();
    await seen.done;
  });

  test("puts mapping and settings below a group or a namespace, and all into the database that is asked for", async () => {
    const connection = use(
      await redisConnection({ address: `redis://${server.address}/3?group=blue&namespace=red` }),
    );
    const report = use(await redisMetadataReport({ connection }));
    const center = use(await redisConfigCenter({ connection }));
    const [app, service] = [name("app"), `org.example.${name("Grouped")}`];
    const metadata = sampleMetadata(app);
    await report.publish(metadata, signal);
    await report.writeMapping(service, applications(app), signal);
    await center.publish({ key: "dubbo.properties", group: app }, "a=b", signal);
    const keys = (await server.cli("-n", "3", "keys", "*")).split("\n").sort();
    expect(keys).toEqual(
      [`/red/config/${app}/dubbo.properties`, `${app}:${metadata.revision}`, "blue:mapping"].sort(),
    );
    for (const rest of ["?database=3", "?db.index=3"]) {
      const other = await open({ address: `redis://${server.address}${rest}` });
      expect(await other.fetch(app, metadata.revision, signal)).toEqual(metadata);
    }
    const beyond = await open({ address: `redis://${server.address}/99` });
    await expect(beyond.fetch("a", "r", signal)).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
  });

  test("loses nothing of 100 writers of one interface, nor of others that share the hash", async () => {
    const service = `org.example.${name("Crowded")}`;
    const reports = await Promise.all(Array.from({ length: 100 }, () => open()));
    await Promise.all(
      reports.map(async (report, index) => {
        await report.writeMapping(`${service}${index}`, applications("own"), signal);
        for (;;) {
          const record = await report.readMapping(service, signal);
          const next = { ...record, applications: new Set([...record.applications, `app-${index}`]) };
          if (await report.writeMapping(service, next, signal)) return;
        }
      }),
    );
    const [reader] = reports;
    expect((await reader?.readMapping(service, signal))?.applications.size).toBe(100);
    for (const index of reports.keys())
      expect(await server.cli("hget", "dubbo:mapping", `${service}${index}`)).toBe("own");
  });

  test("writes 300 interfaces of one application while others write too, and none is a conflict", async () => {
    const [one, other] = [await open(), await open()];
    const prefix = `org.example.${name("Many")}`;
    const mapping = use(new ServiceNameMapping({ reports: [one] }));
    const noise = new AbortController();
    const writing = (async () => {
      for (let round = 0; !noise.signal.aborted; round++)
        await other.writeMapping(`${prefix}.Noise${round}`, applications("noise"), signal);
    })();
    const added = await Promise.all(
      Array.from({ length: 300 }, (_, index) => mapping.add(`${prefix}${index}`, "shop", signal)),
    );
    noise.abort();
    await writing;
    expect(added.every(Boolean)).toBe(true);
  });

  test("expires metadata where that is wanted, and not while its provider lives", async () => {
    const [app, expiryMs] = [name("app"), 1_200];
    const metadata = sampleMetadata(app);
    const key = `${app}:${metadata.revision}`;
    const report = await open({ address: `redis://${server.address}?expiry=${expiryMs}ms` });
    await report.publish(metadata, signal);
    expect(Number(await server.cli("pttl", key))).toBeGreaterThan(0);
    const begunMs = performance.now();
    await waitFor(() => performance.now() - begunMs > 2 * expiryMs, { timeoutMs: 10_000 }); // it lives on
    expect(await server.cli("exists", key)).toBe("1");
    await report[Symbol.asyncDispose]();
    await soon(async () => (await server.cli("exists", key)) === "0", "the key to expire");

    // Who wants it for ever wins, whoever comes first.
    await server.cli("set", key, JSON.stringify({ app }), "px", "60000");
    const forever = await open();
    await forever.publish(metadata, signal);
    expect(await server.cli("pttl", key)).toBe("-1");
    const shorter = await open({ expiryMs });
    await shorter.publish(metadata, signal);
    expect(await server.cli("pttl", key)).toBe("-1");
  });

  test("publishes its own metadata and mapping again after the server was emptied", async () => {
    const report = await open({ resyncMs: 400 });
    const [app, service] = [name("app"), `org.example.${name("Emptied")}`];
    const metadata = sampleMetadata(app);
    await report.publish(metadata, signal);
    await report.writeMapping(service, applications(app), signal);
    await server.cli("flushall");
    await soon(async () => (await server.cli("hget", "dubbo:mapping", service)) === app, "the mapping");
    expect(await (await open()).fetch(app, metadata.revision, signal)).toEqual(metadata);
  });

  test("has everything back after a kill -9 and a restart with nothing, without waiting for the resync", async () => {
    const own = use(await startRedis());
    const report = await open({ address: `redis://${own.address}` });
    const metadata = sampleMetadata(name("app"));
    await report.publish(metadata, signal);
    const seen = follow(report.watchMapping("org.example.Lost", signal));
    await soon(() => seen.latest !== undefined, "a first value");
    await own.kill("SIGKILL");
    await own.wipe();
    await own.restart();
    const begunMs = performance.now();
    const key = `${metadata.application}:${metadata.revision}`;
    await soon(async () => (await own.cli("exists", key)) === "1", "the metadata");
    await own.cli("hset", "dubbo:mapping", "org.example.Lost", "late");
    await own.cli("publish", "dubbo:mapping:queues", "org.example.Lost");
    await soon(() => seen.latest?.has("late"), "what was published after the restart");
    expect(performance.now() - begunMs).toBeLessThan(15_000);
    await report[Symbol.asyncDispose]();
    await seen.done;
  });

  test.each(["a black hole", "a stopped server"])(
    "comes back from 8 s of %s: no call hangs, and what was missed is read",
    async (fault) => {
      const own = use(await startRedis());
      const proxy = use(await faultProxy(own));
      const report = await open({ address: `redis://${proxy.address}`, callTimeoutMs: 1_000 });
      const service = `org.example.${name("Hole")}`;
      const seen = follow(report.watchMapping(service, signal));
      await soon(() => seen.latest?.size === 0, "an empty mapping");
      const stopped = fault === "a stopped server";
      await (stopped ? own.kill("SIGSTOP") : proxy.setMode("blackhole"));
      const begunMs = performance.now();
      const unavailable = { code: "METADATA_UNAVAILABLE" };
      while (performance.now() - begunMs < 8_000) {
        const askedMs = performance.now();
        await expect(report.readMapping(service, signal)).rejects.toMatchObject(unavailable);
        expect(performance.now() - askedMs).toBeLessThan(5_000);
      }
      // Not a word of it is published: only reading again finds it.
      if (!stopped) await own.cli("hset", "dubbo:mapping", service, "missed");
      await (stopped ? own.kill("SIGCONT") : proxy.setMode("pass"));
      if (stopped) {
        // Who watches may be back, and have read, before it is written: then it is told.
        await own.cli("hset", "dubbo:mapping", service, "missed");
        await own.cli("publish", "dubbo:mapping:queues", service);
      }
      const healedMs = performance.now();
      await soon(
        async () => (await report.readMapping(service, signal)).applications.has("missed"),
        "an answer",
      );
      await soon(() => seen.latest?.has("missed"), "what was missed");
      expect(performance.now() - healedMs).toBeLessThan(12_000);
      await report[Symbol.asyncDispose]();
      await seen.done;
    },
  );

  test("notices that only the connection of the watchers is half-open, and reads what it missed", async () => {
    const watchers = use(await faultProxy(server));
    let connects = 0;
    const network = {
      ...systemRuntime.network,
      connect: (options: Parameters<Runtime["network"]["connect"]>[0]) =>
        systemRuntime.network.connect(++connects === 2 ? { ...options, port: watchers.port } : options),
    };
    const report = await open({}, { ...systemRuntime, network });
    const service = `org.example.${name("HalfOpen")}`;
    await report.readMapping(service, signal);
    const seen = follow(report.watchMapping(service, signal));
    await soon(() => seen.latest?.size === 0, "an empty mapping");
    expect([connects, watchers.open]).toEqual([2, 1]);
    await watchers.setMode("blackhole");
    await server.cli("hset", "dubbo:mapping", service, "missed");
    const begunMs = performance.now();
    await soon(() => seen.latest?.has("missed"), "what was missed");
    expect(performance.now() - begunMs).toBeLessThan(12_000);
    expect(connects).toBe(3); // that of the calls lives on
    await report[Symbol.asyncDispose]();
    await seen.done;
  });

  test("says which right is missing, and works with those that the documentation names", async () => {
    const acl = use(await startRedis({ password: "geheim", config: [...aclLines] }));
    const as = (user: string) => open({ address: `redis://${user}:secret-${user}@${acl.address}` });
    const shop = await as("shop");
    const metadata = sampleMetadata("shop");
    await shop.publish(metadata, signal);
    expect(await shop.writeMapping("org.example.A", applications("shop"), signal)).toBe(true);
    const watched = shop.watchMapping("org.example.A", signal)[Symbol.asyncIterator]();
    expect(await watched.next()).toMatchObject({ value: new Set(["shop"]) });
    await watched.return?.();
    const reader = await as("reader");
    expect(await reader.fetch("shop", metadata.revision, signal)).toEqual(metadata);
    const denied = { code: "REGISTRY_AUTH_FAILED", message: expect.stringMatching(/NOPERM/) as string };
    await expect(reader.publish(sampleMetadata("reader"), signal)).rejects.toMatchObject(denied);
    await expect(reader.writeMapping("org.example.B", applications("b"), signal)).rejects.toMatchObject(
      denied,
    );
    const deaf = await as("deaf");
    await expect(
      deaf.watchMapping("org.example.A", signal)[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject(denied);
    expect((await deaf.readMapping("org.example.A", signal)).applications).toEqual(new Set(["shop"]));
  });

  test("says that the password is wrong or missing, and goes on soon after it is right", async () => {
    const locked = use(await startRedis({ password: "other" }));
    const wrong = { code: "REGISTRY_AUTH_FAILED" };
    const without = await open({ address: `redis://${locked.address}` });
    await expect(without.fetch("a", "r", signal)).rejects.toMatchObject(wrong);
    const address = `redis://:geheim@${locked.address}`;
    await expect(redisConnection({ address, waitForServerMs: 5_000 })).rejects.toMatchObject(wrong);
    const report = await open({ address });
    const watching = report.watchMapping("org.example.A", signal)[Symbol.asyncIterator]();
    await expect(watching.next()).rejects.toMatchObject(wrong);
    await expect(report.fetch("a", "r", signal)).rejects.toMatchObject(wrong);
    await locked.cli("config", "set", "requirepass", "geheim");
    const begunMs = performance.now();
    await soon(async () => (await report.fetch("a", "r", signal)) === undefined, "an answer");
    expect(performance.now() - begunMs).toBeLessThan(10_000);
    // A password that nobody asks for is no reason to fail.
    const free = await open({ address: `redis://:geheim@${server.address}` });
    expect(await free.fetch("a", "r", signal)).toBeUndefined();
  });

  test("speaks TLS with a client certificate, and says what is wrong with a connection that is not secure", async () => {
    const folder = await mkdtemp(join(tmpdir(), "redis-tls-"));
    const { authority, consumer, provider, otherAuthority, stranger } = testCertificates;
    const file = async (file: string, text: string) => {
      await writeFile(join(folder, file), text);
      return join(folder, file);
    };
    const [ca, otherCa] = [await file("ca.pem", authority), await file("other.pem", otherAuthority)];
    const [cert, key] = [
      await file("cert.pem", consumer.certificate),
      await file("key.pem", consumer.privateKey),
    ];
    const secure = use(await startRedis({ tls: { server: provider, authority, clientCertificates: true } }));
    const own = `tlsCert=${cert}&tlsKey=${key}`;
    const report = await open({ address: `rediss://${secure.address}?tlsCa=${ca}&${own}` });
    const metadata = sampleMetadata("secure");
    await report.publish(metadata, signal);
    const named = await open({
      address: `redis://${secure.address}?tlsCa=${ca}&${own}&tlsServerName=provider.test`,
    });
    expect(await named.fetch("secure", metadata.revision, signal)).toEqual(metadata);

    const codeOf = async (options: Partial<RedisOptions>) => {
      const error = (await (
        await open({ callTimeoutMs: 10_000, ...options })
      )
        .fetch("a", "r", signal)
        .catch((e: unknown) => e)) as {
        code: string;
      };
      return error.code;
    };
    const at = `rediss://${secure.address}`;
    expect(await codeOf({ address: `${at}?tlsCa=${otherCa}&${own}` })).toBe("REGISTRY_AUTH_FAILED");
    expect(await codeOf({ address: `${at}?tlsCa=${ca}&${own}&tlsServerName=elsewhere.test` })).toBe(
      "REGISTRY_AUTH_FAILED",
    );
    expect(await codeOf({ address: `${at}?tlsCa=${ca}` })).toBe("REGISTRY_AUTH_FAILED");
    const foreign = { ca: authority, cert: stranger.certificate, key: stranger.privateKey };
    expect(await codeOf({ address: at, tls: foreign })).toBe("REGISTRY_AUTH_FAILED");
    const plain = await open({ address: `rediss://${server.address}?tlsCa=${ca}`, callTimeoutMs: 2_000 });
    await expect(plain.fetch("a", "r", signal)).rejects.toThrow(/no answer in TLS/);
    expect(await codeOf({ address: `redis://${secure.address}` })).toMatch(
      /REGISTRY_WRONG_SERVER|METADATA_UNAVAILABLE/,
    );
    await rm(folder, { recursive: true });
  });
});

/** As docs/registries/redis.md has them. */
const aclLines = [
  "user shop on >secret-shop ~* &dubbo:mapping:queues &/dubbo/config +@connection +@transaction +info +get +set +del +persist +pttl +pexpire +hget +hset +publish +subscribe",
  "user reader on >secret-reader ~* &dubbo:mapping:queues &/dubbo/config +@connection +info +get +hget +subscribe",
  "user deaf on >secret-deaf ~* +@connection +get +hget +subscribe",
] as const;
