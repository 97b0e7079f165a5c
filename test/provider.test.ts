import {
  type Application,
  createApplication,
  type CreateApplicationOptions,
  defineService,
  java,
  type Logger,
  memoryCenters,
  method,
  openRegistry,
} from "dubbo-ts";
import { memoryRegistry } from "@dubbo-ts/discovery";
import { metadataServiceClientDefinition, metadataServiceKey } from "@dubbo-ts/metadata";
import {
  zooKeeperAvailable,
  Load,
  realServer,
  recordingLogger,
  startZooKeeper,
  waitFor,
  type ZooKeeperServer,
} from "@dubbo-ts/testkit";
import { freeBasePort, startProgram } from "./programs.js";

const Alpha = defineService("org.example.Alpha", { who: method([], java.string()) });
const Beta = defineService("org.example.Beta", { who: method([], java.string()) });
const Gamma = defineService("org.example.Gamma", { who: method([], java.string()) });

const quietly = (config: object): object => ({
  protocols: { dubbo: { port: 0, host: "127.0.0.1" } },
  logger: { level: "silent" },
  shutdown: { grace: 0 },
  cache: { enabled: false },
  ...config,
});

/** Opens applications on one registry and closes them, the last first. */
class Cluster implements AsyncDisposable {
  readonly #memory = memoryCenters();
  readonly #open: Application[] = [];

  constructor(readonly registry: string = "memory://") {}

  async app(name: string, config: object = {}, log?: Logger): Promise<Application> {
    const options: CreateApplicationOptions = {
      name,
      registry: this.registry,
      memory: this.#memory,
      config: quietly(config),
      env: {},
    };
    const app = await createApplication({ ...options, ...(log !== undefined && { log }) });
    this.#open.push(app);
    return app;
  }

  /** The instances of an application, as the registry has them. */
  async instances(application: string) {
    const [center] = this.#memory.values();
    await using backend = center === undefined ? await openRegistry(this.registry) : undefined;
    const registry = backend?.registry ?? memoryRegistry(center!.instances);
    return await registry.get(application, AbortSignal.timeout(5_000));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const app of this.#open.reverse()) await app.stop();
  }
}

describe.each(["local", "remote"] as const)("metadata kept %s", (metadataType) => {
  async function meets(registry: string): Promise<void> {
    await using cluster = new Cluster(registry);
    const provider = await cluster.app("meta-app", { application: { "metadata-type": metadataType } });
    await provider.export(Alpha, { who: () => "alpha" }, { version: "1.0.0" });
    await provider.start();
    const [instance] = await cluster.instances("meta-app");
    expect(instance).toMatchObject({ storage: metadataType, application: "meta-app" });
    expect(instance?.metadataService === undefined).toBe(metadataType === "remote");
    const consumer = await cluster.app("meta-client");
    const alpha = await consumer.refer(Alpha, { version: "1.0.0" });
    expect(await alpha.who()).toBe("alpha");
    // A later export is found too: another revision, learnt the same way.
    await provider.export(Beta, { who: () => "beta" });
    expect(await (await consumer.refer(Beta)).who()).toBe("beta");
    const [after] = await cluster.instances("meta-app");
    expect(after?.id).toBe(instance?.id);
    expect(after?.revision).not.toBe(instance?.revision);
    expect(await alpha.who()).toBe("alpha");
  }

  test("is found over memory", () => meets("memory://"));

  test("is found over the embedded registry", async () => {
    await meets(`local://127.0.0.1:${await freeBasePort()}`);
  }, 20_000);

  realServer("over ZooKeeper", zooKeeperAvailable(), () => {
    let server: ZooKeeperServer;
    beforeAll(async () => {
      server = await startZooKeeper();
    });
    afterAll(() => server[Symbol.asyncDispose]());

    test("is found", () => meets(`zookeeper://${server.address}`), 20_000);
  });
});

test("a late export, an unexport and a change of weight under 200 calls/s lose no call, and each takes effect", async () => {
  await using cluster = new Cluster();
  const providers = await Promise.all(
    ["one", "two"].map(async (name) => {
      const app = await cluster.app("busy-app");
      const alpha = await app.export(Alpha, { who: () => name });
      const beta = await app.export(Beta, { who: () => name });
      await app.start();
      return { app, alpha, beta };
    }),
  );
  const consumer = await cluster.app("busy-client", { consumer: { loadbalance: "roundrobin" } });
  const [alpha, beta] = [await consumer.refer(Alpha), await consumer.refer(Beta)];
  const answers = { one: 0, two: 0 };
  const load = new Load(async () => {
    answers[(await alpha.who()) as "one" | "two"] += 1;
    await beta.who();
  }, 200);
  const reset = () => Object.assign(answers, { one: 0, two: 0 });
  await waitFor(() => answers.one > 10 && answers.two > 10);
  await providers[0]!.app.export(Gamma, { who: () => "late" });
  expect(await (await consumer.refer(Gamma)).who()).toBe("late");
  await providers[1]!.alpha.update({ weight: 0 });
  await waitFor(
    async () => {
      reset();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return answers.two === 0 && answers.one > 10;
    },
    { what: "no call to a provider of weight 0" },
  );
  await providers[0]!.beta[Symbol.asyncDispose]();
  const seen = new Set<string>();
  for (let call = 0; call < 50; call++) seen.add(await beta.who());
  expect(seen).toEqual(new Set(["two"]));
  await providers[1]!.alpha.update({ weight: 100 });
  await waitFor(() => answers.two > 10, { what: "calls to it again" });
  await load.stop();
  expect(load.failures).toEqual([]);
}, 30_000);

test("an old revision is still answered after the next one is registered", async () => {
  await using cluster = new Cluster();
  const provider = await cluster.app("old-app");
  await provider.export(Alpha, { who: () => "alpha" });
  await provider.start();
  const [old] = await cluster.instances("old-app");
  await provider.export(Beta, { who: () => "beta" });
  const [now] = await cluster.instances("old-app");
  const { protocol, port } = now!.metadataService!;
  const { group, version } = metadataServiceKey("old-app");
  const consumer = await cluster.app("old-client");
  const service = await consumer.refer(metadataServiceClientDefinition, {
    url: `${protocol}://127.0.0.1:${port}`,
    ...(group !== undefined && { group }),
    ...(version !== undefined && { version }),
  });
  const names = (answer: unknown) =>
    JSON.stringify(answer, (_, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value,
    );
  const [before, after] = [
    names(await service.getMetadataInfo(old!.revision!)),
    names(await service.getMetadataInfo(now!.revision!)),
  ];
  expect(before).toContain("org.example.Alpha");
  expect(before).not.toContain("org.example.Beta");
  expect(after).toContain("org.example.Beta");
});

describe("the instance's metadata", () => {
  const labels = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`label-${index}`, "x".repeat(90)]));

  test("over 80 % of what registries take is warned of, with the sizes of the keys", async () => {
    await using cluster = new Cluster();
    const log = recordingLogger();
    const app = await cluster.app("labelled-app", { application: { labels: labels(6) } }, log);
    await app.export(Alpha, { who: () => "a" });
    await app.start();
    const warnings = log.entries.filter(({ level }) => level === "warn");
    expect(JSON.stringify(warnings)).toMatch(/label-0/);
    expect(await cluster.instances("labelled-app")).toHaveLength(1);
  });

  test("over 100 % fails the start with the keys, and registers nothing", async () => {
    await using cluster = new Cluster();
    const app = await cluster.app("bloated-app", { application: { labels: labels(12) } });
    await app.export(Alpha, { who: () => "a" });
    const error = await app.start().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "INSTANCE_METADATA_TOO_LARGE",
      message: expect.stringMatching(/label-1[01] \(98\), .*label-0 \(97\)/) as string,
    });
    expect(await cluster.instances("bloated-app")).toEqual([]);
  });
});

describe("the end of a provider", () => {
  test("by SIGTERM is an orderly one: exit code 0, and the registry knows", async () => {
    const registry = `local://127.0.0.1:${await freeBasePort()}`;
    await using backend = await openRegistry(registry);
    await using program = await startProgram("provider", registry, "ending-app");
    const count = async () => (await backend.registry.get("ending-app", AbortSignal.timeout(5_000))).length;
    await waitFor(async () => (await count()) === 1);
    expect(await program.end("SIGTERM")).toBe(0);
    expect(await count()).toBe(0);
  }, 30_000);

  test("may be asked for twice, and during its start", async () => {
    await using cluster = new Cluster();
    const app = await cluster.app("hasty-app");
    await app.export(Alpha, { who: () => "a" });
    const starting = app.start().catch((error: unknown) => (error as { code?: unknown }).code);
    await Promise.all([app.stop(), app.stop()]);
    expect([undefined, "REGISTRY_UNAVAILABLE", "APPLICATION_CLOSED"]).toContain(await starting);
    expect(await cluster.instances("hasty-app")).toEqual([]);
  });
});

test("a process that only consumes registers nothing", async () => {
  await using cluster = new Cluster();
  const provider = await cluster.app("only-provider");
  await provider.export(Alpha, { who: () => "a" });
  await provider.start();
  const consumer = await cluster.app("only-consumer");
  await consumer.start();
  expect(await (await consumer.refer(Alpha)).who()).toBe("a");
  expect(await cluster.instances("only-consumer")).toEqual([]);
});
