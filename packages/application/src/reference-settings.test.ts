import { clusters, loadBalancers } from "@dubbo-ts/cluster";
import { loadConfig } from "@dubbo-ts/config";
import { hasCode } from "@dubbo-ts/core";
import type { MethodPolicy, ReferenceSettings } from "./reference-settings.js";
import { referenceSettings } from "./reference-settings.js";
import type { ReferenceOptions } from "./options.js";
import { serviceSettings } from "./service-settings.js";

const name = "org.example.Users";

async function settingsOf(consumer: object, options: ReferenceOptions = {}): Promise<ReferenceSettings> {
  const config = await loadConfig({ application: { name: "app" }, consumer }, { env: {} });
  return referenceSettings(name, options, config.consumer);
}

async function policyOf(
  consumer: object,
  options: ReferenceOptions = {},
  published: Readonly<Record<string, string>> = {},
): Promise<(method: string) => MethodPolicy> {
  return (await settingsOf(consumer, options)).callPolicy(() => published);
}

describe("a reference", () => {
  test("has Dubbo's defaults when nobody says anything", async () => {
    const { check, providedBy, protocols, url, version, group } = await settingsOf({});
    expect({ check, providedBy, protocols, url, version, group }).toEqual({
      check: true,
      providedBy: [],
      protocols: [],
      url: [],
      version: undefined,
      group: undefined,
    });
    expect((await policyOf({}))("get")).toEqual({
      timeoutMs: 3_000,
      retries: 2,
      loadBalancer: loadBalancers["random"],
      cluster: clusters["failover"],
    });
  });

  test("takes every key of its entry, whatever the entry is called", async () => {
    const entry = {
      interface: name,
      version: "1.0.0",
      group: "blue",
      "provided-by": "app-a, app-b",
      protocol: "dubbo",
      url: "dubbo://127.0.0.1:20880",
      check: false,
      timeout: "1s",
      retries: 5,
      loadbalance: "roundrobin",
      methods: { slow: { timeout: "9s", retries: 0, loadbalance: "random" } },
    };
    const settings = await settingsOf({ references: { Users: entry } });
    expect(settings).toMatchObject({
      version: "1.0.0",
      group: "blue",
      providedBy: ["app-a", "app-b"],
      protocols: ["dubbo"],
      url: ["dubbo://127.0.0.1:20880"],
      check: false,
    });
    const policy = settings.callPolicy(() => ({}));
    expect(policy("get")).toMatchObject({
      timeoutMs: 1_000,
      retries: 5,
      loadBalancer: loadBalancers["roundrobin"],
    });
    expect(policy("slow")).toMatchObject({
      timeoutMs: 9_000,
      retries: 0,
      loadBalancer: loadBalancers["random"],
    });
  });

  test("of a program wins over the file, and a method over its reference", async () => {
    const consumer = {
      timeout: "4s",
      references: {
        a: {
          interface: name,
          retries: 1,
          "provided-by": ["x"],
          methods: { get: { timeout: "2s", retries: 4 } },
        },
      },
    };
    expect((await policyOf(consumer))("get")).toMatchObject({ timeoutMs: 2_000, retries: 4 });
    expect((await policyOf(consumer))("other")).toMatchObject({ timeoutMs: 4_000, retries: 1 });
    const programmed = await policyOf(consumer, { timeoutMs: 100, methods: { get: { retries: 0 } } });
    expect(programmed("get")).toMatchObject({ timeoutMs: 100, retries: 0 });
    expect(programmed("other")).toMatchObject({ timeoutMs: 100, retries: 1 });
    expect((await settingsOf(consumer, { providedBy: "y, z," })).providedBy).toEqual(["y", "z"]);
    expect((await settingsOf(consumer, { protocol: ["tri"], url: [] })).protocols).toEqual(["tri"]);
  });

  test("falls back to what the provider publishes, then to defaults, and follows changes of it", async () => {
    let published: Readonly<Record<string, string>> = {
      timeout: "700",
      retries: "0",
      loadbalance: "roundrobin",
      "get.timeout": "50",
      "get.retries": "-1",
      cluster: "failfast",
    };
    const policy = (await settingsOf({})).callPolicy(() => published);
    expect(policy("get")).toMatchObject({ timeoutMs: 50, retries: 0, cluster: clusters["failfast"] });
    expect(policy("other")).toMatchObject({ timeoutMs: 700, loadBalancer: loadBalancers["roundrobin"] });
    expect(policy("other")).toBe(policy("other"));
    published = { timeout: "soon", loadbalance: "shortestresponse", cluster: "constructor", retries: "1.5" };
    expect(policy("other")).toEqual({
      timeoutMs: 3_000,
      retries: 2,
      loadBalancer: loadBalancers["random"],
      cluster: clusters["failover"],
    });
  });

  test("with a cluster of one attempt has the time of one", async () => {
    expect((await policyOf({ retries: 5, cluster: "failfast" }))("get").retries).toBe(0);
    expect((await policyOf({}, { cluster: "failsafe" }, { cluster: "failover" }))("get")).toMatchObject({
      retries: 0,
      cluster: clusters["failsafe"],
    });
  });

  test("finds its entry by version and group where there are several", async () => {
    const references = {
      any: { interface: name, timeout: "1s" },
      v2: { interface: name, version: "2", timeout: "2s" },
      blue: { interface: name, version: "2", group: "blue", timeout: "3s" },
    };
    const timeout = async (options: ReferenceOptions) =>
      (await policyOf({ references }, options))("get").timeoutMs;
    expect(await timeout({})).toBe(1_000);
    expect(await timeout({ version: "2" })).toBe(2_000);
    expect(await timeout({ version: "2", group: "blue" })).toBe(3_000);
    expect(await timeout({ version: "3" })).toBe(1_000);
    const { v2 } = references;
    expect((await policyOf({ references: { v2 } }, { version: "3" }))("get").timeoutMs).toBe(3_000);
  });

  test.each([
    [
      { cluster: "failalways" },
      'unknown cluster "failalways"; known: broadcast, failfast, failover, failsafe',
    ],
    [{ loadBalance: "best" }, 'unknown load balancer "best"; known: random, roundrobin'],
    [{ methods: { get: { loadBalance: "toString" } } }, 'unknown load balancer "toString"'],
    [{ timeoutMs: 0 }, "reference org.example.Users: timeoutMs must be milliseconds above 0, not 0"],
    [{ timeoutMs: "3s" as never }, "timeoutMs must be milliseconds above 0, not 3s"],
    [{ retries: -1 }, "retries must be a whole number, 0 or more, not -1"],
    [{ methods: { get: { retries: 0.5 } } }, "reference org.example.Users methods.get: retries must be"],
  ])("refuses %j", async (options: ReferenceOptions, message) => {
    const error = await settingsOf({}, options).catch((reason: unknown) => reason);
    expect(hasCode(error, "CONFIG_INVALID")).toBe(true);
    expect(String(error)).toContain(message);
  });
});

describe("a service", () => {
  const settings = async (provider: object, options = {}, application = {}) =>
    serviceSettings(
      name,
      options,
      await loadConfig({ application: { name: "app", ...application }, provider }, { env: {} }),
    );

  test("takes every key of its entry, then of `provider`, and the program wins", async () => {
    const provider = {
      retries: 1,
      params: { shared: "1", own: "0" },
      services: {
        Users: {
          interface: name,
          version: "1.0.0",
          weight: 50,
          warmup: "1m",
          timeout: "2s",
          token: "secret",
          loadbalance: "roundrobin",
          cluster: "failfast",
          protocols: ["dubbo"],
          params: { own: "2" },
          methods: { get: { timeout: "1s" }, list: { retries: 3 } },
        },
      },
    };
    const fromFile = await settings(provider, {}, { tag: "gray" });
    expect(fromFile.key.text).toBe("org.example.Users:1.0.0");
    expect(fromFile.protocols).toEqual(["dubbo"]);
    expect(fromFile.published).toEqual({
      weight: 50,
      warmupMs: 60_000,
      timeoutMs: 2_000,
      retries: 1,
      token: "secret",
      tag: "gray",
      loadbalance: "roundrobin",
      cluster: "failfast",
      methods: { get: { timeoutMs: 1_000 }, list: { retries: 3 } },
      params: { shared: "1", own: "2" },
    });
    const options = {
      version: "1.0.0",
      group: "blue",
      weight: 0,
      tag: "red",
      protocols: ["tri"],
      loadBalance: "random",
      params: { own: "3" },
      methods: { get: { retries: 0, loadBalance: "random" } },
    };
    const programmed = await settings(provider, options, { tag: "gray" });
    expect(programmed.key.text).toBe("blue/org.example.Users:1.0.0");
    expect(programmed.protocols).toEqual(["tri"]);
    expect(programmed.published).toMatchObject({
      weight: 0,
      tag: "red",
      loadbalance: "random",
      params: { shared: "1", own: "3" },
      methods: { get: { timeoutMs: 1_000, retries: 0, loadbalance: "random" } },
    });
  });

  test("of another version than its entry has only what `provider` says", async () => {
    const provider = { weight: 7, services: { Users: { interface: name, version: "1", weight: 50 } } };
    expect((await settings(provider, { version: "2" })).published).toMatchObject({ weight: 7 });
    expect((await settings(provider, {})).key.version).toBe("1");
  });

  test.each([
    { weight: -1 },
    { weight: 1.5 },
    { retries: Number.NaN },
    { methods: { get: { timeoutMs: -5 } } },
  ])("refuses %j", async (options) => {
    await expect(settings({}, options)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
