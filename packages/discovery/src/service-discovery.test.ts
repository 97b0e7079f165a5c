import { setMaxListeners } from "node:events";
import {
  encodeMetadata,
  type MetadataInfo,
  type Resolution,
  type ServiceInstance,
  serviceKey,
} from "@dubbo-ts/core";
import {
  describeServices,
  type MetadataReport,
  MemoryMetadataStore,
  memoryMetadataReport,
} from "@dubbo-ts/metadata";
import { type Followed, follow, sampleInstance, ScriptedRegistry, testRuntime } from "@dubbo-ts/testkit";
import fc from "fast-check";
import type { CachedApplication, DiscoveryCache } from "./discovery-cache.js";
import { createServiceDiscovery, type ServiceDiscoveryOptions } from "./service-discovery.js";

const greeter = serviceKey("org.example.Greeter");
const other = serviceKey("org.example.Other");

function metadataOf(application: string, ...names: readonly string[]): MetadataInfo {
  return describeServices(
    application,
    names.map((name) => {
      const [serviceInterface = "", version] = name.split(":");
      const key = serviceKey(`org.example.${serviceInterface}`, { version });
      return { key, protocol: "dubbo", port: 20_880, methods: ["hello"], options: {} };
    }),
  );
}

/** A memory cache in the place of the disk's. */
class HeldCache implements DiscoveryCache {
  readonly applications = new Map<string, CachedApplication>();
  readonly mappings = new Map<string, readonly string[]>();
  readApplication = async (application: string) => this.applications.get(application);
  readMapping = async (serviceInterface: string) => this.mappings.get(serviceInterface);
  saveApplication(application: string, content: () => CachedApplication): void {
    this.applications.set(application, content());
  }
  saveMapping(serviceInterface: string, applications: readonly string[]): void {
    this.mappings.set(serviceInterface, applications);
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A consumer on a registry that does what the test says, and providers that answer for their metadata. */
class Stage {
  readonly registry = new ScriptedRegistry();
  readonly store = new MemoryMetadataStore();
  readonly runtime = testRuntime();
  readonly clock = this.runtime.clock;
  readonly stop = new AbortController();
  /** What the MetadataService of every instance knows, by revision. */
  readonly known = new Map<string, MetadataInfo>();
  /** Ids of instances whose MetadataService does not answer, or refuses. */
  readonly hanging = new Set<string>();
  readonly refusing = new Set<string>();
  readonly calls: string[] = [];
  readonly #following: Followed<Resolution>[] = [];
  readonly discovery: ReturnType<typeof createServiceDiscovery>;

  constructor(options: Partial<ServiceDiscoveryOptions> = {}) {
    this.discovery = createServiceDiscovery({
      registries: [this.registry],
      reports: [memoryMetadataReport(this.store)],
      callMetadataService: async (instance, revision) => {
        this.calls.push(`${instance.id} ${revision}`);
        if (this.hanging.has(instance.id)) return new Promise(() => {});
        if (this.refusing.has(instance.id)) throw new Error("refused");
        const metadata = this.known.get(revision);
        return metadata === undefined ? null : encodeMetadata(metadata);
      },
      runtime: this.runtime,
      ...options,
    });
    setMaxListeners(0, this.stop.signal);
  }

  map(serviceInterface: string, ...applications: string[]): void {
    const { version } = this.store.readMapping(serviceInterface);
    this.store.writeMapping(serviceInterface, { applications: new Set(applications), version });
  }

  /** An instance that offers `names`, whose metadata can be had. */
  instance(application: string, host: string, ...names: readonly string[]): ServiceInstance {
    const metadata = metadataOf(application, ...names);
    this.known.set(metadata.revision, metadata);
    return sampleInstance({ application, host, revision: metadata.revision });
  }

  async watch(
    service = greeter,
    fields: object = {},
    signal = this.stop.signal,
  ): Promise<Followed<Resolution>> {
    const seen = follow(this.discovery.watch({ service, protocols: ["dubbo"], ...fields }, signal));
    this.#following.push(seen);
    await this.clock.flush();
    return seen;
  }

  async end(): Promise<void> {
    this.stop.abort();
    const disposing = this.discovery[Symbol.asyncDispose]();
    await this.clock.advance(10_000);
    await disposing;
    await this.discovery[Symbol.asyncDispose]();
    for (const { done } of this.#following) await done;
    expect(this.clock.pendingTimers).toBe(0);
  }
}

const hosts = (seen: Followed<Resolution>) => text(seen.latest);
function text(resolution: Resolution | undefined): string {
  if (resolution?.state !== "resolved") return resolution?.state ?? "nothing";
  const list = resolution.endpoints.map(({ host }) => host.replace("10.0.0.", "")).sort();
  return `${list.join(" ")}${resolution.stale ? " stale" : ""}`;
}

const hostNames = ({ latest }: Followed<Resolution>) =>
  latest?.state === "resolved"
    ? latest.endpoints
        .map(({ host }) => host)
        .sort()
        .join(" ")
    : (latest?.state ?? "nothing");

/** How many of `values` after the first say the same as the one before. */
const repeats = (values: readonly Resolution[]) =>
  values.filter((value, at) => at > 0 && JSON.stringify(said(value)) === JSON.stringify(said(values[at - 1])))
    .length;
const said = (value: Resolution | undefined) =>
  value?.state === "resolved" ? value : [value?.state, value?.error.message];

describe("ServiceDiscovery", () => {
  let stage = new Stage();
  const restage = (options?: Partial<ServiceDiscoveryOptions>) => (stage = new Stage(options));
  beforeEach(() => void restage());
  afterEach(() => stage.end());

  test("goes from the mapping to instances to metadata to endpoints", async () => {
    stage.map(greeter.serviceInterface, "a");
    const seen = await stage.watch();
    expect(hosts(seen)).toBe("pending");
    stage.registry.push("a", [
      stage.instance("a", "10.0.0.1", "Greeter"),
      stage.instance("a", "10.0.0.2", "Greeter"),
    ]);
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 2");
    expect(seen.latest).toMatchObject({ params: { application: "a", side: "provider" } });
    const [last, ...before] = seen.values.map(({ state }) => state).reverse();
    expect([last, ...new Set(before)]).toEqual(["resolved", "pending"]);
  });

  test("subscribes once and fetches once whatever the number of services and watchers", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `S${index}`);
    for (const name of names) stage.map(`org.example.${name}`, "a");
    const instances = Array.from({ length: 50 }, (_, index) =>
      stage.instance("a", `10.0.0.${index}`, ...names),
    );
    stage.registry.push("a", instances);
    const all = await Promise.all(
      [...names, ...names].map((name) => stage.watch(serviceKey(`org.example.${name}`))),
    );
    await stage.clock.flush();
    expect(stage.registry.subscriptions("a")).toBe(1);
    expect(stage.calls).toHaveLength(1);
    for (const seen of all) expect(seen.latest).toMatchObject({ endpoints: { length: 50 } });
    const lists = new Set(all.map(({ latest }) => latest?.state === "resolved" && latest.endpoints));
    expect(lists.size).toBe(1);
  });

  test("tells a function of each Resolution, once each, not before it is asked to and not after its end", async () => {
    stage.map(greeter.serviceInterface, "a");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    const told: string[] = [];
    const query = { service: greeter, protocols: ["dubbo"] };
    const wrong = stage.discovery.follow(query, () => {
      throw new Error("a listener that fails");
    });
    const following = stage.discovery.follow(query, (resolution) => void told.push(text(resolution)));
    expect(told).toEqual([]);
    await stage.clock.flush();
    expect(told.at(-1)).toBe("1");
    const later: string[] = [];
    const second = stage.discovery.follow(query, (resolution) => void later.push(text(resolution)));
    const count = told.length;
    await stage.clock.flush();
    expect([later, told.length]).toEqual([["1"], count]);
    stage.registry.push("a", [
      stage.instance("a", "10.0.0.1", "Greeter"),
      stage.instance("a", "10.0.0.2", "Greeter"),
    ]);
    await stage.clock.flush();
    expect([told.at(-1), later]).toEqual(["1 2", ["1", "1 2"]]);
    await following[Symbol.asyncDispose]();
    stage.registry.push("a", [stage.instance("a", "10.0.0.3", "Greeter")]);
    await stage.clock.flush();
    expect(told.at(-1)).toBe("1 2");
    for (const one of [wrong, second, second]) await one[Symbol.asyncDispose]();
    await stage.clock.advance(1_500);
    expect(stage.registry.subscriptions("a")).toBe(0);
  });

  test("unsubscribes a little after the last watcher has left, and not when one comes back", async () => {
    stage.map(greeter.serviceInterface, "a");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    const [one, two] = [new AbortController(), new AbortController()];
    const first = await stage.watch(greeter, {}, one.signal);
    await stage.watch(greeter, {}, two.signal);
    one.abort();
    await first.done;
    two.abort();
    await stage.clock.advance(500);
    expect(stage.registry.subscriptions("a")).toBe(1);
    const again = new AbortController();
    expect(hosts(await stage.watch(greeter, {}, again.signal))).toBe("1");
    await stage.clock.advance(5_000);
    expect(stage.registry.subscriptions("a")).toBe(1);
    expect(stage.calls).toHaveLength(1);
    again.abort();
    await stage.clock.advance(1_500);
    expect(stage.registry.subscriptions("a")).toBe(0);
  });

  test("what is saved after the end is what was known then, metadata included", async () => {
    const waiting = new Map<string, () => CachedApplication>();
    const cache = new HeldCache();
    cache.saveApplication = (application, content) => void waiting.set(application, content);
    restage({ cache });
    stage.map(greeter.serviceInterface, "a");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    expect(hosts(await stage.watch())).toBe("1");
    await stage.end();
    expect(waiting.get("a")?.()).toMatchObject({ instances: { length: 1 }, metadata: { length: 1 } });
  });

  test("tells each service what a fresh look would find, and nothing where nothing changed", async () => {
    const services = ["One", "Two", "Three"];
    const wanted = [["a"], ["b"], ["a", "b"]];
    const said = fc.record({
      host: fc.nat(1),
      offers: fc.subarray(services),
      enabled: fc.constantFrom(true, true, false),
      healthy: fc.constantFrom(true, true, false),
    });
    const push = fc.record({ app: fc.constantFrom("a", "b"), list: fc.array(said, { maxLength: 2 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(push, { maxLength: 20 }), async (pushes) => {
        restage();
        const base = (app: string) => stage.instance(app, `10.0.${app}.9`, "Nobody");
        const lists = new Map<string, readonly (readonly [ServiceInstance, readonly string[]])[]>();
        for (const app of ["a", "b"]) {
          lists.set(app, []);
          stage.registry.push(app, [base(app)]);
        }
        const seen: Followed<Resolution>[] = [];
        for (const [at, name] of services.entries())
          seen.push(await stage.watch(serviceKey(`org.example.${name}`), { providedBy: wanted[at] }));
        let told = seen.map(({ values }) => values.length);
        for (const { app, list } of pushes) {
          const unique = list.filter(({ host }, at) => list.findIndex((one) => one.host === host) === at);
          const instances = unique.map(({ host, offers, enabled, healthy }) => {
            const instance = stage.instance(app, `10.0.${app}.${host}`, "Nobody", ...offers);
            return [{ ...instance, enabled, healthy }, offers] as const;
          });
          lists.set(app, instances);
          stage.registry.push(app, [base(app), ...instances.map(([instance]) => instance)]);
          await stage.clock.flush();
          const expected = services.map((name, at) => {
            const all = (wanted[at] as string[]).flatMap((one) => lists.get(one) ?? []);
            const able = all.filter(([{ enabled }, offers]) => enabled && offers.includes(name));
            const well = able.filter(([{ healthy }]) => healthy);
            const chosen = (well.length > 0 ? well : able).map(([{ host }]) => host);
            return chosen.sort().join(" ") || "absent";
          });
          expect(seen.map(hostNames)).toEqual(expected);
          for (const [at, { values }] of seen.entries())
            expect(repeats(values.slice((told[at] as number) - 1))).toBe(0);
          told = seen.map(({ values }) => values.length);
        }
        await stage.end();
      }),
      { seed: 61, numRuns: 40 },
    );
  });

  test("keeps several revisions side by side", async () => {
    stage.map(greeter.serviceInterface, "a");
    stage.registry.push("a", [
      stage.instance("a", "10.0.0.1", "Greeter"),
      stage.instance("a", "10.0.0.2", "Greeter", "Other"),
      stage.instance("a", "10.0.0.3", "Other"),
    ]);
    expect(hosts(await stage.watch())).toBe("1 2");
    expect(hosts(await stage.watch(other, { providedBy: ["a"] }))).toBe("2 3");
  });

  test("lets a failed fetch delay its own instances only, and heals without any event", async () => {
    stage.map(greeter.serviceInterface, "a");
    stage.refusing.add("10.0.0.2:20880");
    stage.registry.push("a", [
      stage.instance("a", "10.0.0.1", "Greeter"),
      stage.instance("a", "10.0.0.2", "Greeter", "Other"),
    ]);
    const seen = await stage.watch();
    expect(hosts(seen)).toBe("1 stale");
    stage.refusing.clear();
    await stage.clock.advance(10_000);
    expect(hosts(seen)).toBe("1 2");
  });

  test("forgets a revision that no instance carries any more, and its failure", async () => {
    stage.map(greeter.serviceInterface, "a");
    const good = stage.instance("a", "10.0.0.1", "Greeter");
    stage.registry.push("a", [
      good,
      sampleInstance({ application: "a", host: "10.0.0.2", revision: "unknown" }),
    ]);
    const seen = await stage.watch();
    expect(hosts(seen)).toBe("1 stale");
    stage.registry.push("a", [good, stage.instance("a", "10.0.0.2", "Greeter")]);
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 2");
    const calls = stage.calls.length;
    await stage.clock.advance(30_000);
    expect(stage.calls).toHaveLength(calls);
  });

  test("says failed, with the cause, when no metadata can be had, and heals", async () => {
    stage.map(greeter.serviceInterface, "a");
    stage.refusing.add("10.0.0.1:20880");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    const seen = await stage.watch();
    expect(seen.latest).toMatchObject({
      state: "failed",
      error: { code: "DISCOVERY_FAILED", applications: ["a"], cause: { code: "METADATA_UNAVAILABLE" } },
    });
    stage.refusing.clear();
    await stage.clock.advance(10_000);
    expect(hosts(seen)).toBe("1");
  });

  test("does not wait for an instance that hangs when another has the same revision", async () => {
    stage.map(greeter.serviceInterface, "a");
    const instances = ["10.0.0.1", "10.0.0.2"].map((host) => stage.instance("a", host, "Greeter"));
    for (const { id } of instances.slice(0, 1)) stage.hanging.add(id);
    stage.registry.push("a", instances);
    const seen = await stage.watch();
    await stage.clock.advance(1_001);
    expect(hosts(seen)).toBe("1 2");
  });

  test("loses no instance while its new revision is fetched or cannot be fetched", async () => {
    stage.map(greeter.serviceInterface, "a");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    const seen = await stage.watch();
    stage.refusing.add("10.0.0.1:20880");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter", "Other")]);
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 stale");
    stage.refusing.clear();
    await stage.clock.advance(10_000);
    expect(hosts(seen)).toBe("1");
    const states = seen.values.map(({ state }) => state);
    expect(new Set(states.slice(states.indexOf("resolved")))).toEqual(new Set(["resolved"]));
  });

  test("asks applications that are named at once, and those of the mapping besides", async () => {
    stage.registry.push("named", [stage.instance("named", "10.0.0.1", "Greeter")]);
    stage.registry.push("mapped", [stage.instance("mapped", "10.0.0.2", "Greeter")]);
    const seen = await stage.watch(greeter, { providedBy: ["named"] });
    expect(hosts(seen)).toBe("1");
    stage.map(greeter.serviceInterface, "mapped");
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 2");
  });

  test("finds named applications though no report can be asked", async () => {
    const report = memoryMetadataReport(new MemoryMetadataStore());
    const broken = {
      ...report,
      fetch: never,
      watchMapping: unwatchable,
    } as unknown as MetadataReport;
    await stage.end();
    restage({ reports: [broken] });
    stage.registry.push("named", [stage.instance("named", "10.0.0.1", "Greeter:1.0.0")]);
    const found = serviceKey(greeter.serviceInterface, { version: "1.0.0" });
    expect(hosts(await stage.watch(found, { providedBy: ["named"] }))).toBe("1");
    expect(hosts(await stage.watch(greeter))).toBe("pending");
    const near = await stage.watch(greeter, { providedBy: ["named"] });
    expect(near.latest).toMatchObject({ state: "absent", error: { nearMisses: [`${found.text}:dubbo`] } });
  });

  test("follows a mapping that is made later, adds applications, and ignores that one is taken out", async () => {
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    stage.registry.push("b", [stage.instance("b", "10.0.0.2", "Greeter")]);
    const seen = await stage.watch();
    expect(seen.latest).toMatchObject({ state: "absent", error: { code: "NO_PROVIDER", applications: [] } });
    stage.map(greeter.serviceInterface, "a");
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1");
    stage.map(greeter.serviceInterface, "a", "b", "nobody-knows-it");
    stage.registry.push("nobody-knows-it", []);
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 2");
    stage.map(greeter.serviceInterface, "b");
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 2");
  });

  test("is resolved though an application of the mapping was never heard of", async () => {
    stage.map(greeter.serviceInterface, "silent", "a");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    expect(hosts(await stage.watch())).toBe("1");
  });

  test("ignores instances without a Dubbo revision", async () => {
    stage.map(greeter.serviceInterface, "a");
    const spring = sampleInstance({ application: "a", host: "10.0.0.9", revision: undefined });
    stage.registry.push("a", [spring, stage.instance("a", "10.0.0.1", "Greeter")]);
    const seen = await stage.watch();
    expect(hosts(seen)).toBe("1");
    stage.registry.push("a", [spring]);
    await stage.clock.flush();
    expect(hosts(seen)).toBe("absent");
  });

  test("keeps endpoints while the registry is disturbed, and empties within 5 seconds when they are gone", async () => {
    stage.map(greeter.serviceInterface, "a");
    const instances = ["10.0.0.1", "10.0.0.2"].map((host) => stage.instance("a", host, "Greeter"));
    stage.registry.push("a", instances);
    const seen = await stage.watch();
    stage.registry.fail = new Error("away");
    stage.registry.push("a", [], { settled: false });
    await stage.clock.advance(120_000);
    expect(hosts(seen)).toBe("1 2 stale");
    expect(seen.latest).toMatchObject({ doubted: true });
    stage.registry.fail = undefined;
    stage.registry.push("a", []);
    await stage.clock.advance(5_000);
    expect(hosts(seen)).toBe("absent");
  });

  test("finds by its own reading what no push told it, and says stale while it cannot read", async () => {
    stage.map(greeter.serviceInterface, "a");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    const seen = await stage.watch();
    stage.registry.truth.set("a", [
      stage.instance("a", "10.0.0.1", "Greeter"),
      stage.instance("a", "10.0.0.2", "Greeter"),
    ]);
    await stage.clock.advance(75_000);
    expect(hosts(seen)).toBe("1 2");
    stage.registry.fail = new Error("away");
    await stage.clock.advance(75_000);
    expect(hosts(seen)).toBe("1 2 stale");
    stage.registry.fail = undefined;
    await stage.clock.advance(75_000);
    expect(hosts(seen)).toBe("1 2");
  });

  test("opens a watch again that broke", async () => {
    stage.map(greeter.serviceInterface, "a");
    stage.registry.push("a", [stage.instance("a", "10.0.0.1", "Greeter")]);
    const seen = await stage.watch();
    stage.registry.break("a", new Error("stream ended"));
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 stale");
    await stage.clock.advance(1_000);
    expect(hosts(seen)).toBe("1");
    stage.registry.push("a", [
      stage.instance("a", "10.0.0.1", "Greeter"),
      stage.instance("a", "10.0.0.2", "Greeter"),
    ]);
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 2");
  });

  test("joins the instances of two registries, one endpoint for an instance that is in both", async () => {
    const second = new ScriptedRegistry();
    await stage.end();
    restage();
    const first = stage.registry;
    await stage.end();
    restage({ registries: [first, second] });
    stage.map(greeter.serviceInterface, "a");
    const both = stage.instance("a", "10.0.0.1", "Greeter");
    first.push("a", [both, { ...stage.instance("a", "10.0.0.2", "Greeter"), enabled: false }]);
    second.push("a", [
      both,
      stage.instance("a", "10.0.0.2", "Greeter"),
      stage.instance("a", "10.0.0.3", "Greeter"),
    ]);
    expect(hosts(await stage.watch())).toBe("1 2 3");
  });

  test("starts from the cache while registry, report and providers' metadata are away, then goes on live", async () => {
    const cache = new HeldCache();
    await stage.end();
    restage({ cache });
    stage.map(greeter.serviceInterface, "a");
    const instance = stage.instance("a", "10.0.0.1", "Greeter");
    stage.registry.push("a", [instance]);
    expect(hosts(await stage.watch())).toBe("1");
    expect([...cache.applications.keys(), ...cache.mappings.keys()]).toEqual(["a", greeter.serviceInterface]);
    await stage.end();

    const broken = { fetch: never, watchMapping: unwatchable } as unknown as MetadataReport;
    restage({ cache, reports: [broken] });
    stage.registry.fail = "hang";
    const seen = await stage.watch();
    expect(seen.values.map(text)).toEqual(["1 stale"]);
    expect(stage.calls).toEqual([]);
    stage.registry.fail = undefined;
    stage.registry.push("a", [instance, stage.instance("a", "10.0.0.2", "Greeter")]);
    await stage.clock.flush();
    expect(hosts(seen)).toBe("1 2 stale"); // the mapping is not known to be as it was
  });

  test("does not wait for a cache that hangs", async () => {
    await stage.end();
    const cache = new HeldCache();
    cache.readApplication = () => new Promise(() => {});
    restage({ cache });
    const seen = await stage.watch(greeter, { providedBy: ["a"] });
    expect(seen.values).toEqual([]);
    await stage.clock.advance(1_001);
    expect(hosts(seen)).toBe("pending");
  });

  test("rejects metadata that is malformed or of another revision, and uses the rest", async () => {
    stage.map(greeter.serviceInterface, "a");
    const good = stage.instance("a", "10.0.0.1", "Greeter");
    const wrong = { ...stage.instance("a", "10.0.0.2", "Greeter", "Other"), revision: "wrong" };
    stage.known.set("wrong", metadataOf("a", "Greeter", "Other"));
    stage.registry.push("a", [good, wrong]);
    expect(hosts(await stage.watch())).toBe("1 stale");
  });

  test("ends every watch when it is disposed, and starts none afterwards", async () => {
    const seen = await stage.watch();
    await stage.discovery[Symbol.asyncDispose]();
    await seen.done;
    await (await stage.watch()).done;
  });

  test("ends any sequence of events with what is true", async () => {
    const offers = [["Greeter"], ["Other"], ["Greeter", "Other"], ["Greeter:1.0.0"]] as const;
    const event = fc.oneof(
      fc.record({
        kind: fc.constant("push" as const),
        slots: fc.array(fc.integer({ min: 0, max: 39 })),
        settled: fc.boolean(),
      }),
      fc.record({ kind: fc.constant("refuse" as const), host: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ kind: fc.constant("answer" as const) }),
      fc.record({ kind: fc.constant("map" as const), app: fc.constantFrom("a", "b") }),
      fc.record({ kind: fc.constant("fail" as const), fails: fc.boolean() }),
      fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: 0, max: 5_000 }) }),
    );
    const property = fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 12 }), async (events) => {
      const at = new Stage();
      at.map(greeter.serviceInterface, "a");
      const seen = await at.watch();
      let truth: readonly ServiceInstance[] = [];
      const instancesOf = (slots: readonly number[]) => {
        // slot = host * 4 + offer; of two slots of one host the last counts
        const byHost = new Map(slots.map((slot) => [slot >> 2, slot & 3]));
        return [...byHost].map(([host, offer]) =>
          at.instance("a", `10.0.0.${host}`, ...(offers[offer] ?? [])),
        );
      };
      for (const one of events) {
        if (one.kind === "push") {
          truth = instancesOf(one.slots);
          at.registry.truth.set("a", truth);
          at.registry.push("a", truth, { settled: one.settled });
        } else if (one.kind === "refuse") at.refusing.add(`10.0.0.${one.host}:20880`);
        else if (one.kind === "answer") at.refusing.clear();
        else if (one.kind === "map") at.map(greeter.serviceInterface, "a", one.app);
        else if (one.kind === "fail") at.registry.fail = one.fails ? new Error("away") : undefined;
        else await at.clock.advance(one.ms);
        await at.clock.flush();
      }
      // Calm: everything answers, and the last set is pushed once more.
      at.refusing.clear();
      at.registry.fail = undefined;
      at.registry.push("b", []);
      at.registry.push("a", truth);
      await at.clock.advance(30_000);
      const greeters = truth.filter(({ revision }) =>
        at.known.get(revision ?? "")?.services.has(`${greeter.text}:dubbo`),
      );
      const expected = greeters
        .map(({ host }) => host.replace("10.0.0.", ""))
        .sort()
        .join(" ");
      expect(hosts(seen)).toBe(expected || "absent");
      await at.end();
    });
    await fc.assert(property, { numRuns: 200, seed: 11 });
  }, 60_000);
});

function never(): Promise<never> {
  return new Promise(() => {});
}

/** A mapping that cannot be watched. */
function unwatchable(): AsyncIterable<never> {
  throw new Error("away");
}
