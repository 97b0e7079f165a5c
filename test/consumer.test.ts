import { mkdtemp, rm } from "node:fs/promises";
import { getEventListeners } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Application,
  callContext,
  createApplication,
  type CreateApplicationOptions,
  defineService,
  echo,
  java,
  memoryCenters,
  method,
  RemoteException,
} from "dubbo-ts";
import { MemoryRegistryStore, memoryRegistry } from "@dubbo-ts/discovery";
import { memoryMetadataReport, MetadataStore } from "@dubbo-ts/metadata";
import { zooKeeperAvailable, realServer, startZooKeeper, waitFor } from "@dubbo-ts/testkit";

const Users = defineService("org.example.Users", {
  find: method([java.long()], java.string()),
  slow: method([java.int()], java.string()),
  fail: method([java.string()], java.string()),
  context: method([], java.map(java.string(), java.string())),
});

/** An implementation that counts its calls, and says whose it is. */
class UsersImpl {
  calls = 0;

  constructor(readonly name = "only") {}

  find(id: bigint): string {
    this.calls += 1;
    return `${this.name}:${id}`;
  }

  async slow(ms: number): Promise<string> {
    this.calls += 1;
    await new Promise((resolve) => setTimeout(resolve, ms));
    return this.name;
  }

  fail(message: string): string {
    this.calls += 1;
    throw new RemoteException("org.example.BusinessException", message);
  }

  context(): Map<string, string> {
    const { attachments, responseAttachments } = callContext();
    responseAttachments.set("seen-by", this.name);
    return new Map(attachments);
  }
}

/** Applications that share registries in memory; all of them end with the test. */
class World implements AsyncDisposable {
  readonly memory = memoryCenters();
  readonly #open: Application[] = [];

  async app(
    name: string,
    config: object = {},
    more: Partial<CreateApplicationOptions> = {},
  ): Promise<Application> {
    const app = await createApplication({
      name,
      registry: "memory://",
      memory: this.memory,
      config: {
        protocols: { dubbo: { port: 0, host: "127.0.0.1" } },
        logger: { level: "silent" },
        shutdown: { grace: 0 },
        cache: { enabled: false },
        ...config,
      },
      env: {},
      ...more,
    });
    this.#open.push(app);
    return app;
  }

  /** A started provider of {@link Users}. */
  async users(name: string, options = {}, config = {}): Promise<UsersImpl & { app: Application }> {
    const app = await this.app(name, config);
    const implementation = Object.assign(new UsersImpl(name), { app });
    await app.export(Users, implementation, options);
    await app.start();
    return implementation;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const app of this.#open.reverse()) await app.stop();
  }
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no error",
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  );
}

async function msOf(work: Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work.catch(() => {});
  return performance.now() - before;
}

describe("a reference of the configuration", () => {
  test("takes effect with every key, and another interface is not touched by it", async () => {
    await using world = new World();
    const v1 = await world.users("users-v1", { version: "1.0.0", group: "blue" });
    const v2 = await world.users("users-v2", { version: "2.0.0" });
    const references = {
      Users: {
        interface: Users.serviceInterface,
        version: "1.0.0",
        group: "blue",
        "provided-by": "users-v1",
        protocol: "dubbo",
        timeout: "2s",
        retries: 0,
        loadbalance: "roundrobin",
        check: true,
        methods: { slow: { timeout: "60ms" } },
      },
    };
    const app = await world.app("client", { consumer: { references } });
    const users = await app.refer(Users);
    expect(await users.find(1n)).toBe("users-v1:1");
    const spent = await msOf(users.slow(400));
    expect(spent).toBeGreaterThan(50);
    expect(spent).toBeLessThan(350);
    expect(v1.calls).toBe(2); // not repeated: retries 0
    expect(await (await app.refer(Users, { version: "2.0.0", group: "" })).find(2n)).toBe("users-v2:2");
    expect(v2.calls).toBe(1);
  });

  test("with a load balancer spreads calls as that one does", async () => {
    await using world = new World();
    const providers = [await world.users("users-a"), await world.users("users-b")];
    const consumer = { references: { u: { interface: Users.serviceInterface, loadbalance: "roundrobin" } } };
    const users = await (await world.app("client", { consumer })).refer(Users);
    await waitFor(async () => new Set([await users.find(0n), await users.find(0n)]).size === 2);
    for (const provider of providers) provider.calls = 0;
    for (let call = 0; call < 20; call++) await users.find(1n);
    expect(providers.map(({ calls }) => calls)).toEqual([10, 10]);
  });

  test.each(["text", "list"])(
    "with provided-by as a %s needs no mapping, and follows it all the same",
    async (kind) => {
      await using world = new World();
      const named = await world.users("named-app");
      const center = [...world.memory.values()][0]!;
      await using report = memoryMetadataReport(center.metadata);
      const signal = AbortSignal.timeout(5_000);
      // The mapping is lost: only the name leads there.
      const mapped = await report.readMapping(Users.serviceInterface, signal);
      await report.writeMapping(Users.serviceInterface, { ...mapped, applications: new Set() }, signal);
      const providedBy = kind === "text" ? "named-app,not-there" : ["named-app", "not-there"];
      const consumer = {
        references: { u: { interface: Users.serviceInterface, "provided-by": providedBy } },
      };
      const users = await (await world.app("client", { consumer })).refer(Users);
      expect(await users.find(1n)).toBe("named-app:1");
      await world.users("mapped-app");
      await waitFor(async () => (await users.find(2n)) === "mapped-app:2", {
        what: "an answer of the mapped one",
      });
      await named.app.stop();
      expect(await users.find(3n)).toBe("mapped-app:3");
    },
  );

  test("without `check` opens at once, and works as soon as there is a provider", async () => {
    await using world = new World();
    const app = await world.app("client", {
      consumer: { check: false, references: { u: { interface: Users.serviceInterface } } },
    });
    let users!: Awaited<ReturnType<typeof app.refer<typeof Users>>>;
    expect(await msOf((async () => void (users = await app.refer(Users)))())).toBeLessThan(200);
    const early = codeOf(users.find(1n, { timeoutMs: 300 }));
    expect(["NO_PROVIDER", "PROVIDERS_PENDING"]).toContain(await early);
    await world.users("late-app");
    await waitFor(async () => (await users.find(1n)) === "late-app:1");
  });
});

describe("a call", () => {
  test("without a definition goes by $invoke, and $echo answers either way", async () => {
    await using world = new World();
    await world.users("users");
    const app = await world.app("client");
    const generic = await app.refer("org.example.Users");
    expect(await generic.invoke("find", [7n])).toBe("users:7");
    const failure = await generic.invoke("fail", ["no"]).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "REMOTE_EXCEPTION", className: "org.example.BusinessException" });
    expect(await codeOf(generic.invoke("nonsense", []))).toBe("METHOD_NOT_FOUND");
    expect(await generic.$echo("hi")).toBe("hi");
    expect(await echo(await app.refer(Users), "there")).toBe("there");
  });

  test("carries attachments both ways, those of the reference and its own", async () => {
    await using world = new World();
    await world.users("users");
    const users = await (await world.app("client")).refer(Users, {
      attachments: { tenant: "a", trace: "0" },
    });
    let back: ReadonlyMap<string, string> | undefined;
    const seen = await users.context({
      attachments: { trace: "1" },
      onAttachments: (attachments) => {
        back = attachments;
      },
    });
    expect(Object.fromEntries(seen)).toMatchObject({ tenant: "a", trace: "1" });
    expect(back?.get("seen-by")).toBe("users");
  });

  test("ends with its signal, with its own timeout and with that of its method", async () => {
    await using world = new World();
    const provider = await world.users(
      "users",
      {},
      {
        provider: {
          services: {
            u: { interface: Users.serviceInterface, retries: 0, methods: { slow: { timeout: "80ms" } } },
          },
        },
      },
    );
    const app = await world.app("client");
    const users = await app.refer(Users);
    // The provider publishes the timeout of the method: the consumer says nothing, so it holds.
    expect(await codeOf(users.slow(500))).toBe("CALL_TIMEOUT");
    expect(await msOf(users.slow(500, { timeoutMs: 40 }))).toBeLessThan(300);
    const controller = new AbortController();
    const call = users.slow(500, { signal: controller.signal, timeoutMs: 5_000 });
    await waitFor(() => provider.calls === 3);
    controller.abort(new Error("changed my mind"));
    await expect(call).rejects.toThrow("changed my mind");
    const aborted = AbortSignal.abort(new Error("never begun"));
    await expect(users.find(1n, { signal: aborted })).rejects.toThrow("never begun");
    expect(provider.calls).toBe(3);
  });

  test("may share its signal with hundreds", async () => {
    await using world = new World();
    await world.users("users");
    const users = await (await world.app("client")).refer(Users);
    const { signal } = new AbortController();
    const calls = Array.from({ length: 200 }, () => users.slow(20, { signal }));
    // Node warns of a leak where there are more than these.
    const limit = Object.getOwnPropertySymbols(signal).find(
      (one) => one.description === "events.maxEventTargetListeners",
    );
    expect((signal as unknown as Record<symbol, unknown>)[limit!]).toBe(0); // as many as there are
    await Promise.all(calls);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("that the method refuses is answered once, by every cluster; one that is silent is repeated by failover only", async () => {
    await using world = new World();
    const providers = [await world.users("users-a"), await world.users("users-b")];
    const count = () => providers.reduce((sum, { calls }) => sum + calls, 0);
    const app = await world.app("client");
    for (const [cluster, silent] of [
      ["failover", 3],
      ["failfast", 1],
      ["failsafe", 1],
    ] as const) {
      const users = await app.refer(Users, { cluster, timeoutMs: 200 });
      await waitFor(async () => new Set([await users.find(0n), await users.find(0n)]).size === 2);
      for (const provider of providers) provider.calls = 0;
      const error = await users.fail("no").catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "REMOTE_EXCEPTION",
        className: "org.example.BusinessException",
        detail: "no",
      });
      expect(count()).toBe(1);
      const outcome = await users.slow(1_000).catch((reason: unknown) => (reason as { code: unknown }).code);
      expect(outcome).toBe(cluster === "failsafe" ? undefined : "CALL_TIMEOUT");
      // The last one may be on its way still.
      await waitFor(() => count() >= 1 + silent);
      expect(count()).toBe(1 + silent);
    }
  });

  test("within one process takes no socket, with copies, time limits and filters", async () => {
    await using world = new World();
    const Notes = defineService("org.example.Notes", {
      keep: method([java.list(java.string())], java.list(java.string())),
      slow: method([], java.string()),
    });
    const kept: string[][] = [];
    const trail: string[] = [];
    const app = await world.app(
      "both",
      {},
      {
        filters: {
          provider: [
            (next) => ({ invoke: (call) => (trail.push(`in ${call.peer?.address}`), next.invoke(call)) }),
          ],
          consumer: [(next) => ({ invoke: (call) => (trail.push("out"), next.invoke(call)) })],
        },
      },
    );
    await app.export(Notes, {
      keep: (list) => (kept.push(list), list),
      slow: () => new Promise(() => {}),
    });
    await app.start();
    const notes = await app.refer(Notes);
    const mine = ["a"];
    const answer = await notes.keep(mine);
    mine.push("changed by the caller");
    answer.push("changed by the caller too");
    expect(kept).toEqual([["a"]]);
    expect(trail).toEqual(["out", "in local"]);
    expect(await codeOf(notes.slow({ timeoutMs: 50 }))).toBe("CALL_TIMEOUT");
    expect(await codeOf(notes.keep("x" as never))).toBe("INVALID_ARGUMENT");
  });
});

describe("finding providers", () => {
  test("does not wait for one that cannot be reached: a dead address among two", async () => {
    await using world = new World();
    await world.users("users");
    const [center] = world.memory.values();
    await using registry = memoryRegistry(center!.instances);
    const [alive] = await registry.get("users", AbortSignal.timeout(1_000));
    // Same revision, and an address that answers nothing (TEST-NET-1, RFC 5737); its port never opens.
    const dead = { ...alive!, host: "192.0.2.1", id: `192.0.2.1:${alive!.port}` };
    await using _ = await registry.register(dead, AbortSignal.timeout(1_000));
    const app = await world.app("client");
    const before = performance.now();
    const users = await app.refer(Users);
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(await users.find(1n, { timeoutMs: 8_000 })).toBe("users:1");
  });

  test("keeps two revisions side by side, each with what it offers", async () => {
    await using world = new World();
    const Extra = defineService("org.example.Extra", { ping: method([], java.string()) });
    const old = await world.users("rolling");
    const fresh = await world.app("rolling");
    await fresh.export(Users, new UsersImpl("new"));
    await fresh.export(Extra, { ping: () => "pong" });
    await fresh.start();
    const app = await world.app("client");
    const [users, extra] = [await app.refer(Users), await app.refer(Extra)];
    const answers = new Set<string>();
    await waitFor(async () => answers.add(await users.find(1n)).size === 2);
    expect([...answers].sort((a, b) => a.localeCompare(b))).toEqual(["new:1", "rolling:1"]);
    for (let call = 0; call < 20; call++) expect(await extra.ping()).toBe("pong");
    await old.app.stop();
    expect(await users.find(2n)).toBe("new:2");
  });

  test("costs one subscription an application and one fetch a revision, whatever the number of interfaces and instances", async () => {
    await using world = new World();
    const interfaces = Array.from({ length: 12 }, (_, index) =>
      defineService(`org.example.Many${index}`, { ping: method([], java.string()) }),
    );
    const asked = jest.spyOn(MetadataStore.prototype, "lookup"); // by every provider, for each question
    let port = 0;
    for (let instance = 1; instance <= 5; instance++) {
      // The port is part of what is offered: only where it is the same, the revision is.
      const protocols = { dubbo: { host: `127.0.0.${instance}`, port } };
      const app = await world.app("many", { protocols });
      for (const definition of interfaces) {
        const { addresses } = await app.export(definition, { ping: () => "pong" });
        port = addresses[0]!.port;
      }
      await app.start();
    }
    const subscribed = jest.spyOn(MemoryRegistryStore.prototype, "follow");
    const app = await world.app("client");
    const clients = await Promise.all(interfaces.map((definition) => app.refer(definition)));
    expect(await Promise.all(clients.map((client) => client.ping()))).toEqual(interfaces.map(() => "pong"));
    expect(subscribed.mock.calls.map(([application]) => application)).toEqual(["many"]);
    subscribed.mockRestore();
    expect(asked.mock.calls).toHaveLength(1);
    asked.mockRestore();
  });
});

realServer("a consumer whose ZooKeeper is down", zooKeeperAvailable(), () => {
  test("starts with what the disk remembers, and recovers when it is back", async () => {
    const directory = await mkdtemp(join(tmpdir(), "consumer-cache-"));
    await using server = await startZooKeeper();
    const registry = `zookeeper://${server.address}`;
    const open = (name: string, config: object = {}) =>
      createApplication({
        name,
        registry,
        config: {
          protocols: { dubbo: { port: 0, host: "127.0.0.1" } },
          logger: { level: "silent" },
          shutdown: { grace: 0 },
          cache: { directory },
          ...config,
        },
        env: {},
      });
    try {
      await using provider = await open("zk-users");
      await provider.export(Users, new UsersImpl("zk"));
      await provider.start();
      const first = await open("zk-client");
      expect(await (await first.refer(Users)).find(1n)).toBe("zk:1");
      await first.stop();
      await server.kill("SIGKILL");
      await using second = await open("zk-client");
      const before = performance.now();
      const users = await second.refer(Users);
      expect(await users.find(2n)).toBe("zk:2");
      expect(performance.now() - before).toBeLessThan(3_000);
      await server.restart();
      await using other = await open("zk-users");
      await other.export(Users, new UsersImpl("zk-other"));
      await other.start();
      await waitFor(async () => (await users.find(3n)) === "zk-other:3", {
        timeoutMs: 20_000,
        what: "the new provider",
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});
