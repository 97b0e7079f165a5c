import { serviceKey } from "@dubbo-ts/core";
import {
  MemoryMetadataStore,
  memoryMetadataReport,
  type MetadataReport,
  MetadataStore,
} from "@dubbo-ts/metadata";
import { testRuntime } from "@dubbo-ts/testkit";
import { MemoryRegistryStore, memoryRegistry } from "./memory-registry.js";
import {
  createServicePublisher,
  type ServicePublisher,
  type ServicePublisherOptions,
} from "./service-publisher.js";

const minuteMs = 60_000;

/** Providers of one application over one store that a test wipes; each write of metadata is noted. */
class Application {
  readonly runtime = testRuntime();
  readonly clock = this.runtime.clock;
  readonly store = new MemoryMetadataStore();
  readonly instances = new MemoryRegistryStore();
  /** Revisions in the order in which they were written. */
  readonly written: string[] = [];
  /** While set, nothing can be written. */
  isAway = false;
  /** While set, nothing can be watched. */
  isUnwatchable = false;
  readonly #publishers: ServicePublisher[] = [];

  /** Starts one; equal ports give equal revisions. */
  async start(port: number, options: Partial<ServicePublisherOptions> = {}): Promise<ServicePublisher> {
    const publisher = createServicePublisher({
      application: "app",
      host: `10.0.0.${this.#publishers.length + 1}`,
      registries: [memoryRegistry(this.instances)],
      reports: [this.report()],
      storage: "remote",
      metadataStore: new MetadataStore({ clock: this.clock }),
      runtime: this.runtime,
      ...options,
    });
    this.#publishers.push(publisher);
    await this.publish(publisher, port, "Greeter");
    return publisher;
  }

  async publish(publisher: ServicePublisher, port: number, ...names: readonly string[]): Promise<void> {
    const services = names.map((name) => ({
      key: serviceKey(`org.example.${name}`),
      protocol: "dubbo",
      port,
      methods: ["hello"],
      options: {},
    }));
    const metadataService = { protocol: "dubbo", port, version: "1.0.0" };
    const done = publisher.publish({ services, port, ports: { dubbo: port }, metadataService });
    await this.clock.advance(100);
    await done;
  }

  report(store = this.store): MetadataReport {
    const report = memoryMetadataReport(store);
    return {
      publish: async (metadata, signal) => {
        if (this.isAway) throw new Error("away");
        this.written.push(metadata.revision);
        await report.publish(metadata, signal);
      },
      fetch: (...args) => report.fetch(...args),
      watchMetadata: (...args) => {
        if (this.isUnwatchable) throw new Error("unwatchable");
        return report.watchMetadata(...args);
      },
      readMapping: (...args) => report.readMapping(...args),
      writeMapping: (...args) => report.writeMapping(...args),
      watchMapping: (...args) => report.watchMapping(...args),
      [Symbol.asyncDispose]: () => report[Symbol.asyncDispose](),
    };
  }

  get revisions(): readonly string[] {
    return this.#publishers.map(({ instance }) => instance?.revision ?? "");
  }

  /** The revisions of instances that the store knows nothing of. */
  lost(store = this.store): readonly string[] {
    return this.revisions.filter((revision) => store.get("app", revision) === undefined);
  }

  async end(): Promise<void> {
    const ending = this.#publishers.map((publisher) => publisher[Symbol.asyncDispose]());
    await this.clock.advance(3_000);
    await Promise.all(ending);
    expect(this.clock.pendingTimers).toBe(0);
  }
}

describe("metadata that instances point to", () => {
  let app = new Application();
  beforeEach(() => {
    app = new Application();
  });
  afterEach(() => app.end());

  test("are back within 15 s of a wipe, of each of three providers with revisions of their own", async () => {
    for (const port of [20_881, 20_882, 20_883]) await app.start(port);
    expect(new Set(app.revisions).size).toBe(3);
    for (let wipes = 0; wipes < 3; wipes++) {
      app.store.wipe();
      expect(app.lost()).toHaveLength(3);
      await app.clock.advance(15_000);
      expect(app.lost()).toEqual([]);
      expect([...app.store.readMapping("org.example.Greeter").applications]).toEqual(["app"]);
    }
  });

  test("are not written while nothing is lost", async () => {
    for (const port of [20_881, 20_882, 20_883]) await app.start(port);
    expect(app.written).toEqual(app.revisions);
    await app.clock.advance(60 * minuteMs);
    expect(app.written).toHaveLength(3);
  });

  test("are written by few of a hundred providers that share a revision, at moments of their own", async () => {
    for (let count = 0; count < 100; count++) await app.start(20_880);
    app.written.length = 0;
    app.store.wipe();
    await app.clock.advance(15_000);
    expect(app.lost()).toEqual([]);
    expect(app.written.length).toBeLessThan(5);
  });

  test("are written when a report that fails can take them, and when it was wiped meanwhile", async () => {
    await app.start(20_881);
    app.isAway = true;
    app.store.wipe();
    await app.clock.advance(10 * minuteMs);
    expect(app.lost()).toHaveLength(1);
    app.isAway = false;
    await app.clock.advance(15_000);
    expect(app.lost()).toEqual([]);
  });

  test("are looked after again when they could not be watched for a while", async () => {
    app.isUnwatchable = true;
    await app.start(20_881);
    await app.clock.advance(10 * minuteMs);
    app.store.wipe();
    app.isUnwatchable = false;
    await app.clock.advance(15_000);
    expect(app.lost()).toEqual([]);
    const warnings = app.runtime.log.entries.filter(({ message }) => message.includes("watched"));
    expect(warnings).toHaveLength(1);
  });

  test("are brought to a second report that was away at the start", async () => {
    const second = new MemoryMetadataStore();
    const away = app.report(second);
    let isAway = true;
    const publish: MetadataReport["publish"] = (...args) =>
      isAway ? Promise.reject(new Error("away")) : away.publish(...args);
    await app.start(20_881, { reports: [app.report(), { ...away, publish }] });
    await app.clock.advance(minuteMs);
    expect(app.lost(second)).toHaveLength(1);
    isAway = false;
    await app.clock.advance(15_000);
    expect(app.lost(second)).toEqual([]);
  });

  test("are those of the newest revision only, and none when nothing is published", async () => {
    const publisher = await app.start(20_881);
    const [before] = app.revisions;
    await app.publish(publisher, 20_881, "Greeter", "Another");
    app.store.wipe();
    await app.clock.advance(15_000);
    expect(app.lost()).toEqual([]);
    expect(app.store.get("app", before ?? "")).toBeUndefined();
    const withdrawing = publisher.withdraw();
    await app.clock.advance(100);
    await withdrawing;
    app.written.length = 0;
    app.store.wipe();
    await app.clock.advance(15_000);
    expect(app.written).toEqual([]);
    await app.publish(publisher, 20_881, "Greeter");
    app.store.wipe();
    await app.clock.advance(15_000);
    expect(app.lost()).toEqual([]);
  });

  test("are kept with storage local where they are to be reported too, and not otherwise", async () => {
    await app.start(20_881, { storage: "local" });
    expect(app.written).toEqual([]);
    await app.start(20_882, { storage: "local", reportLocalMetadata: true });
    app.store.wipe();
    await app.clock.advance(15_000);
    expect(app.lost()).toEqual([app.revisions[0]]);
  });
});
