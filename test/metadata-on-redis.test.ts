import {
  realServer,
  redisAvailable,
  startRedis,
  startZooKeeper,
  waitFor,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { createApplication, hasCode } from "dubbo-ts";
import { freeBasePort, Worker } from "./programs.js";

jest.setTimeout(120_000);

/** Opens an application whose metadata and mapping are on Redis, its instances in `registry`. */
const open = (name: string, registry: string, redis: string) =>
  createApplication({
    name,
    registry,
    config: {
      application: { "metadata-type": "remote" },
      "metadata-report": { address: redis, password: "geheim" },
      protocols: { dubbo: { port: 0, host: "127.0.0.1" } },
      logger: { level: "silent" },
      cache: { enabled: false },
      shutdown: { grace: 0 },
    },
    env: {},
  });

/** A consumer finds a provider through what only Redis knows, also after Redis has lost everything. */
async function tellStory(registry: string): Promise<void> {
  await using redis = await startRedis({ password: "geheim" });
  const url = `redis://${redis.address}`;
  await using provider = await open("redis-provider", registry, url);
  await provider.export(Worker, { whoAmI: async () => 1, work: async () => "done" });
  await provider.start();
  expect(await redis.cli("hget", "dubbo:mapping", Worker.serviceInterface)).toBe("redis-provider");
  const [key = "none"] = (await redis.cli("keys", "redis-provider:*")).split("\n");
  expect(JSON.parse(await redis.cli("get", key))).toMatchObject({ app: "redis-provider" });

  await using consumer = await open("redis-consumer", registry, url);
  const worker = await consumer.refer(Worker);
  const answers = async () => (await worker.whoAmI()) === 1;
  await waitFor(answers, { timeoutMs: 20_000, intervalMs: 50, what: "a first answer" });

  await redis.kill("SIGKILL");
  expect(await worker.whoAmI()).toBe(1);
  await redis.wipe();
  await redis.restart();
  const isBack = async () =>
    (await redis.cli("hget", "dubbo:mapping", Worker.serviceInterface)) === "redis-provider" &&
    (await redis.cli("exists", key)) === "1";
  await waitFor(isBack, { timeoutMs: 20_000, intervalMs: 100, what: "mapping and metadata" });
  await using later = await open("later-consumer", registry, url);
  const again = await later.refer(Worker);
  await waitFor(async () => (await again.whoAmI()) === 1, { timeoutMs: 20_000, intervalMs: 50 });
}

realServer("metadata on Redis", redisAvailable(), () => {
  test("brings consumer and provider together beside the embedded registry", async () => {
    await tellStory(`local://127.0.0.1:${await freeBasePort()}`);
  });

  realServer("and instances in ZooKeeper", zooKeeperAvailable(), () => {
    test("brings consumer and provider together", async () => {
      await using zooKeeper = await startZooKeeper();
      await tellStory(`zookeeper://${zooKeeper.address}`);
    });
  });

  test("is no registry, and says so", async () => {
    const opening = open("redis-only", "redis://127.0.0.1:1", "redis://127.0.0.1:1");
    await expect(opening).rejects.toThrow(/keeps metadata and settings, but no instances/);
    await opening.catch((error: unknown) => expect(hasCode(error, "UNKNOWN_REGISTRY")).toBe(true));
  });
});
