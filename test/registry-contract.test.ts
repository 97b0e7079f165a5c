import { chosenRegistry, hasCode, openRegistry, registryClient, type ServiceInstance } from "dubbo-ts";
import {
  zooKeeperAvailable,
  realServer,
  sampleInstance,
  startZooKeeper,
  waitFor,
  type ZooKeeperServer,
} from "@dubbo-ts/testkit";
import { freeBasePort } from "./programs.js";

/** What a program without services does with a registry: named on the command line or in the environment. */
function contract(choose: () => Promise<{ argv?: readonly string[]; env?: Record<string, string> }>): void {
  /** A client as a program of its own would have it. */
  async function open() {
    const url = chosenRegistry(await choose()) ?? "local://";
    const backend = await openRegistry(url);
    const client = registryClient(backend.registry);
    return {
      client,
      backend,
      async [Symbol.asyncDispose]() {
        await client[Symbol.asyncDispose]();
        await backend[Symbol.asyncDispose]();
      },
    };
  }

  const instance = (
    application: string,
    port: number,
    fields: Partial<ServiceInstance> = {},
  ): ServiceInstance => sampleInstance({ application, host: "10.0.0.1", port, ...fields });
  const signal = AbortSignal.timeout(60_000);

  test("registers, updates, gets, lists and deregisters", async () => {
    await using program = await open();
    const { client } = program;
    expect(await client.get("nobody")).toEqual([]);
    await client.register(instance("contract-app", 1));
    await client.register(instance("contract-app", 2));
    const ids = async () =>
      (await client.get("contract-app")).map(({ id }) => id).sort((a, b) => a.localeCompare(b));
    await waitFor(async () => (await ids()).join() === "10.0.0.1:1,10.0.0.1:2");
    expect(await client.list()).toContain("contract-app");
    await client.update(instance("contract-app", 1, { revision: "f".repeat(32), labels: { zone: "b" } }));
    await waitFor(async () => (await client.get("contract-app"))[0]?.revision === "f".repeat(32));
    expect((await client.get("contract-app"))[0]).toMatchObject({
      labels: { zone: "b" },
      ports: { dubbo: 1 },
    });
    const stranger = await client.update(instance("contract-app", 9)).catch((error: unknown) => error);
    expect(hasCode(stranger, "INSTANCE_INVALID")).toBe(true);
    await client.deregister(instance("contract-app", 1));
    await client.deregister(instance("contract-app", 1));
    await waitFor(async () => (await ids()).join() === "10.0.0.1:2");
    await expect(
      client.get("contract-app", { signal: AbortSignal.abort(new Error("no more")) }),
    ).rejects.toThrow();
  });

  test("watches one application: a snapshot, then what changes, until it is stopped", async () => {
    await using mine = await open();
    await mine.client.register(instance("watched-app", 1));
    await waitFor(async () => (await mine.client.get("watched-app")).length === 1);
    const watcher = mine.client.watch({ application: "watched-app", signal });
    const seen: string[] = [];
    const until = async (action: string, id: string) => {
      for (;;) {
        const result = await watcher.next();
        seen.push(result.action);
        if (
          result.action === action &&
          (result.action === "snapshot"
            ? result.instances.some((one) => one.id === id)
            : result.instance.id === id)
        )
          return result;
      }
    };
    await until("snapshot", "10.0.0.1:1");
    await mine.client.register(instance("watched-app", 2));
    await until("create", "10.0.0.1:2");
    await mine.client.update(instance("watched-app", 2, { labels: { zone: "c" } }));
    expect(await until("update", "10.0.0.1:2")).toMatchObject({ instance: { labels: { zone: "c" } } });
    await mine.client.register(instance("elsewhere-app", 3)); // not heard here
    await mine.client.deregister(instance("watched-app", 1));
    await until("delete", "10.0.0.1:1");
    expect(seen).toEqual(["snapshot", "create", "update", "delete"]);
    const waiting = watcher.next().catch((error: unknown) => error);
    await watcher.stop();
    await watcher.stop();
    for (const error of [await waiting, await watcher.next().catch((reason: unknown) => reason)])
      expect(hasCode(error, "WATCHER_STOPPED")).toBe(true);
  });

  test("watches all applications, by iteration, and ends where the loop does", async () => {
    await using mine = await open();
    await mine.client.register(instance("first-app", 1));
    const watcher = mine.client.watch({ signal });
    const seen = new Set<string>();
    const added = waitFor(() => seen.has("first-app")).then(() =>
      mine.client.register(instance("second-app", 2)),
    );
    for await (const result of watcher) {
      if (result.action === "snapshot" ? result.instances.length > 0 : result.action === "create")
        seen.add(result.application);
      if (seen.has("first-app") && seen.has("second-app")) break;
    }
    await added;
    const after = await watcher.next().catch((error: unknown) => error);
    expect(hasCode(after, "WATCHER_STOPPED")).toBe(true);
  });

  test("takes back what it registered when it ends", async () => {
    await using stays = await open();
    {
      await using leaves = await open();
      await leaves.client.register(instance("leaving-app", 1));
      await waitFor(async () => (await leaves.client.get("leaving-app")).length === 1);
    }
    await waitFor(async () => (await stays.client.get("leaving-app")).length === 0);
  });
}

describe("a registry chosen by --registry, in memory", () => {
  contract(async () => ({ argv: ["--registry", "memory://"] }));
});

describe("a registry chosen by DUBBO_REGISTRY, the embedded one", () => {
  let url: string;
  beforeAll(async () => {
    url = `local://127.0.0.1:${await freeBasePort()}`;
  });
  contract(async () => ({ argv: [], env: { DUBBO_REGISTRY: url } }));
});

realServer("a registry chosen by --registry before DUBBO_REGISTRY, ZooKeeper", zooKeeperAvailable(), () => {
  let server: ZooKeeperServer;
  beforeAll(async () => {
    server = await startZooKeeper();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  contract(async () => ({
    argv: [`--registry=zookeeper://${server.address}`],
    env: { DUBBO_REGISTRY: "memory://" },
  }));
});
