import type { ServiceInstance } from "@dubbo-ts/core";
import { noLeaks, sampleInstance, ScriptedRegistry } from "@dubbo-ts/testkit";
import fc from "fast-check";
import { MemoryRegistryStore, memoryRegistry } from "./memory-registry.js";
import { registryClient, unusableReason } from "./registry-client.js";
import { changesOf, type WatchResult } from "./watcher.js";

const one = sampleInstance({ application: "a", port: 20_001 });
const two = sampleInstance({ application: "a", port: 20_002 });
const settle = () => new Promise((resolve) => setImmediate(resolve));
const brief = (result: WatchResult | undefined) =>
  result === undefined
    ? "none"
    : result.action === "snapshot"
      ? `snapshot ${result.application} [${result.instances.map(({ port }) => port).join(" ")}]`
      : `${result.action} ${result.application} ${result.instance.port}`;

describe("registryClient", () => {
  const open = () => {
    const store = new MemoryRegistryStore();
    return [registryClient(memoryRegistry(store)), registryClient(memoryRegistry(store))] as const;
  };

  test("registers, updates, gets, lists and deregisters", async () => {
    const [provider, consumer] = open();
    expect(provider.name).toBe("memory://");
    await provider.register(one);
    await provider.register(two);
    await provider.update({ ...one, tag: "gray" });
    await provider.register({ ...two, tag: "blue" });
    expect((await consumer.get("a")).map(({ tag }) => tag)).toEqual(["gray", "blue"]);
    expect(await consumer.list()).toEqual(["a"]);
    await provider.deregister(one);
    await provider.deregister(one);
    expect((await consumer.get("a")).map(({ port }) => port)).toEqual([20_002]);
    expect(await consumer.get("nobody")).toEqual([]);
    await expect(provider.update(one)).rejects.toMatchObject({ code: "INSTANCE_INVALID" });
    await provider[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
    expect(await consumer.get("a")).toEqual([]);
  });

  test("gives those that can take calls, and all when asked to", async () => {
    const [provider, consumer] = open();
    const ill: readonly ServiceInstance[] = [
      sampleInstance({ application: "a", port: 1, enabled: false }),
      sampleInstance({ application: "a", port: 2, healthy: false }),
      sampleInstance({ application: "a", port: 3, weight: 0 }),
      sampleInstance({ application: "a", port: 4 }),
    ];
    for (const instance of ill) await provider.register(instance);
    expect((await consumer.get("a")).map(({ port }) => port)).toEqual([4]);
    expect(await consumer.get("a", { all: true })).toHaveLength(4);
    expect(ill.map(unusableReason)).toEqual(["disabled", "unhealthy", "weight", undefined]);
  });

  test("tells a watcher of one application what it is, and then each change", async () => {
    const [provider, consumer] = open();
    await provider.register(one);
    await provider.register(sampleInstance({ application: "other" }));
    const watcher = consumer.watch({ application: "a" });
    expect(brief(await watcher.next())).toBe("snapshot a [20001]");
    const next = watcher.next();
    await provider.register(two);
    expect(brief(await next)).toBe("create a 20002");
    await provider.update({ ...two, weight: 2 });
    expect(await watcher.next()).toMatchObject({ action: "update", instance: { weight: 2 } });
    await provider.deregister(one);
    expect(brief(await watcher.next())).toBe("delete a 20001");
    await watcher.stop();
  });

  test("tells a watcher of all about applications that are created later", async () => {
    const [provider, consumer] = open();
    const watcher = consumer.watch();
    const first = watcher.next();
    await settle();
    await provider.register(one);
    expect(brief(await first)).toBe("snapshot a [20001]");
    await provider.register(sampleInstance({ application: "b" }));
    expect(brief(await watcher.next())).toBe("snapshot b [20880]");
    await watcher.stop();
  });

  test("ends an iteration when it is stopped, and rejects next with WATCHER_STOPPED", async () => {
    const check = noLeaks();
    const [provider, consumer] = open();
    await provider.register(one);
    const controller = new AbortController();
    const watcher = consumer.watch({ application: "a", signal: controller.signal });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const result of watcher) seen.push(brief(result));
    })();
    await settle();
    controller.abort();
    await reading;
    expect(seen).toEqual(["snapshot a [20001]"]);
    await watcher.stop();
    await watcher[Symbol.asyncDispose]();
    await expect(watcher.next()).rejects.toMatchObject({ code: "WATCHER_STOPPED" });

    const waiting = consumer.watch({ application: "silent" });
    await waiting.next();
    const next = waiting.next();
    await waiting.stop();
    await expect(next).rejects.toMatchObject({ code: "WATCHER_STOPPED" });

    const left = consumer.watch({ application: "a" });
    for await (const _ of left) break;
    await expect(left.next()).rejects.toMatchObject({ code: "WATCHER_STOPPED" });

    const open1 = consumer.watch();
    await consumer[Symbol.asyncDispose]();
    await expect(open1.next()).rejects.toMatchObject({ code: "WATCHER_STOPPED" });
    await check();
  });

  test("joins what a slow reader did not read yet into one change for each instance", async () => {
    const registry = new ScriptedRegistry();
    const watcher = registryClient(registry).watch({ application: "a" });
    registry.push("a", [one]);
    await watcher.next();
    const push = async (...instances: ServiceInstance[]) => {
      registry.push("a", instances);
      await settle();
    };
    await push({ ...one, weight: 2 });
    await push({ ...one, weight: 3 }, two);
    await push({ ...one, weight: 4 });
    await push();
    await push({ ...one, weight: 5 });
    expect(await watcher.next()).toMatchObject({ action: "update", instance: { weight: 5 } });
    await push({ ...one, weight: 6 });
    expect(await watcher.next()).toMatchObject({ action: "update", instance: { weight: 6 } });
    await watcher.stop();
  });

  test("makes a new snapshot of more than a thousand unread changes", async () => {
    const registry = new ScriptedRegistry();
    const watcher = registryClient(registry).watch({ application: "a" });
    registry.push("a", []);
    expect(brief(await watcher.next())).toBe("snapshot a []");
    const many = Array.from({ length: 1_500 }, (_, index) =>
      sampleInstance({ application: "a", port: index + 1 }),
    );
    registry.push("a", many);
    await settle();
    const next = await watcher.next();
    expect(next.action === "snapshot" && next.instances.length).toBe(1_500);
    await watcher.stop();
  });

  test("gives the registry's failure to whoever reads", async () => {
    const registry = new ScriptedRegistry();
    const watcher = registryClient(registry).watch({ application: "a" });
    registry.push("a", [one]);
    await watcher.next();
    const next = watcher.next();
    registry.break("a", new Error("stream broke"));
    await expect(next).rejects.toThrow("stream broke");
    await expect(watcher.next()).rejects.toThrow("stream broke");
    await watcher.stop();

    const closed = registryClient(registry).watch({ application: "a" });
    await closed.next();
    await registry[Symbol.asyncDispose]();
    await expect(closed.next()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await closed.stop();
  });

  test("takes back an instance that is still being registered", async () => {
    const registry = new ScriptedRegistry();
    registry.fail = "hang";
    const client = registryClient(registry);
    const registering = client.register(one);
    registering.catch(() => {});
    await client.deregister(one);
    await expect(registering).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await client[Symbol.asyncDispose]();
  });

  test("finds changes that lead from any set to any other", () => {
    const set = fc.dictionary(fc.constantFrom("1", "2", "3", "4", "5"), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(set, set, (before, after) => {
        const toMap = (weights: Record<string, number>) =>
          new Map(
            Object.entries(weights).map(([port, weight]) => {
              const instance = sampleInstance({ application: "a", port: Number(port), weight });
              return [instance.id, instance];
            }),
          );
        const state = toMap(before);
        for (const change of changesOf("a", state, toMap(after))) {
          if (change.action === "delete") expect(state.delete(change.instance.id)).toBe(true);
          else {
            expect(state.has(change.instance.id)).toBe(change.action === "update");
            state.set(change.instance.id, change.instance);
          }
        }
        expect(Object.fromEntries(state)).toEqual(Object.fromEntries(toMap(after)));
      }),
    );
  });
});
