import { endpoint, NoProviderError, type Resolution, serviceKey } from "@dubbo-ts/core";
import { type Followed, follow, type TestRuntime, testRuntime, waitFor } from "@dubbo-ts/testkit";
import { createMigratingDiscovery, type MigratingDiscovery } from "./migrating-discovery.js";
import type { MigrationPlan } from "./migration-choice.js";

const service = serviceKey("org.example.Greeter");
const details = { service: service.text, applications: [], nearMisses: [] };
const absent: Resolution = { state: "absent", error: new NoProviderError("NO_PROVIDER", "nobody", details) };
const at = (host: string): Resolution => ({
  state: "resolved",
  endpoints: [endpoint({ protocol: "dubbo", host, port: 20_880 })],
  params: {},
  stale: false,
});

/** A source whose word is given by the test. */
class Source {
  readonly available = true;
  watches = 0;
  #onResolution: ((resolution: Resolution) => void) | undefined;

  constructor(private known: Resolution | undefined) {}

  follow(_query: unknown, onResolution: (resolution: Resolution) => void): AsyncDisposable {
    this.watches += 1;
    this.#onResolution = onResolution;
    queueMicrotask(() => {
      if (this.known !== undefined) this.#onResolution?.(this.known);
    });
    return {
      [Symbol.asyncDispose]: async () => {
        this.watches -= 1;
        this.#onResolution = undefined;
      },
    };
  }

  say(resolution: Resolution): void {
    this.known = resolution;
    this.#onResolution?.(resolution);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Case {
  readonly runtime: TestRuntime;
  readonly applications: Source;
  readonly interfaces: Source;
  readonly discovery: MigratingDiscovery;
  readonly seen: Followed<Resolution>;
  /** For which applications the rules were asked. */
  readonly asked: readonly (readonly string[])[];
  shows(host: string): Promise<unknown>;
  become(changes: Partial<MigrationPlan>): void;
}

/** Ends what a test has opened, and checks that nothing is left. */
const ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

function setup(
  first: Partial<MigrationPlan>,
  application: Resolution | undefined,
  ofInterface: Resolution | undefined,
): Case {
  const runtime = testRuntime();
  const [applications, interfaces] = [new Source(application), new Source(ofInterface)];
  let plan: MigrationPlan = {
    step: "application-first",
    threshold: 0,
    proportion: 100,
    delayMs: 0,
    force: false,
    ...first,
  };
  const asked: string[][] = [];
  const listeners = new Set<() => void>();
  const rules = {
    planFor: (_service: unknown, applications: readonly string[]) => {
      asked.push([...applications]);
      return plan;
    },
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const discovery: MigratingDiscovery = createMigratingDiscovery({
    applications,
    interfaces,
    rules,
    runtime,
  });
  const stop = new AbortController();
  const seen = follow(discovery.watch({ service }, stop.signal));
  ending.push(async () => {
    stop.abort();
    await seen.done;
    expect([applications.watches, interfaces.watches, listeners.size]).toEqual([0, 0, 0]);
  });
  const shows = (host: string) =>
    waitFor(() => seen.latest?.state === "resolved" && seen.latest.endpoints[0]?.host === host, {
      timeoutMs: 5_000,
      what: () => `${host}, not ${JSON.stringify(seen.latest)}`,
    });
  return {
    runtime,
    applications,
    interfaces,
    discovery,
    seen,
    asked,
    shows,
    become(changes: Partial<MigrationPlan>) {
      plan = { ...plan, ...changes };
      for (const listener of listeners) listener();
    },
  };
}

test("the interface is not looked at while applications provide the service", async () => {
  const at0 = setup({}, at("app"), at("interface"));
  await at0.shows("app");
  await at0.runtime.clock.advance(120_000);
  expect(at0.interfaces.watches).toBe(0);
  expect(at0.discovery.status).toMatchObject([{ step: "application-first", serving: "application" }]);
});

test("the rules are asked again when other applications provide the service or they have changed, else not", async () => {
  const at0 = setup({}, at("app"), at("interface"));
  await at0.shows("app");
  const from = (application: string, host: string): Resolution => ({
    state: "resolved",
    endpoints: [endpoint({ protocol: "dubbo", host, port: 20_880, application })],
    params: {},
    stale: false,
  });
  at0.applications.say(from("shop", "1"));
  await at0.shows("1");
  const before = at0.asked.length;
  expect(at0.asked.at(-1)).toEqual(["shop"]);
  for (const host of ["2", "3", "4"]) {
    at0.applications.say(from("shop", host));
    await at0.shows(host);
  }
  expect(at0.asked).toHaveLength(before);
  at0.become({ step: "force-interface", force: true });
  await at0.shows("interface");
  at0.become({ step: "application-first" });
  await at0.shows("4");
  at0.applications.say(from("store", "5"));
  await at0.shows("5");
  expect(at0.asked.at(-1)).toContain("store");
});

test("a call waits for a word of the interface before it hears that nobody is there, but not for ever", async () => {
  const at0 = setup({}, absent, undefined);
  await waitFor(() => at0.interfaces.watches === 1, { timeoutMs: 5_000 });
  expect(at0.seen.values.every(({ state }) => state === "pending")).toBe(true);
  await at0.runtime.clock.advance(3_100);
  await waitFor(() => at0.seen.latest?.state === "absent", { timeoutMs: 5_000 });
  at0.interfaces.say(at("interface"));
  await at0.shows("interface");
});

test("the interface is looked at when nothing is heard of the applications, and left some time after they serve", async () => {
  const at0 = setup({}, undefined, at("interface"));
  await at0.runtime.clock.advance(1_100);
  await at0.shows("interface");
  at0.applications.say(at("app"));
  await at0.shows("app");
  expect(at0.interfaces.watches).toBe(1);
  await at0.runtime.clock.advance(61_000);
  await waitFor(() => at0.interfaces.watches === 0, { timeoutMs: 5_000 });
});

test("a forced step keeps the old source until the new one has providers: nothing else is seen in between", async () => {
  const at0 = setup({ step: "force-interface" }, undefined, at("interface"));
  await at0.shows("interface");
  at0.become({ step: "force-application" });
  await waitFor(() => at0.applications.watches === 1, { timeoutMs: 5_000 });
  at0.applications.say(absent);
  await at0.runtime.clock.advance(10_000);
  expect(at0.discovery.status[0]?.serving).toBe("interface");
  at0.applications.say(at("app"));
  await at0.shows("app");
  await waitFor(() => at0.interfaces.watches === 0, { timeoutMs: 5_000 });
  expect(at0.seen.values.filter(({ state }) => state === "absent")).toEqual([]);
});

test("a forced step waits as long as its rule says", async () => {
  const at0 = setup({ step: "force-interface" }, at("app"), at("interface"));
  await at0.shows("interface");
  at0.become({ step: "force-application", delayMs: 60_000 });
  await at0.runtime.clock.advance(59_000);
  expect(at0.discovery.status[0]?.serving).toBe("interface");
  await at0.runtime.clock.advance(2_000);
  await at0.shows("app");
});

test("a proportion shares the calls between both", async () => {
  const at0 = setup({ proportion: 25 }, at("app"), at("interface"));
  const weights = () =>
    at0.seen.latest?.state === "resolved"
      ? at0.seen.latest.endpoints.map(({ host, weight }) => [host, weight])
      : [];
  await waitFor(() => weights().length === 2, { timeoutMs: 5_000 });
  expect(weights()).toEqual([
    ["app", 250_000],
    ["interface", 750_000],
  ]);
});

test("who is left at the interface is known before the last instance of an application is believed to be gone", async () => {
  const at0 = setup({}, at("app"), at("interface"));
  await at0.shows("app");
  const hosts = (resolution: Resolution | undefined) =>
    resolution?.state === "resolved"
      ? resolution.endpoints.map(({ host }) => host).join()
      : resolution?.state;
  at0.applications.say({ ...at("app"), stale: true, doubted: true } as Resolution);
  await waitFor(() => hosts(at0.seen.latest) === "app,interface", { timeoutMs: 5_000 });
  at0.applications.say(absent);
  await at0.shows("interface");
  expect(at0.seen.values.map(hosts)).not.toContain("absent");
  expect(at0.seen.values.slice(1).map(hosts)).not.toContain("pending");
  at0.applications.say(at("app"));
  await at0.shows("app");
});

test("a doubt that was none leaves the interface alone again", async () => {
  const at0 = setup({}, at("app"), at("interface"));
  await at0.shows("app");
  await at0.runtime.clock.advance(61_000);
  at0.applications.say({ ...at("app"), stale: true, doubted: true } as Resolution);
  await waitFor(() => at0.interfaces.watches === 1, { timeoutMs: 5_000 });
  at0.applications.say(at("app"));
  await waitFor(() => at0.interfaces.watches === 0, { timeoutMs: 5_000 });
  await at0.shows("app");
});
