// For the linter, which reads tests without the settings of the package.
/// <reference lib="esnext.disposable" />
import { getEventListeners } from "node:events";
import { type ConfigCenter, loadConfig, memoryConfigCenter } from "@dubbo-ts/config";
import {
  ConfigError,
  DisposalScope,
  hasCode,
  Latest,
  RpcError,
  type Runtime,
  silentLogger,
  systemRuntime,
} from "@dubbo-ts/core";
import { MemoryRegistryStore, memoryRegistry, type Registry } from "@dubbo-ts/discovery";
import { MemoryMetadataStore, memoryMetadataReport } from "@dubbo-ts/metadata";
import {
  type Client,
  defineService,
  type Filter,
  java,
  method,
  type Protocol,
  type ServedService,
} from "@dubbo-ts/rpc";
import { fakeClock, recordingLogger, ScriptedRegistry, testRuntime, waitFor } from "@dubbo-ts/testkit";
import { type Application, type ApplicationOptions, createApplication } from "./application.js";
import type { RegistryFactory } from "./extensions.js";
import { openRegistries, plainRegistry } from "./registries.js";
import { bounded, type SignalSource, stopOnSignals } from "./shutdown.js";

const Echo = defineService("org.example.Echo", { echo: method([java.string()], java.string()) });
const Other = defineService("org.example.Other", { echo: method([java.string()], java.string()) });
const echo = { echo: (text: string) => text };

/** A network within the test: services by port, called without bytes. */
class Wire {
  readonly ports = new Map<number, Map<string, ServedService>>();
  readonly events: string[] = [];
  #next = 30_000;

  protocol(): Protocol {
    const { ports, events } = this;
    const free = (this.#next += 1);
    return {
      name: "dubbo",
      export: async (service, { port: wanted }) => {
        const port = wanted === 0 ? free : wanted; // one free port for all services
        const services = ports.get(port) ?? new Map<string, ServedService>();
        if (services.has(service.key.text))
          throw new ConfigError("SERVICE_ALREADY_EXPORTED", service.key.text);
        ports.set(port, services.set(service.key.text, service));
        return {
          address: { protocol: "dubbo", host: "127.0.0.1", port },
          [Symbol.asyncDispose]: async () => void services.delete(service.key.text),
        };
      },
      refer: ({ port, key }) => ({
        available: true,
        invoke(invocation) {
          const service = ports.get(port)?.get(invocation.service.text);
          if (service !== undefined)
            return service.invoker.invoke({ ...invocation, responseAttachments: new Map() });
          return Promise.reject(
            new RpcError("SERVICE_NOT_FOUND", "not here", { peer: key, mayHaveRun: false }),
          );
        },
        [Symbol.asyncDispose]: async () => {},
      }),
      announceClosing: () => void events.push("closing announced"),
      [Symbol.asyncDispose]: async () => void events.push("protocol closed"),
    };
  }
}

/** Applications that share registry and network. */
class World {
  readonly wire = new Wire();
  readonly instances = new MemoryRegistryStore();
  readonly metadata = new MemoryMetadataStore();

  readonly memory: RegistryFactory = async () => {
    const registry = memoryRegistry(this.instances);
    return {
      registry,
      metadataReport: memoryMetadataReport(this.metadata),
      loopbackOnly: true,
      [Symbol.asyncDispose]: async () => {
        this.wire.events.push("registry closed");
        await registry[Symbol.asyncDispose]();
      },
    };
  };

  async open(
    name: string,
    config: object = {},
    more: Partial<ApplicationOptions> = {},
  ): Promise<Application> {
    const settings = {
      application: { name },
      protocols: { dubbo: { port: 0 } },
      shutdown: { grace: 0 },
      ...config,
    };
    return createApplication({
      config: await loadConfig(settings, { env: {} }),
      registries: { memory: this.memory },
      protocols: { dubbo: async () => this.wire.protocol() },
      registry: "memory://",
      ...more,
    });
  }

  async instancesOf(application: string) {
    await using registry = memoryRegistry(this.instances);
    return registry.get(application, AbortSignal.timeout(1_000));
  }
}

describe("an application", () => {
  test("that cannot be opened closes what it had opened", async () => {
    const world = new World();
    const protocols = {
      dubbo: async () => world.wire.protocol(),
      tri: async () => {
        throw new ConfigError("ADDRESS_INVALID", "no such thing");
      },
    };
    const config = { protocols: { dubbo: { port: 0 }, tri: { port: 0 } } };
    await expect(world.open("app", config, { protocols })).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
    expect(world.wire.events).toEqual(["protocol closed", "registry closed"]);
  });

  test("registers nothing before it is started, and nothing at all when it only consumes", async () => {
    const world = new World();
    await using provider = await world.open("app");
    await provider.export(Echo, echo);
    expect(await world.instancesOf("app")).toEqual([]);
    await provider.start();
    expect(await world.instancesOf("app")).toHaveLength(1);
    await using consumer = await world.open("client");
    await consumer.start();
    const client = await consumer.refer(Echo);
    expect(await client.echo("x")).toBe("x");
    expect(await world.instancesOf("client")).toEqual([]);
  });

  test("stops once, however often it is told to, and is of no use then", async () => {
    const world = new World();
    const app = await world.open("app");
    const handle = await app.export(Echo, echo);
    await app.start();
    await Promise.all([app.stop(), app.stop(), app[Symbol.asyncDispose]()]);
    await app.stop();
    expect(world.wire.events).toEqual(["closing announced", "protocol closed", "registry closed"]);
    expect(await world.instancesOf("app")).toEqual([]);
    await handle[Symbol.asyncDispose](); // after its application: harmless
    for (const use of [() => app.export(Other, echo), () => app.refer(Echo), () => app.start()])
      await expect(use()).rejects.toMatchObject({ code: "APPLICATION_CLOSED" });
  });

  test("closes the rest when it cannot deregister", async () => {
    const world = new World();
    const memory: RegistryFactory = async (...settings) => {
      const backend = await world.memory(...settings);
      const registry: Registry = Object.create(backend.registry as Registry) as Registry;
      registry.register = async () => ({
        update: async () => {},
        [Symbol.asyncDispose]: () => Promise.reject(new Error("no answer")),
      });
      return { ...backend, registry, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() };
    };
    const app = await world.open("app", {}, { registries: { memory } });
    await app.export(Echo, echo);
    await app.start();
    await app.stop().catch(() => {});
    expect(world.wire.events).toEqual(["closing announced", "protocol closed", "registry closed"]);
  });

  test("waits for consumers to hear of its end only if they know of it", async () => {
    const clock = fakeClock();
    const world = new World();
    const runtime: Runtime = { ...testRuntime(), clock };
    const stopping = async (start: boolean) => {
      const app = await world.open("app", { shutdown: { grace: "700ms" } }, { runtime });
      await app.export(Echo, echo);
      if (start) await app.start();
      let stopped = false;
      const end = app.stop().then(() => {
        stopped = true;
      });
      await clock.flush();
      const atOnce = stopped;
      await clock.advance(700);
      await end;
      return atOnce;
    };
    expect(await stopping(false)).toBe(true);
    expect(await stopping(true)).toBe(false);
  });
});

describe("late exports", () => {
  test("that come together share one MetadataService", async () => {
    const world = new World();
    await using app = await world.open("app");
    await app.start();
    await Promise.all([app.export(Echo, echo), app.export(Other, echo)]);
    const [instance] = await world.instancesOf("app");
    expect(instance?.metadataService?.protocol).toBe("dubbo");
    await using consumer = await world.open("client");
    expect(await (await consumer.refer(Other)).echo("x")).toBe("x");
  });

  test("may have their metadata on a port of its own, which others then ask", async () => {
    const world = new World();
    await using app = await world.open("app", {
      application: { name: "app", "metadata-service-port": 20_881 },
    });
    const handle = await app.export(Echo, echo);
    await app.start();
    const [instance] = await world.instancesOf("app");
    expect(instance?.metadataService).toMatchObject({ port: 20_881 });
    expect(instance?.port).toBe(handle.addresses[0]?.port);
    expect([...(world.wire.ports.get(20_881)?.keys() ?? [])]).toEqual([
      "app/org.apache.dubbo.metadata.MetadataService:1.0.0",
    ]);
    await using client = await world.open("client");
    expect(await (await client.refer(Echo)).echo("x")).toBe("x");
  });

  test("that wait for their rules when the application stops leave no port open", async () => {
    const world = new World();
    // Answers at the start, and never says whether there are rules.
    const silent: ConfigCenter = {
      ...memoryConfigCenter(),
      watch: (_, signal) => new Latest<undefined>(signal),
    };
    const registries = {
      memory: async (...given: Parameters<RegistryFactory>) => ({
        ...(await world.memory(...given)),
        configCenter: silent,
      }),
    };
    await using app = await world.open("app", {}, { registries });
    const exporting = app.export(Echo, echo).catch((error: unknown) => error);
    await app.stop();
    expect(hasCode(await exporting, "APPLICATION_CLOSED")).toBe(true);
    expect([...world.wire.ports.values()].map(({ size }) => size)).toEqual([]);
  });

  test("that cannot be published are taken back, and do not stand in the way of others", async () => {
    const world = new World();
    const protocols = { a: { name: "dubbo", port: 1 }, b: { name: "dubbo", port: 2 } };
    await using app = await world.open("app", { protocols });
    await app.export(Echo, echo, { protocols: ["a"] });
    await app.start();
    const twice = app.export(Echo, echo, { protocols: ["b"] });
    await expect(twice).rejects.toMatchObject({ code: "SERVICE_ALREADY_EXPORTED" });
    expect([...world.wire.ports.get(2)!.keys()]).toEqual([]);
    await app.export(Other, echo, { protocols: ["a"] });
    await using consumer = await world.open("client");
    expect(await (await consumer.refer(Other)).echo("x")).toBe("x");
  });

  test("leave nothing served when one of several protocols cannot serve", async () => {
    const world = new World();
    await using app = await world.open("app");
    const unknown = app.export(Echo, echo, { protocols: ["dubbo", "rest"] });
    await expect(unknown).rejects.toMatchObject({ code: "UNKNOWN_PROTOCOL" });
    expect([...world.wire.ports.values()].flatMap((services) => [...services.keys()])).toEqual([]);
  });

  test("leave the instance its identity when the service that brought its port goes", async () => {
    const world = new World();
    const protocols = { a: { name: "dubbo", port: 11 }, b: { name: "dubbo", port: 12 } };
    await using app = await world.open("app", { protocols });
    const first = await app.export(Echo, echo, { protocols: ["b"] });
    await app.export(Other, echo, { protocols: ["a"] });
    await app.start();
    expect((await world.instancesOf("app"))[0]).toMatchObject({
      id: "127.0.0.1:12",
      metadataService: { port: 11 },
    });
    await first[Symbol.asyncDispose]();
    expect((await world.instancesOf("app")).map(({ id }) => id)).toEqual(["127.0.0.1:12"]);
  });

  test("can be withdrawn: the others stay, and the last one takes the instance with it", async () => {
    const world = new World();
    await using app = await world.open("app");
    const first = await app.export(Echo, echo);
    const second = await app.export(Other, echo);
    await app.start();
    const [before] = await world.instancesOf("app");
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    const [after] = await world.instancesOf("app");
    expect(after?.revision).not.toBe(before?.revision);
    await second[Symbol.asyncDispose]();
    expect(await world.instancesOf("app")).toEqual([]);
    await first.update({ weight: 3 }); // of what is gone: changes nothing
    expect(await world.instancesOf("app")).toEqual([]);
  });

  test("refuse changes out of range and keep what they had", async () => {
    const world = new World();
    await using app = await world.open("app");
    const handle = await app.export(Echo, echo, { weight: 10 });
    await app.start();
    await expect(handle.update({ weight: -1 })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    const [before] = await world.instancesOf("app");
    await handle.update({ weight: 20 });
    await handle.update({ weight: 10 });
    expect((await world.instancesOf("app"))[0]?.revision).toBe(before?.revision);
  });
});

describe("a reference", () => {
  test("with `check` says soon that nobody is known to provide it, and waits for an application that does", async () => {
    const clock = fakeClock();
    const world = new World();
    await using app = await world.open("client", {}, { runtime: { ...testRuntime(), clock } });
    let outcome: unknown;
    const end = (error: unknown) => (outcome = error);
    app.refer(Echo).then(end, end);
    await clock.advance(900);
    expect(outcome).toBeUndefined();
    await clock.advance(200);
    await waitFor(() => hasCode(outcome, "NO_PROVIDER"));

    outcome = undefined;
    app.refer(Echo, { providedBy: "later" }).then(end, end);
    await clock.advance(4_000);
    expect(outcome).toBeUndefined();
    await using provider = await world.open("later");
    await provider.export(Echo, echo);
    await provider.start();
    await waitFor(() => outcome !== undefined);
    expect(await (outcome as Client<typeof Echo>).echo("x")).toBe("x");
  });

  test("with `check` says after five seconds what is missing; without it the call says so", async () => {
    const clock = fakeClock();
    const world = new World();
    await using app = await world.open("client", {}, { runtime: { ...testRuntime(), clock } });
    const outcome = app.refer(Echo).catch((error: unknown) => error);
    await clock.advance(5_000);
    expect(hasCode(await outcome, "NO_PROVIDER", "PROVIDERS_PENDING")).toBe(true);
    expect(String(await outcome)).toContain("org.example.Echo");
    const client = await app.refer(Echo, { check: false, timeoutMs: 100, retries: 0 });
    const call = client.echo("x").catch((error: unknown) => error);
    await clock.advance(100);
    expect(hasCode(await call, "NO_PROVIDER", "PROVIDERS_PENDING")).toBe(true);
  });

  test("ends with its signal, also while it waits, and hundreds may share one", async () => {
    const world = new World();
    await using provider = await world.open("app");
    await provider.export(Echo, echo);
    await provider.start();
    await using app = await world.open("client");
    const controller = new AbortController();
    const { signal } = controller;
    const clients = await Promise.all(Array.from({ length: 100 }, () => app.refer(Echo, { signal })));
    const waiting = app.refer(Other, { signal }).catch((error: unknown) => error);
    await Promise.all(clients.map((client) => client.echo("x")));
    expect(getEventListeners(signal, "abort").length).toBeLessThan(10); // more look like a leak to Node
    controller.abort(new Error("enough"));
    expect(String(await waiting)).toBe("Error: enough");
    await waitFor(() =>
      clients[0]!.echo("x").then(
        () => false,
        (error: unknown) => hasCode(error, "NO_PROVIDER"),
      ),
    );
    await expect(app.refer(Echo, { signal })).rejects.toThrow("enough");
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("calls those methods one way that the reference says are so", async () => {
    const world = new World();
    await using provider = await world.open("app");
    await provider.export(Echo, echo);
    await provider.start();
    await using app = await world.open("client");
    const ways: boolean[] = [];
    const seen: Filter = (next) => ({
      invoke: (call) => {
        ways.push(call.oneway);
        return next.invoke(call);
      },
    });
    const plain = await app.refer(Echo, { filters: [seen] });
    const oneway = await app.refer(Echo, { filters: [seen], methods: { echo: { oneway: true } } });
    await plain.echo("x");
    await oneway.echo("x");
    expect(ways).toEqual([false, true]);
  });

  test("runs the filters of the application around its own, and sends its attachments", async () => {
    const world = new World();
    const trail: string[] = [];
    const named = (name: string) => (next: { invoke(call: never): Promise<unknown> }) => ({
      invoke: (call: never) => {
        trail.push(name);
        return next.invoke(call);
      },
    });
    await using provider = await world.open("app", {}, { filters: { provider: [named("P1"), named("P2")] } });
    await provider.export(Echo, echo, { filters: [named("service")] });
    await provider.start();
    await using app = await world.open("client", {}, { filters: { consumer: [named("C1")] } });
    const client = await app.refer(Echo, { filters: [named("reference")], attachments: { a: "1" } });
    expect(await client.echo("x")).toBe("x");
    expect(trail).toEqual(["C1", "reference", "P1", "P2", "service"]);
  });

  test("uses the cluster and the numbers that the provider publishes", async () => {
    const world = new World();
    await using provider = await world.open("app", {
      provider: { cluster: "failfast", timeout: "50ms", retries: 5 },
    });
    let calls = 0;
    const slow = {
      echo: () => {
        calls += 1;
        throw new RpcError("CONNECTION_LOST", "cut");
      },
    };
    await provider.export(Echo, slow);
    await provider.start();
    await using app = await world.open("client");
    await expect((await app.refer(Echo)).echo("x")).rejects.toThrow("cut");
    expect(calls).toBe(1);
  });
});

describe("registries", () => {
  const scripted: RegistryFactory = async () => {
    const registry = new ScriptedRegistry();
    return {
      registry,
      metadataReport: undefined,
      loopbackOnly: false,
      [Symbol.asyncDispose]: async () => {},
    };
  };

  async function open(config: object, chosen?: string) {
    const world = new World();
    const loaded = await loadConfig({ application: { name: "app" }, ...config }, { env: {} });
    const factories = { memory: world.memory, local: world.memory, plain: scripted };
    return openRegistries(
      loaded,
      chosen,
      factories,
      { ...systemRuntime, log: silentLogger },
      new DisposalScope(),
    );
  }

  test("are the embedded one where nothing is configured, and the chosen one instead of all that are", async () => {
    expect(await open({})).toMatchObject({ loopbackOnly: true, check: true });
    const chosen = await open({ registries: { a: "nowhere://x:1" } }, "memory://?check=false&register=false");
    expect(chosen.registering).toEqual([]);
    expect(chosen.subscribed).toHaveLength(1);
    expect(chosen.check).toBe(false);
  });

  test("of other namespaces and groups are other places, of which the disk keeps separate memories", async () => {
    const { places } = await open({
      registries: {
        plain: "memory://",
        dev: { address: "memory://", namespace: "dev" },
        blue: "memory://?group=blue&namespace=dev",
        none: { address: "memory://", subscribe: false },
      },
    });
    expect(places).toEqual([
      "memory://",
      'memory:// {"namespace":"dev"}',
      'memory:// {"namespace":"dev","group":"blue"}',
    ]);
  });

  test("register, subscribe and keep metadata as each of them says", async () => {
    const registries = {
      a: { address: "memory://", subscribe: false, check: false },
      b: { address: "plain://h:1", register: false },
      c: { address: "memory://", "use-as-metadata-report": false },
    };
    const opened = await open({ registries });
    expect(opened.registering.map(({ name }) => name)).toEqual(["memory://", "memory://"]);
    expect(opened.subscribed.map(({ name }) => name)).toEqual(["scripted://", "memory://"]);
    expect(opened.reports).toHaveLength(1);
    expect(opened).toMatchObject({ loopbackOnly: false, check: true });
  });

  test("give way to a metadata report of its own, which must be one", async () => {
    expect(
      (await open({ registries: { a: "memory://" }, "metadata-report": "memory://" })).reports,
    ).toHaveLength(1);
    const none = open({ registries: { a: "memory://" }, "metadata-report": "plain://u:secret@h:1" });
    await expect(none).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.not.stringContaining("secret") as string,
    });
    await expect(open({}, "odd://h:1")).rejects.toThrow(
      'unknown registry scheme "odd"; known: local, memory, plain',
    );
  });

  test("by URL take user, password, group and namespace from it", () => {
    expect(plainRegistry("plain://u:p@h:1?group=g&namespace=n&subscribe=false")).toMatchObject({
      username: "u",
      password: "p",
      group: "g",
      namespace: "n",
      subscribe: false,
      check: true,
    });
  });
});

describe("a stop by signal", () => {
  function source() {
    const listeners = new Map<string, Set<(signal: NodeJS.Signals) => void>>();
    const exits: number[] = [];
    const of = (signal: string) => listeners.get(signal) ?? listeners.set(signal, new Set()).get(signal)!;
    const fake: SignalSource = {
      on: (signal, listener) => of(signal).add(listener),
      off: (signal, listener) => of(signal).delete(listener),
      exit: (code) => void exits.push(code),
    };
    return {
      fake,
      exits,
      count: () => of("SIGTERM").size,
      send: (signal: NodeJS.Signals) => of(signal).forEach((one) => one(signal)),
    };
  }

  test("happens once, ends the process with 0, and says so", async () => {
    const { fake, exits, send } = source();
    const log = recordingLogger();
    let stops = 0;
    stopOnSignals(["SIGTERM", "SIGINT"], async () => void (stops += 1), log, fake);
    send("SIGTERM");
    send("SIGINT");
    await waitFor(() => exits.length > 0);
    expect({ stops, exits }).toEqual({ stops: 1, exits: [0] });
    expect(log.entries).toEqual([{ level: "info", fields: { signal: "SIGTERM" }, message: "stopping" }]);
  });

  test("that fails ends it with 1, and is not listened for after a stop by hand", async () => {
    const failing = source();
    stopOnSignals(["SIGTERM"], () => Promise.reject(new Error("no")), silentLogger, failing.fake);
    failing.send("SIGTERM");
    await waitFor(() => failing.exits.length > 0);
    expect(failing.exits).toEqual([1]);
    const quiet = source();
    stopOnSignals(["SIGTERM"], async () => {}, silentLogger, quiet.fake)();
    expect(quiet.count()).toBe(0);
  });

  test("is bounded: what hangs is left behind after the limit", async () => {
    const runtime = testRuntime();
    const hanging = bounded(new Promise(() => {}), 30_000, runtime);
    await runtime.clock.advance(29_999);
    expect(runtime.log.entries).toEqual([]);
    await runtime.clock.advance(1);
    await hanging;
    expect(runtime.log.entries).toHaveLength(1);
    await bounded(Promise.resolve(), 30_000, runtime);
    await expect(bounded(Promise.reject(new Error("no")), 30_000, runtime)).rejects.toThrow("no");
    expect(runtime.clock.pendingTimers).toBe(0);
  });
});
