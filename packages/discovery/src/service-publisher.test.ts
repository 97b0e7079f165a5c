import { RegistryError, type ServiceInstance, serviceKey } from "@dubbo-ts/core";
import {
  type ExportedService,
  MemoryMetadataStore,
  memoryMetadataReport,
  type MetadataReport,
  MetadataStore,
} from "@dubbo-ts/metadata";
import { follow, ScriptedRegistry, testRuntime } from "@dubbo-ts/testkit";
import { MemoryRegistryStore, memoryRegistry } from "./memory-registry.js";
import type { Registry } from "./registry.js";
import {
  createServicePublisher,
  type PublishedState,
  type ServicePublisherOptions,
} from "./service-publisher.js";

function services(...names: readonly string[]): ExportedService[] {
  return names.map((name) => ({
    key: serviceKey(`org.example.${name}`),
    protocol: "dubbo",
    port: 20_880,
    methods: ["hello"],
    options: {},
  }));
}

const stateOf = (...names: readonly string[]): PublishedState => ({
  services: services(...names),
  port: 20_880,
  ports: { dubbo: 20_880 },
  metadataService: { protocol: "dubbo", port: 20_880, version: "1.0.0" },
});

/** A provider; everything that it asks of report and registry is noted in order. */
class Provider {
  readonly runtime = testRuntime();
  readonly clock = this.runtime.clock;
  readonly registry = new ScriptedRegistry();
  readonly mappings = new MemoryMetadataStore();
  readonly metadataStore = new MetadataStore({ clock: this.clock });
  /** While set, the report rejects with it. */
  reportFails: Error | undefined;
  readonly publisher: ReturnType<typeof createServicePublisher>;

  constructor(options: Partial<ServicePublisherOptions> = {}) {
    this.publisher = createServicePublisher({
      application: "app",
      host: "10.0.0.1",
      registries: [this.registry],
      reports: [this.report()],
      metadataStore: this.metadataStore,
      runtime: this.runtime,
      ...options,
    });
  }

  get log(): readonly string[] {
    return this.registry.requests;
  }

  report(): MetadataReport {
    const report = memoryMetadataReport(this.mappings);
    const note = (what: string) => {
      if (this.reportFails !== undefined) throw this.reportFails;
      this.registry.requests.push(what);
    };
    return {
      publish: async (metadata, signal) => {
        note(`publish ${metadata.revision}`);
        await report.publish(metadata, signal);
      },
      fetch: (...args) => report.fetch(...args),
      readMapping: async (...args) => {
        if (this.reportFails !== undefined) throw this.reportFails;
        return report.readMapping(...args);
      },
      writeMapping: async (serviceInterface, ...rest) => {
        note(`map ${serviceInterface.replace("org.example.", "")}`);
        return report.writeMapping(serviceInterface, ...rest);
      },
      watchMetadata: (...args) => report.watchMetadata(...args),
      watchMapping: (...args) => report.watchMapping(...args),
      [Symbol.asyncDispose]: () => report[Symbol.asyncDispose](),
    };
  }

  /** Publishes, and lets time pass until it is done. */
  async publish(state: PublishedState, ms = 100): Promise<void> {
    const done = this.publisher.publish(state);
    done.catch(() => {});
    await this.clock.advance(ms);
    await done;
  }

  async end(): Promise<void> {
    const disposing = this.publisher[Symbol.asyncDispose]();
    await this.clock.advance(3_000);
    await disposing;
    await this.publisher[Symbol.asyncDispose]();
    expect(this.clock.pendingTimers).toBe(0);
  }
}

const revisions = (log: readonly string[]) => log.filter((line) => /^(register|update)/.test(line));

describe("ServicePublisher", () => {
  let provider = new Provider();
  const reopen = (options?: Partial<ServicePublisherOptions>) => (provider = new Provider(options));
  beforeEach(() => void reopen());
  afterEach(() => provider.end());

  test("maps every interface, then registers one instance whose metadata can be asked for", async () => {
    await provider.publish(stateOf("A", "B", "C"));
    const revision = provider.publisher.instance?.revision ?? "";
    expect([...provider.log].slice(0, 3).sort()).toEqual(["map A", "map B", "map C"]);
    expect(provider.log.slice(3)).toEqual([`register app ${revision}`]);
    expect(provider.metadataStore.lookup(revision)?.services.size).toBe(3);
    expect(provider.publisher.instance).toMatchObject({
      application: "app",
      id: "10.0.0.1:20880",
      storage: "local",
      ports: { dubbo: 20_880 },
      metadataService: { protocol: "dubbo", port: 20_880 },
      weight: 1,
      startedAtMs: 1_700_000_000_000,
    });
  });

  test("puts metadata that is kept remotely into the report before everything else", async () => {
    await provider.end();
    reopen({ storage: "remote" });
    await provider.publish(stateOf("A"));
    const { revision, metadataService } = provider.publisher.instance as ServiceInstance;
    expect(provider.log).toEqual([`publish ${revision}`, "map A", `register app ${revision}`]);
    expect(metadataService).toBeUndefined();
    await provider.publish(stateOf("A", "B"));
    const next = provider.publisher.instance?.revision;
    expect(provider.log.slice(3)).toEqual([`publish ${next}`, "map B", `update app ${next}`]);
  });

  test("updates the same instance in place, and still answers for the revision before", async () => {
    await provider.publish(stateOf("A"));
    const before = provider.publisher.instance?.revision ?? "";
    await provider.publish({ ...stateOf("A"), weight: 5, tag: "gray", labels: { region: "eu" } });
    expect(provider.publisher.instance).toMatchObject({ revision: before, weight: 5, tag: "gray" });
    await provider.publish(stateOf("A", "B"));
    expect(revisions(provider.log).map((line) => line.split(" ")[0])).toEqual([
      "register",
      "update",
      "update",
    ]);
    expect(provider.metadataStore.lookup(before)).toBeDefined();
    expect(provider.log.filter((line) => line === "map A")).toHaveLength(1);
  });

  test("makes one registration of what comes at once, and one update of a burst", async () => {
    const first = [stateOf("A"), stateOf("A", "B"), stateOf("A", "B", "C")].map((state) =>
      provider.publisher.publish(state),
    );
    await provider.clock.advance(0);
    await Promise.all(first);
    const late = ["D", "E", "F", "G"].map(async (name, index, names) => {
      await new Promise((resolve) => provider.clock.setTimeout(() => resolve(undefined), index * 20));
      await provider.publisher.publish(
        stateOf("A", "B", "C", ...names.slice(0, index + 1), name === "G" ? "Z" : "Y"),
      );
    });
    await provider.clock.advance(1_000);
    await Promise.all(late);
    expect(revisions(provider.log)).toHaveLength(2);
    expect(provider.publisher.instance?.revision).toBe(revisions(provider.log)[1]?.split(" ")[2]);
    expect(provider.log).toContain("map Z");
    expect(provider.log).not.toContain("map Y");
  });

  test("deregisters while there are no services, and registers again when they come back", async () => {
    await provider.publish(stateOf("A"));
    await provider.publish(stateOf());
    expect(provider.publisher.instance).toBeUndefined();
    await provider.publish(stateOf("A"));
    const withoutMapping = provider.log.filter((line) => !line.startsWith("map"));
    expect(withoutMapping.map((line) => line.split(" ")[0])).toEqual(["register", "deregister", "register"]);
    expect(provider.log.join()).not.toContain("app 0");
  });

  test("registers nothing for a pure consumer", async () => {
    await provider.publish(stateOf());
    expect(provider.log).toEqual([]);
  });

  test("withdraws without waiting for a burst to end, and can come back", async () => {
    await provider.publish(stateOf("A"));
    const withdrawing = provider.publisher.withdraw();
    await provider.clock.flush();
    await withdrawing;
    expect(provider.log.at(-1)).toBe("deregister app");
    await provider.publish(stateOf("A"));
    expect(provider.log.at(-1)).toMatch(/^register/);
  });

  test("registers though the mapping fails, and writes it in the background", async () => {
    provider.reportFails = new Error("away");
    await provider.publish(stateOf("A"));
    expect(revisions(provider.log)).toHaveLength(1);
    provider.reportFails = undefined;
    await provider.clock.advance(5_000);
    expect(provider.log).toContain("map A");
  });

  test("never shows a revision that no report has, and goes on when one takes it", async () => {
    await provider.end();
    reopen({ storage: "remote" });
    provider.reportFails = new Error("away");
    await provider.publish(stateOf("A"), 6_000);
    await provider.clock.advance(20_000);
    expect(provider.log).toEqual([]);
    provider.reportFails = undefined;
    await provider.clock.advance(10_000);
    expect(provider.log.map((line) => line.split(" ")[0])).toEqual(["publish", "map", "register"]);
  });

  test("goes on in the background when the registry is away, and registers the newest state once", async () => {
    provider.registry.fail = new RegistryError("REGISTRY_UNAVAILABLE", "away");
    await provider.publish(stateOf("A"), 5_000);
    await provider.publish(stateOf("A", "B"), 5_200);
    expect(provider.runtime.log.entries.some(({ message }) => message.includes("background"))).toBe(true);
    provider.registry.fail = undefined;
    provider.registry.requests.length = 0;
    await provider.clock.advance(20_000);
    expect(provider.log).toEqual([`register app ${provider.publisher.instance?.revision}`]);
  });

  test("with check, rejects when the registry does not answer in time", async () => {
    await provider.end();
    reopen({ check: true });
    provider.registry.fail = "hang";
    await expect(provider.publish(stateOf("A"), 5_001)).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
    });
  });

  test("with check, rejects at once when the registry refuses", async () => {
    await provider.end();
    reopen({ check: true });
    provider.registry.fail = new RegistryError("REGISTRY_AUTH_FAILED", "who are you?");
    await expect(provider.publish(stateOf("A"), 10)).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
  });

  test("registers in every registry, and one that is away does not keep it from the others", async () => {
    await provider.end();
    const [first, second] = [new ScriptedRegistry(), new ScriptedRegistry()];
    reopen({ registries: [first, second] });
    first.fail = "hang";
    await provider.publish(stateOf("A"), 5_001);
    expect(revisions(second.requests)).toHaveLength(1);
  });

  test("at no moment is the instance absent or its revision unknown, over a real registry", async () => {
    await provider.end();
    const store = new MemoryRegistryStore();
    const registry: Registry = memoryRegistry(store);
    reopen({ registries: [registry] });
    const stop = new AbortController();
    await provider.publish(stateOf("A"));
    const seen = follow(memoryRegistry(store).watch("app", stop.signal));
    for (const names of [["A", "B"], ["B"], ["A", "B", "C"], ["A"]]) {
      await provider.publish(stateOf(...names), 200);
      for (const { instances } of seen.values)
        expect(
          instances.map(({ revision }) => provider.metadataStore.lookup(revision ?? "") !== undefined),
        ).toEqual([true]);
    }
    stop.abort();
    await seen.done;
    expect(seen.values).toHaveLength(5);
  });

  test("writes the mapping again after somebody wiped it", async () => {
    await provider.publish(stateOf("A", "B"));
    for (const name of ["A", "B"]) {
      const { version } = provider.mappings.readMapping(`org.example.${name}`);
      provider.mappings.writeMapping(`org.example.${name}`, { applications: new Set(), version });
    }
    await provider.clock.advance(1_000);
    for (const name of ["A", "B"])
      expect(provider.mappings.readMapping(`org.example.${name}`).applications).toEqual(new Set(["app"]));
  });

  test("refuses to start with remote metadata and no report, and to export one key twice", async () => {
    expect(() => new Provider({ storage: "remote", reports: [] })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID" }),
    );
    await expect(provider.publish(stateOf("A", "A"))).rejects.toMatchObject({
      code: "SERVICE_ALREADY_EXPORTED",
    });
  });

  test("deregisters when disposed, within two seconds also when the registry hangs, and takes nothing after", async () => {
    await provider.publish(stateOf("A"));
    provider.registry.fail = "hang";
    await provider.end();
    expect(provider.log.at(-1)).toBe("deregister app");
    await expect(provider.publisher.publish(stateOf("B"))).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
    });
    reopen();
    provider.registry.fail = "hang";
    const publishing = provider.publisher.publish(stateOf("A"));
    publishing.catch(() => {});
    await provider.clock.flush();
    await provider.end();
    await expect(publishing).rejects.toThrow();
  });

  describe("size of the record", () => {
    const labels = (size: number, count = 1) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`label${index}`, "x".repeat(size - index)]),
      );

    test("warns over 80 per cent, with the size of each key", async () => {
      await provider.publish({ ...stateOf("A"), labels: labels(550) });
      const [warning] = provider.runtime.log.entries;
      expect(warning).toMatchObject({ level: "warn", fields: { maxChars: 1_024, sizes: { label0: 556 } } });
      expect(provider.publisher.instance?.labels).toEqual(labels(550));
    });

    test("keeps the metadata in the report instead, when that makes room", async () => {
      await provider.publish({ ...stateOf("A"), labels: labels(800) });
      expect(provider.publisher.instance).toMatchObject({ storage: "remote", metadataService: undefined });
      expect(provider.publisher.instance?.labels).toEqual(labels(800));
      expect(provider.log[0]).toMatch(/^publish/);
    });

    test("never drops labels: it fails with the sizes of the keys, the largest first", async () => {
      const publishing = provider.publish({ ...stateOf("A"), labels: { ...labels(900, 2), region: "eu" } });
      await expect(publishing).rejects.toMatchObject({
        code: "INSTANCE_METADATA_TOO_LARGE",
        message: expect.stringMatching(/label0 \(906\), label1 \(905\), .*region \(8\)/) as string,
      });
      expect(provider.log).toEqual([]);
    });

    test("fails with the list of keys when nothing can be left out", async () => {
      await provider.end();
      reopen({ reports: [] });
      const ports = Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [`protocol${index}`, 20_000]),
      );
      await expect(provider.publish({ ...stateOf("A"), ports })).rejects.toMatchObject({
        code: "INSTANCE_METADATA_TOO_LARGE",
        message: expect.stringContaining("dubbo.endpoints (") as string,
      });
      expect(provider.log).toEqual([]);
      await provider.publish(stateOf("A"));
      expect(revisions(provider.log)).toHaveLength(1);
    });
  });
});
