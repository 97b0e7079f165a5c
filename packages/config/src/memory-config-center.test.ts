import { configCenterSuite } from "@dubbo-ts/testkit";
import { MemoryConfigStore, memoryConfigCenter } from "./memory-config-center.js";

describe("the config center in memory", () => {
  const item = { key: "k", group: "g" };
  const never = new AbortController().signal;

  test("tells what is there, then each change, until the signal aborts or it is disposed", async () => {
    const center = memoryConfigCenter();
    center.set(item, "1");
    const stop = new AbortController();
    const records = center.watch(item, stop.signal)[Symbol.asyncIterator]();
    expect((await records.next()).value).toMatchObject({ text: "1" });
    center.set({ ...item, group: "other" }, "x");
    center.set(item, "2");
    expect((await records.next()).value).toMatchObject({ text: "2" });
    center.set(item, undefined);
    expect(await records.next()).toEqual({ done: false, value: undefined });
    const next = records.next();
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });

    const others = center.watch(item, never)[Symbol.asyncIterator]();
    await others.next();
    const last = others.next();
    await center[Symbol.asyncDispose]();
    await center[Symbol.asyncDispose]();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  test("lets one of two writers win that have read the same", async () => {
    const center = memoryConfigCenter();
    expect(await center.publish(item, "1", never, "absent")).toBe(true);
    expect(await center.publish(item, "2", never, "absent")).toBe(false);
    const { version = "" } = (await center.get(item, never)) ?? {};
    expect(await center.publish(item, "2", never, { version })).toBe(true);
    expect(await center.publish(item, "3", never, { version })).toBe(false);
    expect(await center.publish(item, "4", never)).toBe(true);
    expect((await center.history?.(item, never))?.map(({ text }) => text)).toEqual(["2", "1"]);
    await center.remove(item, never);
    expect(await center.get(item, never)).toBeUndefined();
  });
});

configCenterSuite(
  "memoryConfigCenter",
  async () => {
    const store = new MemoryConfigStore();
    return {
      open: async () => memoryConfigCenter("memory://", store),
      [Symbol.asyncDispose]: async () => {},
    };
  },
  { lacks: ["kill", "wipe", "blackhole", "cut", "pause", "crash"] },
);
