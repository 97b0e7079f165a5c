import { encodeMetadata, type MetadataInfo, type ServiceInstance } from "@dubbo-ts/core";
import { sampleInstance, sampleMetadata, testRuntime } from "@dubbo-ts/testkit";
import { MetadataCache } from "./metadata-cache.js";
import { MemoryMetadataStore, memoryMetadataReport } from "./memory-metadata-report.js";
import { type CallMetadataService, fetchMetadata, type MetadataRequest } from "./metadata-source.js";

const metadata = sampleMetadata("app");
const { revision } = metadata;
const instances = (count: number, fields: Partial<Omit<ServiceInstance, "id">> = {}) =>
  Array.from({ length: count }, (_, index) =>
    sampleInstance({ application: "app", revision, port: 20_001 + index, ...fields }),
  );

function request(
  fields: Partial<MetadataRequest>,
): MetadataRequest & { runtime: ReturnType<typeof testRuntime> } {
  return {
    application: "app",
    revision,
    instances: instances(3),
    callMetadataService: async () => encodeMetadata(metadata),
    signal: new AbortController().signal,
    ...fields,
    runtime: (fields.runtime as ReturnType<typeof testRuntime>) ?? testRuntime(),
  };
}

function reportOf(...kept: readonly MetadataInfo[]) {
  const store = new MemoryMetadataStore();
  for (const one of kept) store.put(one);
  return memoryMetadataReport(store);
}

const never: CallMetadataService = () => new Promise(() => {});

describe("fetchMetadata", () => {
  test("asks an instance when metadata is kept locally, and no report", async () => {
    const asked: string[] = [];
    const report = { ...reportOf(metadata), fetch: () => Promise.reject(new Error("must not be asked")) };
    const found = await fetchMetadata(
      request({
        reports: [report as never],
        callMetadataService: async (instance) => {
          asked.push(instance.id);
          return encodeMetadata(metadata);
        },
      }),
    );
    expect(found).toEqual(metadata);
    expect(asked).toHaveLength(1);
  });

  test("asks the report first when metadata is kept remotely, then instances that have a MetadataService", async () => {
    const remote = instances(2, { storage: "remote" });
    const fail: CallMetadataService = () => Promise.reject(new Error("must not be asked"));
    const reports = [reportOf(metadata)];
    expect(await fetchMetadata(request({ instances: remote, reports, callMetadataService: fail }))).toEqual(
      metadata,
    );
    expect(await fetchMetadata(request({ instances: remote, reports: [reportOf()] }))).toEqual(metadata);
  });

  test("asks the report after every instance has failed", async () => {
    let calls = 0;
    const callMetadataService = async () => {
      calls += 1;
      throw new Error("refused");
    };
    expect(await fetchMetadata(request({ callMetadataService, reports: [reportOf(metadata)] }))).toEqual(
      metadata,
    );
    expect(calls).toBe(3);
  });

  test("goes on to the next instance at once on null, on another revision and on nonsense", async () => {
    const answers: unknown[] = [
      null,
      { ...encodeMetadata(metadata), revision: "other" },
      "no json {",
      42,
      encodeMetadata(metadata),
    ];
    const callMetadataService = async () => answers.shift();
    const runtime = testRuntime();
    const fetching = fetchMetadata(request({ instances: instances(5), callMetadataService, runtime }));
    await runtime.clock.flush();
    expect(await fetching).toEqual(metadata);
    expect(answers).toEqual([]);
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  test("reads JSON text and maps, as older Java and a Hessian reader give them", async () => {
    const asText = async () => JSON.stringify(encodeMetadata(metadata));
    expect(await fetchMetadata(request({ callMetadataService: asText }))).toEqual(metadata);
    const toMap = (value: unknown): unknown =>
      typeof value === "object" && value !== null
        ? new Map(Object.entries(value).map(([key, one]) => [key, toMap(one)]))
        : value;
    const asMap = async () => toMap(encodeMetadata(metadata));
    expect(await fetchMetadata(request({ callMetadataService: asMap }))).toEqual(metadata);
  });

  test("loses a second, not the whole deadline, to an instance that hangs", async () => {
    const runtime = testRuntime();
    let calls = 0;
    const callMetadataService: CallMetadataService = (instance, asked, signal) =>
      ++calls === 1 ? never(instance, asked, signal) : Promise.resolve(encodeMetadata(metadata));
    const fetching = fetchMetadata(request({ callMetadataService, runtime }));
    await runtime.clock.advance(999);
    expect(calls).toBe(1);
    await runtime.clock.advance(2);
    expect(await fetching).toEqual(metadata);
  });

  test("does not begin with a third when the first fails after the second was begun", async () => {
    const runtime = testRuntime();
    let calls = 0;
    const callMetadataService: CallMetadataService = (instance, asked, signal) => {
      if (++calls > 1) return never(instance, asked, signal);
      return new Promise((_, reject) => runtime.clock.setTimeout(() => reject(new Error("late")), 1_500));
    };
    const fetching = fetchMetadata(request({ callMetadataService, runtime }));
    fetching.catch(() => {});
    await runtime.clock.advance(1_600);
    expect(calls).toBe(2);
    await runtime.clock.advance(400);
    expect(calls).toBe(3);
  });

  test("ends with METADATA_UNAVAILABLE when all hang, and tells each instance that its time is over", async () => {
    const runtime = testRuntime();
    const signals: AbortSignal[] = [];
    const callMetadataService: CallMetadataService = (instance, asked, signal) => {
      signals.push(signal);
      return never(instance, asked, signal);
    };
    const outcome = fetchMetadata(request({ callMetadataService, runtime })).catch((error: unknown) => error);
    await runtime.clock.advance(10_000);
    expect(await outcome).toMatchObject({ code: "METADATA_UNAVAILABLE", cause: { errors: { length: 3 } } });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  test("asks no more than eight of many instances", async () => {
    let calls = 0;
    const callMetadataService = async () => {
      calls += 1;
      throw new Error("refused");
    };
    await expect(
      fetchMetadata(request({ instances: instances(100), callMetadataService })),
    ).rejects.toThrow();
    expect(calls).toBe(8);
  });

  test("ends with the signal's reason", async () => {
    const stop = new AbortController();
    const fetching = fetchMetadata(request({ callMetadataService: never, signal: stop.signal }));
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(fetching).rejects.toBe(reason);
    await expect(fetchMetadata(request({ instances: [], reports: [] }))).rejects.toMatchObject({
      code: "METADATA_UNAVAILABLE",
    });
  });
});

describe("MetadataCache", () => {
  const carriers = () => instances(2);
  const ignore = () => {};
  function open(fetch: ConstructorParameters<typeof MetadataCache>[0]["fetch"], options: object = {}) {
    const runtime = testRuntime();
    return { runtime, cache: new MetadataCache({ fetch, runtime, ...options }) };
  }

  test("fetches a revision once however many want it, and tells all of them", async () => {
    let fetches = 0;
    const { runtime, cache } = open(async () => {
      fetches += 1;
      return metadata;
    });
    const told: number[] = [];
    const holds = [1, 2, 3].map((who) => cache.hold("app", revision, carriers, () => told.push(who)));
    await runtime.clock.flush();
    expect(told).toEqual([1, 2, 3]);
    expect(holds.map((hold) => hold.metadata?.revision)).toEqual([revision, revision, revision]);
    expect(cache.hold("app", revision, carriers, ignore).metadata).toEqual(metadata);
    expect(fetches).toBe(1);
    await cache[Symbol.asyncDispose]();
  });

  test("tries again by itself after about a second, then more rarely, and never keeps a failure", async () => {
    const times: number[] = [];
    const { runtime, cache } = open(async () => {
      times.push(runtime.clock.monotonicMs());
      if (times.length < 7) throw new Error("not yet");
      return metadata;
    });
    const changes: unknown[] = [];
    const hold = cache.hold("app", revision, carriers, () => changes.push(hold.error));
    await runtime.clock.flush();
    expect(hold.error).toMatchObject({ message: "not yet" });
    await runtime.clock.advance(60_000);
    expect(hold.metadata).toEqual(metadata);
    expect(hold.error).toBeUndefined();
    const waits = times.slice(1).map((at, index) => at - (times[index] as number));
    expect(waits[0]).toBeGreaterThanOrEqual(750);
    expect(waits[0]).toBeLessThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(10_000);
    expect(changes.at(-1)).toBeUndefined();
    expect(runtime.log.entries).toHaveLength(1);
    await cache[Symbol.asyncDispose]();
  });

  test("asks the instances that carry the revision at the time of each attempt", async () => {
    const asked: string[][] = [];
    const { runtime, cache } = open(async (_application, _revision, carrying) => {
      asked.push(carrying.map(({ id }) => id));
      throw new Error("not yet");
    });
    let now = instances(1);
    cache.hold("app", revision, () => now, ignore);
    await runtime.clock.flush();
    now = instances(3);
    await runtime.clock.advance(1_000);
    expect(asked.map((ids) => ids.length)).toEqual([1, 3]);
    await cache[Symbol.asyncDispose]();
  });

  test("stops fetching what nobody wants any more", async () => {
    let fetches = 0;
    const { runtime, cache } = open(() => {
      fetches += 1;
      return Promise.reject(new Error("never"));
    });
    const hold = cache.hold("app", revision, carriers, ignore);
    await runtime.clock.flush();
    hold[Symbol.dispose]();
    hold[Symbol.dispose]();
    await runtime.clock.advance(60_000);
    expect(fetches).toBe(1);
    expect(cache.size).toBe(0);
    await cache[Symbol.asyncDispose]();
  });

  test("keeps all that is held, and of the rest those that were used last", async () => {
    const { runtime, cache } = open(
      async (application, wanted) => ({ ...metadata, application, revision: wanted }),
      { capacity: 2 },
    );
    const holds = Array.from({ length: 10 }, (_, index) => cache.hold("app", `r${index}`, carriers, ignore));
    await runtime.clock.flush();
    expect(cache.size).toBe(10);
    for (const hold of holds) hold[Symbol.dispose]();
    expect(cache.size).toBe(2);
    expect(cache.get("app", "r9")).toBeDefined();
    expect(cache.get("app", "r0")).toBeUndefined();
    await cache[Symbol.asyncDispose]();
  });

  test("does not mix applications that use one revision", async () => {
    const { runtime, cache } = open(async (application, wanted) => ({
      ...metadata,
      application,
      revision: wanted,
    }));
    const a = cache.hold("a", "r", carriers, ignore);
    const b = cache.hold("b", "r", carriers, ignore);
    await runtime.clock.flush();
    expect([a.metadata?.application, b.metadata?.application]).toEqual(["a", "b"]);
    await cache[Symbol.asyncDispose]();
  });

  test("shares the services of processes that differ in nothing but a timestamp, as Go's do", async () => {
    let processes = 0;
    const { runtime, cache } = open(async (_application, wanted) => ({
      ...sampleMetadata("app", 20_000, { timestamp: `${processes++}`, "hello.timestamp": `${processes}` }),
      revision: wanted,
    }));
    const a = cache.hold("app", "r1", carriers, ignore);
    const b = cache.hold("app", "r2", carriers, ignore);
    await runtime.clock.flush();
    expect(a.metadata?.services).toBe(b.metadata?.services);
    expect(a.metadata?.revision).toBe("r1");
    await cache[Symbol.asyncDispose]();
  });

  test("bounds how many fetches run at once, and lets others pass one that hangs", async () => {
    const running: string[] = [];
    const { runtime, cache } = open(
      (_application, wanted) => {
        running.push(wanted);
        return new Promise(() => {});
      },
      { concurrency: 2 },
    );
    for (let index = 0; index < 5; index++) cache.hold("app", `r${index}`, carriers, ignore);
    await runtime.clock.flush();
    expect(running).toEqual(["r0", "r1"]);
    await runtime.clock.advance(1_000);
    expect(running).toHaveLength(4);
    const closing = cache[Symbol.asyncDispose]();
    await runtime.clock.flush();
    void closing;
  });

  test("takes what was learnt elsewhere instead of fetching", async () => {
    const { runtime, cache } = open(() => Promise.reject(new Error("must not be asked")));
    cache.seed(metadata);
    expect(cache.hold("app", revision, carriers, ignore).metadata).toEqual(metadata);
    await cache[Symbol.asyncDispose]();
    expect(runtime.clock.pendingTimers).toBe(0);
  });
});
