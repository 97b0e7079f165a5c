import { setMaxListeners } from "node:events";
import { follow, testRuntime } from "@dubbo-ts/testkit";
import { MemoryMetadataStore, memoryMetadataReport } from "./memory-metadata-report.js";
import type { MetadataReport } from "./metadata-report.js";
import { ServiceNameMapping } from "./service-name-mapping.js";

const greeter = "org.example.Greeter";
const { signal } = new AbortController();
setMaxListeners(0, signal);

/** A report of which single methods are replaced. */
function reportWith(store: MemoryMetadataStore, fields: Partial<MetadataReport>): MetadataReport {
  const report = memoryMetadataReport(store);
  return {
    publish: (...args) => report.publish(...args),
    fetch: (...args) => report.fetch(...args),
    readMapping: (...args) => report.readMapping(...args),
    writeMapping: (...args) => report.writeMapping(...args),
    watchMetadata: (...args) => report.watchMetadata(...args),
    watchMapping: (...args) => report.watchMapping(...args),
    [Symbol.asyncDispose]: () => report[Symbol.asyncDispose](),
    ...fields,
  };
}

function names(store: MemoryMetadataStore, serviceInterface = greeter): string[] {
  return [...store.readMapping(serviceInterface).applications];
}

describe("ServiceNameMapping", () => {
  test("adds an application behind those that are there, once, comparing whole names", async () => {
    const store = new MemoryMetadataStore();
    const mapping = new ServiceNameMapping({ reports: [memoryMetadataReport(store)] });
    for (const application of ["order-service", "zebra", "order", "order"])
      expect(await mapping.add(greeter, application, signal)).toBe(true);
    expect(names(store)).toEqual(["order-service", "zebra", "order"]);
    expect(store.readMapping(greeter).version).toBe("3"); // nothing was written a fourth time
    await mapping[Symbol.asyncDispose]();
  });

  test("loses none of twenty applications that write at once", async () => {
    const store = new MemoryMetadataStore();
    const runtime = testRuntime();
    const mappings = Array.from(
      { length: 20 },
      () => new ServiceNameMapping({ reports: [memoryMetadataReport(store)], runtime, addTimeoutMs: 60_000 }),
    );
    const adding = Promise.all(
      mappings.map((mapping, index) => mapping.add(greeter, `app-${index}`, signal)),
    );
    await runtime.clock.advance(30_000);
    await adding;
    await runtime.clock.advance(30_000);
    expect(names(store)).toHaveLength(20);
    for (const mapping of mappings) await mapping[Symbol.asyncDispose]();
  });

  test("says false and goes on every five seconds when a report cannot be written, with two log lines", async () => {
    const store = new MemoryMetadataStore();
    const runtime = testRuntime();
    let broken = true;
    const report = reportWith(store, {
      readMapping: async (serviceInterface) => {
        if (broken) throw new Error("away");
        return store.readMapping(serviceInterface);
      },
    });
    const mapping = new ServiceNameMapping({ reports: [report], runtime });
    expect(await mapping.add(greeter, "app", signal)).toBe(false);
    expect(await mapping.add("org.example.Other", "app", signal)).toBe(false);
    await runtime.clock.advance(20_000);
    expect(names(store)).toEqual([]);
    broken = false;
    await runtime.clock.advance(5_000);
    expect(names(store)).toEqual(["app"]);
    expect(names(store, "org.example.Other")).toEqual(["app"]);
    expect(runtime.log.entries.map(({ level }) => level)).toEqual(["warn", "info"]);
    await mapping[Symbol.asyncDispose]();
  });

  test("does not wait for ever for a report that hangs, and stops its background work when disposed", async () => {
    const runtime = testRuntime();
    const hanging = reportWith(new MemoryMetadataStore(), { readMapping: () => new Promise(() => {}) });
    const store = new MemoryMetadataStore();
    const mapping = new ServiceNameMapping({ reports: [hanging, memoryMetadataReport(store)], runtime });
    const adding = mapping.add(greeter, "app", signal);
    await runtime.clock.advance(3_001);
    expect(await adding).toBe(false);
    expect(names(store)).toEqual(["app"]);
    await mapping[Symbol.asyncDispose]();
    await mapping[Symbol.asyncDispose]();
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  test("gives up a conflict that does not end after ten tries, for the time being", async () => {
    const runtime = testRuntime();
    let writes = 0;
    const report = reportWith(new MemoryMetadataStore(), {
      writeMapping: async () => {
        writes += 1;
        return false;
      },
    });
    const mapping = new ServiceNameMapping({ reports: [report], runtime });
    const adding = mapping.add(greeter, "app", signal);
    await runtime.clock.advance(1_100);
    expect(await adding).toBe(false);
    expect(writes).toBe(11);
    expect(runtime.log.entries[0]?.fields).toMatchObject({ err: { code: "MAPPING_CONFLICT" } });
    await mapping[Symbol.asyncDispose]();
  });

  test("never maps the MetadataService", async () => {
    const store = new MemoryMetadataStore();
    const mapping = new ServiceNameMapping({ reports: [memoryMetadataReport(store)] });
    const metadataService = "org.apache.dubbo.metadata.MetadataService";
    await mapping.add(metadataService, "app", signal);
    expect(names(store, metadataService)).toEqual([]);
  });

  test("watches the union of all reports", async () => {
    const stop = new AbortController();
    const [one, two] = [new MemoryMetadataStore(), new MemoryMetadataStore()];
    const runtime = testRuntime();
    const mapping = new ServiceNameMapping({
      reports: [memoryMetadataReport(one), memoryMetadataReport(two)],
      runtime,
    });
    const seen = follow(mapping.watch(greeter, stop.signal));
    await runtime.clock.flush();
    expect(seen.latest).toEqual(new Set());
    one.writeMapping(greeter, { applications: new Set(["a"]), version: undefined });
    two.writeMapping(greeter, { applications: new Set(["b", "a"]), version: undefined });
    await runtime.clock.flush();
    expect(seen.latest).toEqual(new Set(["a", "b"]));
    stop.abort();
    await seen.done;
  });

  test("tells what one report knows while another cannot be asked, but not that there is nothing", async () => {
    const stop = new AbortController();
    const store = new MemoryMetadataStore();
    const runtime = testRuntime();
    let attempts = 0;
    const broken = reportWith(new MemoryMetadataStore(), {
      watchMapping() {
        attempts += 1;
        throw new Error("away");
      },
    });
    const mapping = new ServiceNameMapping({ reports: [broken, memoryMetadataReport(store)], runtime });
    const seen = follow(mapping.watch(greeter, stop.signal));
    await runtime.clock.flush();
    expect(seen.values).toEqual([]);
    store.writeMapping(greeter, { applications: new Set(["a"]), version: undefined });
    await runtime.clock.advance(30_000);
    expect(seen.values).toEqual([new Set(["a"])]);
    expect(attempts).toBeGreaterThan(3);
    stop.abort();
    await runtime.clock.flush();
    await seen.done;
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  test("says when an application was lost from a report", async () => {
    const stop = new AbortController();
    const store = new MemoryMetadataStore();
    const runtime = testRuntime();
    const mapping = new ServiceNameMapping({ reports: [memoryMetadataReport(store)], runtime });
    let losses = 0;
    const watching = mapping.whenLost(greeter, "app", () => (losses += 1), stop.signal);
    await mapping.add(greeter, "app", signal);
    await runtime.clock.flush();
    expect(losses).toBe(0);
    store.writeMapping(greeter, { applications: new Set(), version: "1" });
    await runtime.clock.flush();
    expect(losses).toBe(1);
    stop.abort();
    await watching;
  });
});
