import {
  type ConfigCenter,
  type ConfigItem,
  loadConfig,
  memoryConfigCenter,
  type MemoryConfigCenter,
} from "@dubbo-ts/config";
import { Latest, RegistryError, serviceKey, systemRuntime } from "@dubbo-ts/core";
import { recordingLogger, waitFor } from "@dubbo-ts/testkit";
import { LiveConfig, type LiveConfigOptions } from "./live-config.js";

const settings: ConfigItem = { key: "dubbo.properties", group: "dubbo" };
const service = serviceKey("org.example.Greeter", { group: "blue", version: "1.0.0" });
const rules = "org.example.Greeter:1.0.0:blue.configurators";
const rule = (timeout: string) =>
  `key: blue/org.example.Greeter:1.0.0\nconfigs:\n- { side: consumer, parameters: { timeout: ${timeout} } }\n`;

let log: ReturnType<typeof recordingLogger>;
let center: MemoryConfigCenter;
beforeEach(() => {
  log = recordingLogger();
  center = memoryConfigCenter();
});

async function open(
  centers: readonly ConfigCenter[],
  more: Partial<LiveConfigOptions> = {},
): Promise<LiveConfig> {
  const config = await loadConfig({ application: "shop" }, { env: {} });
  const implemented = { clusters: ["failover"], loadBalancers: ["random", "roundrobin"] };
  const runtime = { ...systemRuntime, log };
  return LiveConfig.open({ config, centers, check: true, timeoutMs: 200, implemented, runtime, ...more });
}

const timeoutOf = (live: LiveConfig) =>
  live.rulesFor(service).map(({ items }) => items[0]?.parameters["timeout"]);

test("rules of a service are followed while somebody uses it, under the keys that Java has", async () => {
  await using live = await open([center]);
  center.set({ key: rules, group: "dubbo" }, rule("700"));
  const first = await live.followService(service);
  const second = await live.followService(service);
  expect(timeoutOf(live)).toEqual(["700"]);
  center.set(
    { key: "shop.configurators", group: "dubbo" },
    rule("5").replace("key: blue", "scope: application\nkey: blue"),
  );
  await waitFor(() => timeoutOf(live).join() === "5,700");
  await first();
  await first();
  center.set({ key: rules, group: "dubbo" }, rule("800"));
  await waitFor(() => timeoutOf(live).includes("800"));
  await second();
  center.set({ key: rules, group: "dubbo" }, rule("900"));
  center.set({ key: "shop.configurators", group: "dubbo" }, undefined);
  await waitFor(() => timeoutOf(live).length === 0);
  expect(live.state.rules.has(rules)).toBe(false);
});

test("a rule that names what is not there is refused, and the one before holds", async () => {
  await using live = await open([center]);
  center.set({ key: rules, group: "dubbo" }, rule("700"));
  const leave = await live.followService(service);
  for (const bad of [rule("soon"), rule("1").replace("timeout", "loadbalance"), "["]) {
    const before = log.entries.length;
    center.set({ key: rules, group: "dubbo" }, bad);
    await waitFor(() => log.entries.slice(before).some(({ level }) => level === "error"));
    expect(timeoutOf(live)).toEqual(["700"]);
  }
  await leave();
});

test("a rule about a method called toString is followed as any other", async () => {
  await using live = await open([center]);
  const leave = await live.followService(service);
  center.set({ key: rules, group: "dubbo" }, rule("700, hello.toString: x, hello.constructor: y"));
  await waitFor(() => timeoutOf(live).join() === "700");
  expect(log.entries.filter(({ level }) => level !== "info")).toEqual([]);
  await leave();
});

test("watching goes on after a failure, and what changed meanwhile is taken over", async () => {
  let failures = 2;
  const failing: ConfigCenter = {
    ...center,
    watch(item, signal) {
      if (item.key === settings.key && failures-- > 0) throw new Error("not now");
      return center.watch(item, signal);
    },
  };
  await using live = await open([failing]);
  center.set(settings, "dubbo.consumer.timeout=1234");
  await waitFor(() => live.state.config.consumer.timeoutMs === 1_234);
  expect(log.entries.filter(({ level }) => level === "warn").length).toBeGreaterThan(0);
});

test("of several config centers the later one wins, whichever is heard of first", async () => {
  const second = memoryConfigCenter("memory://second");
  await using live = await open([center, second]);
  second.set(settings, "dubbo.consumer.timeout=2");
  await waitFor(() => live.state.config.consumer.timeoutMs === 2);
  center.set(settings, "dubbo.consumer.timeout=1\ndubbo.consumer.retries=1");
  await waitFor(() => live.state.config.consumer.retries === 1);
  expect(live.state.config.consumer.timeoutMs).toBe(2);
});

test("two config centers with one name, as two namespaces of a server have, are told apart", async () => {
  const second = memoryConfigCenter(center.name);
  center.set(settings, "dubbo.consumer.timeout=1");
  second.set(settings, "dubbo.consumer.retries=1");
  await using live = await open([center, second]);
  expect(live.state.config.consumer).toMatchObject({ timeoutMs: 1, retries: 1 });
  second.set(settings, "dubbo.consumer.retries=soon");
  await waitFor(() => log.entries.some(({ level }) => level === "error"));
  expect(live.state.config.consumer).toMatchObject({ timeoutMs: 1, retries: 1 });
  center.set(settings, "dubbo.consumer.timeout=2");
  await waitFor(() => live.state.config.consumer.timeoutMs === 2);
});

test("a listener that throws does not keep the others from hearing", async () => {
  await using live = await open([center]);
  const heard: string[] = [];
  live.onChange(() => {
    throw new Error("mine");
  });
  const ignore = live.onChange(({ keys }) => heard.push(...keys));
  center.set(settings, "dubbo.consumer.timeout=1");
  await waitFor(() => heard.length === 1);
  ignore();
  center.set(settings, "dubbo.consumer.timeout=2");
  await waitFor(() => live.state.config.consumer.timeoutMs === 2);
  expect(heard).toEqual(["consumer.timeout"]);
});

test("a config center that does not answer says why, as far as it knows", async () => {
  const failure = new RegistryError("REGISTRY_AUTH_FAILED", "memory://: wrong password");
  const away: ConfigCenter = { ...center, failure, get: () => new Promise(() => {}) };
  await expect(open([away])).rejects.toMatchObject({
    code: "REGISTRY_AUTH_FAILED",
    message: "memory://: no answer in 200 ms; memory://: wrong password",
  });
});

test("nobody waits for rules of a config center that does not answer", async () => {
  const never: ConfigCenter = {
    ...center,
    get: () => new Promise(() => {}),
    watch: (_item, signal) => new Latest<undefined>(signal),
  };
  await expect(open([never], { timeoutMs: 20 })).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  await using live = await open([never], { timeoutMs: 20, check: false });
  const before = performance.now();
  await live.followService(service);
  expect(performance.now() - before).toBeLessThan(400);
});

test("a configuration that knows no layers stays as it is, and that is said", async () => {
  const config = { ...(await loadConfig({ application: "shop" }, { env: {} })) };
  center.set(settings, "dubbo.consumer.timeout=1");
  await using live = await open([center], { config });
  expect(live.state.config).toBe(config);
  expect(log.entries).toMatchObject([{ level: "warn" }]);
});
