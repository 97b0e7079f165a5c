import { createApplication } from "dubbo-ts";
import { zooKeeperAvailable, Load, realServer, startZooKeeper, waitFor } from "@dubbo-ts/testkit";
import { freeBasePort, type Program, startProgram, Worker } from "./programs.js";

/** Restarts five providers one after another under 200 calls/s, with default settings on both sides. */
async function rollOver(registry: string, protocol: "dubbo" | "tri" = "dubbo"): Promise<void> {
  const start = () => startProgram("provider", registry, "worker-app", "0", protocol);
  let providers: Program[] = [];
  await using app = await createApplication({
    name: "rolling-client",
    registry,
    config: { logger: { level: "silent" }, cache: { enabled: false } },
    env: {},
  });
  try {
    providers = await Promise.all(Array.from({ length: 5 }, start));
    const worker = await app.refer(Worker);
    const seen = new Set<number>();
    const load = new Load(async () => seen.add(await worker.whoAmI()), 200);
    const all = () => providers.every(({ pid }) => seen.has(pid));
    await waitFor(all, { timeoutMs: 10_000, what: "answers of all five" });
    for (const [index, old] of providers.entries()) {
      expect(await old.end("SIGTERM")).toBe(0);
      providers[index] = await start();
    }
    seen.clear();
    await waitFor(all, { timeoutMs: 10_000, what: "answers of all five new ones" });
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.answered).toBeGreaterThan(1_000);
  } finally {
    await Promise.all(providers.map((provider) => provider[Symbol.asyncDispose]()));
  }
}

realServer("a rolling restart over ZooKeeper", zooKeeperAvailable(), () => {
  test("of five providers under 200 calls/s loses no call", async () => {
    await using server = await startZooKeeper();
    await rollOver(`zookeeper://${server.address}`);
  }, 90_000);
});

test("a rolling restart over the embedded registry of five providers under 200 calls/s loses no call", async () => {
  await rollOver(`local://127.0.0.1:${await freeBasePort()}`);
}, 90_000);

test("a rolling restart of five providers over triple under 200 calls/s loses no call", async () => {
  await rollOver(`local://127.0.0.1:${await freeBasePort()}`, "tri");
}, 90_000);
