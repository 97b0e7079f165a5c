import { connectZooKeeper } from "@dubbo-ts/zookeeper-client";
import { type Application, createApplication, type CreateApplicationOptions, memoryCenters } from "dubbo-ts";
import {
  etcdAvailable,
  zooKeeperAvailable,
  Load,
  realServer,
  startEtcd,
  startZooKeeper,
  waitFor,
} from "@dubbo-ts/testkit";
import { defineService, java, method, type MigrationStep } from "dubbo-ts";
import { freeBasePort } from "./programs.js";

const Greeter = defineService("org.example.Greeter", {
  hello: method([java.string()], java.string()),
});

const quiet = { logger: { level: "silent" }, cache: { enabled: false }, shutdown: { grace: "100ms" } };

function open(options: CreateApplicationOptions & { readonly config?: object }): Promise<Application> {
  return createApplication({ env: {}, ...options, config: { ...quiet, ...options.config } });
}

/** A provider that says its name; `mode` as in `register-mode`. */
async function provider(
  name: string,
  mode: "instance" | "interface" | "all",
  where: Pick<CreateApplicationOptions, "registry" | "memory">,
  grace = "100ms",
): Promise<Application> {
  const app = await open({
    name,
    ...where,
    config: {
      application: { name, "register-mode": mode },
      protocols: { dubbo: { port: -1 } },
      shutdown: { grace },
      // Young providers get less traffic; here all are young, and every one has to be seen soon.
      provider: { warmup: 1 },
    },
  });
  await app.export(Greeter, { hello: async (who: string) => `${name}: ${who}` });
  await app.start();
  return app;
}

/** Migrates there and back under load: an interface-level provider, one that is registered both ways, and one that is not. */
async function migrateUnderLoad(where: Pick<CreateApplicationOptions, "registry" | "memory">): Promise<void> {
  await using _old = await provider("old-style", "interface", where);
  await using _both = await provider("both-ways", "all", where);
  await using _new = await provider("new-style", "instance", where);
  await using app = await open({
    name: "migrating-client",
    ...where,
    config: { application: { name: "migrating-client", migration: "force-interface" } },
  });
  const greeter = await app.refer(Greeter);
  let seen = new Set<string>();
  const load = new Load(async () => seen.add((await greeter.hello("x")).split(":")[0] as string), 200);
  const answersOf = async (...names: readonly string[]) => {
    seen = new Set();
    const answered = load.answered;
    await waitFor(() => load.answered >= answered + 100 && names.every((one) => seen.has(one)), {
      timeoutMs: 15_000,
      what: () => `answers of ${names.join()}; seen ${[...seen].join()}`,
    });
    expect([...seen].sort()).toEqual([...names].sort());
  };
  const steps: readonly [MigrationStep, "interface" | "application", readonly string[]][] = [
    ["force-interface", "interface", ["old-style", "both-ways"]],
    ["application-first", "application", ["both-ways", "new-style"]],
    ["force-application", "application", ["both-ways", "new-style"]],
    ["force-interface", "interface", ["old-style", "both-ways"]],
    ["force-application", "application", ["both-ways", "new-style"]],
  ];
  for (const [step, serving, names] of steps) {
    const statuses = await app.migrate(step);
    await waitFor(() => app.migrations.every((one) => one.step === step && one.serving === serving), {
      timeoutMs: 10_000,
      what: () => `${step}: ${JSON.stringify(app.migrations)}`,
    });
    expect(statuses).toHaveLength(1);
    await waitFor(() => load.answered > 0, { timeoutMs: 5_000 });
    await answersOf(...names);
  }
  await load.stop();
  expect(load.failures).toEqual([]);
}

test("a consumer migrates under 200 calls/s and loses no call, over the embedded registry", async () => {
  await migrateUnderLoad({ registry: `local://127.0.0.1:${await freeBasePort()}` });
}, 90_000);

realServer("ZooKeeper", zooKeeperAvailable(), () => {
  test("a consumer migrates under 200 calls/s and loses no call", async () => {
    await using server = await startZooKeeper();
    await migrateUnderLoad({ registry: `zookeeper://${server.address}` });
  }, 90_000);

  test("Java's rule in the config center migrates a running consumer, and its removal brings it back", async () => {
    await using server = await startZooKeeper();
    const where = { registry: `zookeeper://${server.address}` };
    await using _old = await provider("old-style", "interface", where);
    await using _new = await provider("new-style", "instance", where);
    await using app = await open({ name: "ruled-client", ...where });
    const greeter = await app.refer(Greeter);
    const load = new Load(() => greeter.hello("x"), 100);
    await using client = await connectZooKeeper({ servers: server.address }, AbortSignal.timeout(10_000));
    const path = "/dubbo/config/DUBBO_SERVICEDISCOVERY_MIGRATION/ruled-client.migration";
    const rule = `key: ruled-client
step: APPLICATION_FIRST
interfaces:
  - serviceKey: org.example.Greeter
    step: FORCE_INTERFACE
`;
    const serves = (source: string) =>
      waitFor(() => app.migrations[0]?.serving === source, {
        timeoutMs: 10_000,
        what: `service by ${source}`,
      });
    await serves("application");
    for (let index = path.indexOf("/", 1); index > 0; index = path.indexOf("/", index + 1))
      await client.create(path.slice(0, index), Buffer.alloc(0)).catch(() => {});
    await client.create(path, Buffer.from(rule));
    await serves("interface");
    expect(await greeter.hello("x")).toBe("old-style: x");
    await client.setData(path, Buffer.from("step: NONSENSE"));
    await client.setData(path, Buffer.from("step: FORCE_APPLICATION"));
    await serves("application");
    await client.setData(path, Buffer.from(rule));
    await serves("interface");
    await client.delete(path);
    await serves("application");
    await load.stop();
    expect(load.failures).toEqual([]);
  }, 90_000);
});

realServer("etcd", etcdAvailable(), () => {
  test("a consumer migrates under 200 calls/s and loses no call", async () => {
    await using server = await startEtcd();
    await migrateUnderLoad({ registry: `etcd://${server.address}` });
  }, 90_000);
});

describe("with default settings", () => {
  test("a consumer finds a provider that registers its interfaces only, whoever starts first", async () => {
    const where = { registry: "memory://", memory: memoryCenters() };
    await using app = await open({ name: "client", ...where });
    const greeter = await app.refer(Greeter, { check: false });
    await using old = await provider("old-style", "interface", where);
    await waitFor(() => app.migrations[0]?.serving === "interface", { timeoutMs: 5_000 });
    expect(await greeter.hello("early")).toBe("old-style: early");
    expect(app.migrations.map(({ step, serving }) => [step, serving])).toEqual([
      ["application-first", "interface"],
    ]);
    await using _new = await provider("new-style", "instance", where);
    await waitFor(() => app.migrations[0]?.serving === "application", { timeoutMs: 5_000 });
    expect(await greeter.hello("later")).toBe("new-style: later");
    await old.stop();
  });

  test("a consumer comes back to the interface when the last instance of the application goes, without a failed call", async () => {
    const where = { registry: "memory://", memory: memoryCenters() };
    await using _old = await provider("old-style", "interface", where);
    // The default: over before consumers believe that the last instance is gone.
    const other = await provider("new-style", "instance", where, "1s");
    await using app = await open({ name: "client", ...where });
    const greeter = await app.refer(Greeter);
    expect(await greeter.hello("x")).toBe("new-style: x");
    const load = new Load(() => greeter.hello("x"), 100);
    await other.stop();
    await waitFor(() => app.migrations[0]?.serving === "interface", { timeoutMs: 15_000 });
    expect(await greeter.hello("x")).toBe("old-style: x");
    await load.stop();
    expect(load.failures).toEqual([]);
  }, 40_000);

  test("who provides nothing either way is told so as before", async () => {
    const where = { registry: "memory://", memory: memoryCenters() };
    await using app = await open({ name: "client", ...where });
    await expect(app.refer(Greeter)).rejects.toMatchObject({ code: "NO_PROVIDER" });
  });

  test("a service that is withdrawn, or whose weight changes, is so in its interface's records", async () => {
    const where = { registry: "memory://", memory: memoryCenters() };
    await using app = await open({
      name: "p",
      ...where,
      config: { application: { name: "p", "register-mode": "all" }, protocols: { dubbo: { port: -1 } } },
    });
    await using consumer = await open({
      name: "c",
      ...where,
      config: { application: { name: "c", migration: "force-interface" } },
    });
    const handle = await app.export(Greeter, { hello: async (who: string) => who });
    await app.start();
    const greeter = await consumer.refer(Greeter);
    expect(await greeter.hello("x")).toBe("x");
    await handle.update({ weight: 7 });
    await handle[Symbol.asyncDispose]();
    await waitFor(
      () =>
        greeter.hello("x").then(
          () => false,
          (error: { code?: string }) => error.code === "NO_PROVIDER",
        ),
      { timeoutMs: 10_000, what: "nobody" },
    );
  }, 30_000);
});
