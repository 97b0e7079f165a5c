import { setMaxListeners } from "node:events";
import { serviceKey } from "@dubbo-ts/core";
import type { MetadataReport } from "@dubbo-ts/metadata";
import {
  follow,
  noLeaks,
  realServer,
  redisAvailable,
  type RedisCluster,
  sampleMetadata,
  startRedisCluster,
  startRedisSentinel,
  waitFor,
} from "@dubbo-ts/testkit";
import { redisConfigCenter } from "./redis-config-center.js";
import { redisMetadataReport } from "./redis-metadata-report.js";

jest.setTimeout(120_000);

const { signal } = new AbortController();
setMaxListeners(0, signal);
const soon = (condition: () => unknown, what: string, timeoutMs = 20_000) =>
  waitFor(condition, { timeoutMs, intervalMs: 50, what });
const applications = (...names: string[]) => ({ applications: new Set(names), version: undefined });

/** Adds an application as a provider does: read, append, write, until it is in. */
async function add(report: MetadataReport, service: string, application: string): Promise<void> {
  for (;;) {
    const record = await report.readMapping(service, signal);
    const next = { ...record, applications: new Set([...record.applications, application]) };
    if (await report.writeMapping(service, next, signal)) return;
  }
}

let checkLeaks: () => Promise<void>;
beforeEach(() => {
  checkLeaks = noLeaks({ only: ["TCPSocketWrap", "Timeout"], timeoutMs: 5_000 });
});
afterEach(() => checkLeaks());

realServer("behind Redis Sentinels", redisAvailable(), () => {
  test("follows a fail-over that lost a write: writes again what is its own, and watchers hear on", async () => {
    await using redis = await startRedisSentinel({ password: "geheim" });
    const [master, replica] = redis.servers;
    const [first, ...others] = redis.sentinels.map(({ address }) => address);
    const rest = `redis-client=sentinel&master.name=${redis.masterName}`;
    const address = `redis://:geheim@${first}?backup=${others.join(",")}&${rest}`;
    await using report = await redisMetadataReport({ address, resyncMs: 3_000 });
    const service = "org.example.Failover";
    await report.writeMapping(service, applications("before"), signal);
    const seen = follow(report.watchMapping(service, signal));
    await soon(() => seen.latest?.has("before"), "the first application");
    await soon(async () => (await replica?.cli("hget", "dubbo:mapping", service)) === "before", "the copy");

    // The replica does not hear the last word of its master.
    await replica?.cli("config", "set", "masterauth", "wrong");
    await replica?.cli("client", "kill", "type", "master");
    const metadata = sampleMetadata("shop");
    const key = `shop:${metadata.revision}`;
    await report.publish(metadata, signal);
    await report.writeMapping("org.example.Lost", applications("shop"), signal);
    expect([await master?.cli("exists", key), await replica?.cli("exists", key)]).toEqual(["1", "0"]);
    await master?.kill("SIGKILL");
    const begunMs = performance.now();
    await soon(async () => (await redis.master()) === replica, "another master");
    await soon(async () => (await replica?.cli("exists", key)) === "1", "the metadata");
    await soon(
      async () => (await replica?.cli("hget", "dubbo:mapping", "org.example.Lost")) === "shop",
      "the mapping",
    );
    await add(report, service, "after");
    await soon(() => seen.latest?.has("after"), "what was written after the fail-over");
    expect(performance.now() - begunMs).toBeLessThan(20_000);

    // The old master returns, and is made a replica: nobody writes to it.
    await master?.restart();
    await soon(async () => (await master?.cli("role"))?.startsWith("slave"), "the old master as a replica");
    await add(report, service, "later");
    expect(await replica?.cli("hget", "dubbo:mapping", service)).toBe("before,after,later");
    // One Sentinel more or less is no matter.
    await redis.sentinels[0]?.kill("SIGSTOP");
    await using fresh = await redisMetadataReport({ address });
    expect((await fresh.readMapping(service, signal)).applications.size).toBe(3);
    await report[Symbol.asyncDispose]();
    await seen.done;
  });

  test("says which masters there are when it is asked for another, and what a Sentinel is not", async () => {
    await using redis = await startRedisSentinel();
    const [sentinel] = redis.sentinels;
    await using report = await redisMetadataReport({
      address: `redis://${sentinel?.address}?redis-client=sentinel`,
    });
    await expect(report.fetch("a", "r", signal)).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringMatching(/no master "Sentinel-master"; they watch: shop-master/) as string,
    });
    await using single = await redisMetadataReport({ address: `redis://${sentinel?.address}` });
    await expect(single.fetch("a", "r", signal)).rejects.toMatchObject({
      code: "REGISTRY_WRONG_SERVER",
      message: expect.stringMatching(/is a Sentinel: name it with redis-client=sentinel/) as string,
    });
  });
});

realServer("in a Redis Cluster", redisAvailable(), () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster({ password: "geheim" });
  }, 60_000);
  afterAll(() => cluster[Symbol.asyncDispose]());

  /** Knows one member; learns of the others. */
  const open = (rest = "cluster=true") =>
    redisMetadataReport({ address: `redis://:geheim@${cluster.nodes[0]?.address}?${rest}` });
  const everywhere = async (...command: string[]) =>
    (await Promise.all(cluster.nodes.map((node) => node.cli("-c", ...command)))).map((text) => text.trim());

  test("keeps keys as Java does in a cluster, wherever they belong", async () => {
    await using report = await open();
    const all = Array.from({ length: 12 }, (_, index) => sampleMetadata(`shop-${index}`));
    for (const metadata of all) await report.publish(metadata, signal);
    for (const { application, revision } of all)
      expect(await everywhere("exists", `${application}:${revision}.metaData`)).toEqual(["1", "1", "1"]);
    await using other = await open("redis-client=cluster");
    for (const metadata of all)
      expect(await other.fetch(metadata.application, metadata.revision, signal)).toEqual(metadata);
    const [node] = cluster.nodes;
    await node?.cli("-c", "set", "org.example.A:::provider:shop.metaData", "{}");
    expect(await other.fetchDefinition?.(serviceKey("org.example.A"), "shop", signal)).toBe("{}");
  });

  test("loses nothing of twenty writers, and watchers hear of it at whatever member they are", async () => {
    const reports = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        redisMetadataReport({
          address: `redis://:geheim@${cluster.nodes[index % 3]?.address}?redis-client=cluster`,
        }),
      ),
    );
    const service = "org.example.Crowded";
    const seen = reports.map((report) => follow(report.watchMapping(service, signal)));
    await Promise.all(reports.map((report, index) => add(report, service, `app-${index}`)));
    await soon(() => seen.every(({ latest }) => latest?.size === 20), "all applications at all watchers");
    const [names] = new Set(await everywhere("hget", "dubbo:mapping", service));
    expect(names?.split(",")).toHaveLength(20);
    await Promise.all(reports.map((report) => report[Symbol.asyncDispose]()));
    await Promise.all(seen.map(({ done }) => done));
  });

  test("keeps settings, and tells of them", async () => {
    const address = `redis://:geheim@${cluster.nodes[1]?.address}?redis-client=cluster`;
    await using center = await redisConfigCenter({ address });
    const item = { key: "dubbo.properties", group: "shop" };
    const seen = follow(center.watch(item, signal));
    expect(await center.publish(item, "a=1", signal, "absent")).toBe(true);
    await soon(() => seen.latest?.text === "a=1", "the first text");
    const version = seen.latest?.version ?? "";
    expect(await center.publish(item, "a=2", signal, { version })).toBe(true);
    expect(await center.publish(item, "a=3", signal, { version })).toBe(false);
    await soon(() => seen.latest?.text === "a=2", "the second text");
    await center[Symbol.asyncDispose]();
    await seen.done;
  });

  test("fails by its deadline while the member with the key is dead, and goes on when it is back", async () => {
    await using report = await open();
    const service = "org.example.Member";
    await add(report, service, "before");
    const seen = follow(report.watchMapping(service, signal));
    await soon(() => seen.latest?.has("before"), "the first application");
    const [, port] =
      (await cluster.nodes[0]?.cli("hget", "dubbo:mapping", "x"))?.match(/MOVED \d+ \S+:(\d+)/) ?? [];
    const owner = cluster.nodes.find((node) => String(node.port) === port) ?? cluster.nodes[0];
    await owner?.kill("SIGKILL");
    const begunMs = performance.now();
    await expect(report.readMapping(service, signal)).rejects.toMatchObject({ code: "METADATA_UNAVAILABLE" });
    expect(performance.now() - begunMs).toBeLessThan(6_000);
    await owner?.restart();
    await soon(() => add(report, service, "after").then(() => true), "a write");
    await soon(() => seen.latest?.has("after"), "what was written then");
    await report[Symbol.asyncDispose]();
    await seen.done;
  });

  test("says what to do when it is taken for a single server", async () => {
    await using report = await open("timeout=1000");
    await expect(report.fetch("a", "r", signal)).rejects.toMatchObject({
      code: "REGISTRY_WRONG_SERVER",
      message: expect.stringMatching(/belongs to a cluster: name it with redis-client=cluster/) as string,
    });
  });
});
