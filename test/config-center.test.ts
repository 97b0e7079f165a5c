import {
  type Application,
  createApplication,
  type CreateApplicationOptions,
  defineService,
  java,
  type LoadBalancerFactory,
  memoryCenters,
  method,
} from "dubbo-ts";
import { type ConfigItem, memoryConfigCenter, type MemoryConfigStore } from "@dubbo-ts/config";
import { recordingLogger, waitFor } from "@dubbo-ts/testkit";

const Greeter = defineService("org.example.Greeter", { greet: method([java.string()], java.string()) });

/** What is promised: an operator's change holds for calls within a second. */
const withinMs = 1_000;

const settings: ConfigItem = { key: "dubbo.properties", group: "dubbo" };
const rulesOf = (key: string): ConfigItem => ({ key: `${key}.configurators`, group: "dubbo" });

const quiet = { shutdown: { grace: 0 }, cache: { enabled: false }, protocols: { dubbo: { port: 0 } } };

/** Two providers and a consumer of one registry, which is their config center too. */
class Cluster implements AsyncDisposable {
  readonly memory = memoryCenters();
  readonly log = recordingLogger();
  readonly applications: Application[] = [];

  async open(name: string, options: CreateApplicationOptions = {}): Promise<Application> {
    const shared = { registry: "memory://", memory: this.memory, env: {}, argv: [], log: this.log };
    const app = await createApplication({ ...shared, config: quiet, ...options, name });
    this.applications.push(app);
    return app;
  }

  /** @returns its port. */
  async provider(greet: (name: string) => string | Promise<string>): Promise<number> {
    const app = await this.open("greeter-app");
    const { addresses } = await app.export(Greeter, { greet });
    await app.start();
    return addresses[0]!.port;
  }

  /** What an operator does. */
  publish(item: ConfigItem, text: string | undefined): void {
    this.store.set(item, text);
  }

  get store(): MemoryConfigStore {
    return this.memory.get("memory://")!.settings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const app of this.applications.reverse()) await app.stop();
  }
}

/** How long each change took; a busy machine may be late with one, not with all. */
const tookMs: number[] = [];

async function until(holds: () => Promise<boolean>): Promise<void> {
  const start = performance.now();
  await waitFor(holds, { timeoutMs: 15_000 });
  tookMs.push(performance.now() - start);
}

afterAll(() => expect(Math.min(...tookMs)).toBeLessThan(withinMs));

/** The code that a call fails with; undefined: it does not. */
async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}

test("an operator changes timeout and retries, and calls obey without a restart", async () => {
  await using cluster = new Cluster();
  let calls = 0;
  let slowMs = 150;
  await cluster.provider(async (name) => {
    calls += 1;
    await new Promise((resolve) => setTimeout(resolve, slowMs));
    return `hello ${name}`;
  });
  const consumer = await cluster.open("web");
  const greeter = await consumer.refer(Greeter);
  expect(await greeter.greet("a")).toBe("hello a");

  const heard: string[] = [];
  consumer.onConfigChange(({ keys }) => heard.push(...keys));
  cluster.publish(settings, "dubbo.consumer.timeout=20\ndubbo.consumer.retries=0\n");
  await until(async () => (await codeOf(greeter.greet("b"))) === "CALL_TIMEOUT");
  expect(heard.sort()).toEqual(["consumer.retries", "consumer.timeout"]);
  expect(consumer.config.consumer).toMatchObject({ timeoutMs: 20, retries: 0 });
  calls = 0;
  await codeOf(greeter.greet("c"));
  await waitFor(() => calls === 1);

  // A bad value is refused and named; the good one beside it is taken over, and the old one of the bad one holds.
  cluster.publish(settings, "dubbo.consumer.timeout=fast\ndubbo.consumer.retries=3\n");
  await until(async () => consumer.config.consumer.retries === 3);
  expect(consumer.config.consumer.timeoutMs).toBe(20);
  expect(cluster.log.entries).toContainEqual(
    expect.objectContaining({
      level: "error",
      fields: expect.objectContaining({
        key: "consumer.timeout",
        value: "fast",
        kept: "20",
        source: expect.stringContaining("dubbo.properties (group dubbo):1"),
      }),
    }),
  );

  // The application's own group wins; what is taken away is as before.
  cluster.publish({ ...settings, group: "web" }, "dubbo:\n  consumer: { timeout: 2s }\n");
  await until(async () => (await codeOf(greeter.greet("d"))) === undefined);
  cluster.publish({ ...settings, group: "web" }, undefined);
  cluster.publish(settings, undefined);
  slowMs = 0;
  await until(async () => consumer.config.consumer.timeoutMs === undefined);
  expect(await greeter.greet("e")).toBe("hello e");
});

test("a call that is under way keeps the settings that it began with", async () => {
  await using cluster = new Cluster();
  const answers: (() => void)[] = [];
  await cluster.provider((name) => new Promise((resolve) => answers.push(() => resolve(name))));
  const consumer = await cluster.open("web");
  const greeter = await consumer.refer(Greeter, { retries: 0, timeoutMs: 20_000 });
  const changed = new Promise<readonly string[]>((resolve) =>
    consumer.onConfigChange(({ keys }) => resolve(keys)),
  );
  const under = greeter.greet("long");
  await waitFor(() => answers.length === 1);
  cluster.publish(rulesOf("web"), rule("application", "web", "consumer", "timeout: 20"));
  expect(await changed).toEqual(["web.configurators"]);
  expect(await codeOf(greeter.greet("short"))).toBe("CALL_TIMEOUT");
  await waitFor(() => answers.length === 2);
  for (const answer of answers) answer();
  expect(await under).toBe("long");
});

test("a call that waits in a filter chooses its provider as it was set when it began", async () => {
  await using cluster = new Cluster();
  // Of one alone nobody has to choose.
  await cluster.provider((name) => name);
  await cluster.provider((name) => name);
  const picked: string[] = [];
  const named = (name: string): LoadBalancerFactory => {
    return () => (candidates) => {
      picked.push(name);
      return candidates[0]!;
    };
  };
  const gates: (() => void)[] = [];
  const consumer = await cluster.open("web", {
    config: { ...quiet, consumer: { loadbalance: "before" } },
    loadBalancers: { before: named("before"), after: named("after") },
    filters: {
      consumer: [
        (next) => ({
          invoke: async (invocation) => {
            await new Promise<void>((resolve) => gates.push(resolve));
            return next.invoke({ ...invocation });
          },
        }),
      ],
    },
  });
  const greeter = await consumer.refer(Greeter);
  await waitFor(() => cluster.log.entries.some(({ fields }) => (fields as { now?: number }).now === 2));
  const begun = greeter.greet("a");
  await waitFor(() => gates.length === 1);
  cluster.publish(settings, "dubbo.consumer.loadbalance=after");
  await until(async () => consumer.config.consumer.loadBalance === "after");
  const later = greeter.greet("b");
  await waitFor(() => gates.length === 2);
  for (const open of gates) open();
  await Promise.all([begun, later]);
  expect(picked).toEqual(["before", "after"]);
});

test("a Java operator's rules change timeouts, take providers out and weigh them, and are taken back", async () => {
  await using cluster = new Cluster();
  await cluster.provider(() => "first");
  const port = await cluster.provider(() => "second");
  const consumer = await cluster.open("web");
  const greeter = await consumer.refer(Greeter);
  const answers = async () =>
    new Set(await Promise.all(Array.from({ length: 40 }, () => greeter.greet("x"))));
  await waitFor(async () => (await answers()).size === 2);

  const key = rulesOf("org.example.Greeter::");
  const addressed = `providerAddresses: ['127.0.0.1:${port}']`;
  cluster.publish(key, rule("service", "org.example.Greeter", "consumer", "disabled: true", addressed));
  await until(async () => [...(await answers())].join() === "first");
  cluster.publish(
    key,
    rule("service", "org.example.Greeter", "consumer", "weight: 0", "addresses: [0.0.0.0]", addressed),
  );
  await until(async () => [...(await answers())].join() === "first");
  cluster.publish(key, undefined);
  await until(async () => (await answers()).size === 2);

  // The provider's own rule is published in place: its consumers see another weight, and no provider goes away.
  const { instances } = cluster.memory.get("memory://")!;
  const revisions = () => instances.read("greeter-app").instances.map(({ revision }) => revision);
  const before = revisions();
  cluster.publish(
    rulesOf("greeter-app"),
    rule("application", "greeter-app", "provider", "weight: 0", `addresses: ['127.0.0.1:${port}']`),
  );
  await until(async () => [...(await answers())].join() === "first");
  expect(revisions()).not.toEqual(before);
  cluster.publish(rulesOf("greeter-app"), undefined);
  await until(async () => (await answers()).size === 2);
  expect(revisions()).toEqual(before);

  // A rule that cannot be changes nothing, and is named.
  cluster.publish(key, rule("service", "org.example.Greeter", "consumer", "weight: heavy", addressed));
  await waitFor(() =>
    cluster.log.entries.some(
      ({ level, fields }) =>
        level === "error" && JSON.stringify(fields).includes('\\"heavy\\" is no whole number'),
    ),
  );
  expect((await answers()).size).toBe(2);
});

test("what needs a restart is said once, and waits for it", async () => {
  await using cluster = new Cluster();
  const app = await cluster.open("web");
  cluster.publish(settings, "dubbo.application.owner=ann\ndubbo.consumer.timeout=1s");
  await until(async () => app.config.consumer.timeoutMs === 1_000);
  expect(app.config.application.owner).toBeUndefined();
  cluster.publish(settings, "dubbo.application.owner=ann\ndubbo.consumer.timeout=2s");
  await until(async () => app.config.consumer.timeoutMs === 2_000);
  const said = cluster.log.entries.filter(({ message }) => message.includes("after a restart"));
  expect(said).toHaveLength(1);
  const next = await cluster.open("web");
  expect(next.config).toMatchObject({ application: { owner: "ann" }, consumer: { timeoutMs: 2_000 } });
});

test("the level of the log follows the config center", async () => {
  await using cluster = new Cluster();
  const written: string[] = [];
  const write = jest.spyOn(process.stdout, "write").mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  try {
    const config = { ...quiet, logger: { level: "silent", format: "pretty" } };
    const app = await cluster.open("web", { config, log: undefined as never });
    await app.refer(Greeter, { check: false });
    cluster.publish(settings, "dubbo.logger.level=debug");
    await until(async () => app.config.logger.level === "debug");
    await cluster.provider(() => "x");
    await waitFor(() => written.some((line) => line.includes("debug")));
    cluster.publish(settings, "dubbo.logger.level=loud");
    await waitFor(() => written.some((line) => line.includes("logger.level")));
    expect(app.config.logger.level).toBe("debug");
  } finally {
    write.mockRestore();
  }
});

describe("a config center of its own", () => {
  const named = (check: boolean) => ({
    ...quiet,
    registries: { main: "memory://" },
    "config-center": { address: "mine://host:1", timeout: "50ms", check },
  });

  test("is read before anything else is opened, also where registries are", async () => {
    const center = memoryConfigCenter("mine://host");
    center.set(
      { key: "dubbo.properties", group: "dubbo" },
      "dubbo.registries.main.address=memory://elsewhere:1",
    );
    await using cluster = new Cluster();
    const app = await cluster.open("web", {
      config: named(true),
      registry: undefined as never,
      registries: mine(center),
    });
    expect(app.config.registries["main"]?.address.safeText).toBe("memory://elsewhere:1");
    expect([...cluster.memory.keys()]).toEqual(["memory://elsewhere:1"]);
  });

  test("that does not answer fails the start with check, and is followed without", async () => {
    const center = memoryConfigCenter("mine://host");
    const silent = { ...center, get: () => new Promise<never>(() => {}) };
    await using cluster = new Cluster();
    const open = (check: boolean) =>
      cluster.open("web", { config: named(check), registry: undefined as never, registries: mine(silent) });
    await expect(open(true)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    const app = await open(false);
    center.set({ key: "dubbo.properties", group: "dubbo" }, "dubbo.consumer.retries=7");
    await until(async () => app.config.consumer.retries === 7);
  });
});

function mine(
  configCenter: ReturnType<typeof memoryConfigCenter>,
): NonNullable<CreateApplicationOptions["registries"]> {
  const close = async () => {};
  return {
    mine: async () => ({
      registry: undefined,
      metadataReport: undefined,
      configCenter,
      loopbackOnly: true,
      [Symbol.asyncDispose]: close,
    }),
  };
}

/** As Java's console writes them. */
function rule(
  scope: string,
  key: string,
  side: string,
  parameter: string,
  ...more: readonly string[]
): string {
  const lines = more.map((line) => `  ${line}\n`).join("");
  return `configVersion: v2.7
scope: ${scope}
key: ${key}
enabled: true
configs:
- side: ${side}
${lines}  parameters:
    ${parameter}
`;
}
