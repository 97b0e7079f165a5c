import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Application,
  createApplication,
  type CreateApplicationOptions,
  defineService,
  java,
  type Logger,
  memoryCenters,
  method,
} from "dubbo-ts";
import type { ServiceInstance } from "@dubbo-ts/core";
import { memoryRegistry } from "@dubbo-ts/discovery";
import {
  memoryMetadataReport,
  metadataServiceClientDefinition,
  metadataServiceKey,
} from "@dubbo-ts/metadata";
import {
  faultProxy,
  zooKeeperAvailable,
  Load,
  realServer,
  recordingLogger,
  sampleInstance,
  seededRandom,
  startZooKeeper,
  waitFor,
} from "@dubbo-ts/testkit";
import {} from "./programs.js";

const User = java.object("org.example.User", { id: java.long(), tags: java.list(java.string()) });
const Users = defineService("org.example.Users", {
  save: method([User], User),
  find: method([java.long()], java.string()),
});
const users = { save: (user: { id: bigint; tags: string[] }) => user, find: (id: bigint) => `user ${id}` };

/** Applications and centers in memory, all closed at the end. */
class World implements AsyncDisposable {
  readonly memory = memoryCenters();
  readonly #open: AsyncDisposable[] = [];

  async app(name: string, config: object = {}, log?: Logger): Promise<Application> {
    const options: CreateApplicationOptions = {
      name,
      memory: this.memory,
      config: {
        registries: { m: "memory://" },
        protocols: { dubbo: { port: 0, host: "127.0.0.1" } },
        logger: { level: "silent" },
        shutdown: { grace: 0 },
        cache: { enabled: false },
        ...config,
      },
      env: {},
    };
    const app = await createApplication({ ...options, ...(log !== undefined && { log }) });
    this.#open.push(app);
    return app;
  }

  async provider(name = "good-app", options = {}): Promise<{ app: Application; port: number }> {
    const app = await this.app(name);
    const { addresses } = await app.export(Users, users, options);
    await app.start();
    return { app, port: addresses[0]!.port };
  }

  /** Puts a record into the registry, whatever it says. */
  async register(instance: ServiceInstance): Promise<void> {
    const registry = memoryRegistry([...this.memory.values()][0]!.instances);
    this.#open.push(registry);
    await registry.register(instance, AbortSignal.timeout(1_000));
  }

  /** Says that `applications` provide an interface, beside those that do. */
  async map(serviceInterface: string, ...applications: string[]): Promise<void> {
    await using report = memoryMetadataReport([...this.memory.values()][0]!.metadata);
    const signal = AbortSignal.timeout(1_000);
    const record = await report.readMapping(serviceInterface, signal);
    const next = { ...record, applications: new Set([...record.applications, ...applications]) };
    expect(await report.writeMapping(serviceInterface, next, signal)).toBe(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#open.reverse()) await one[Symbol.asyncDispose]();
  }
}

async function errorOf(
  work: Promise<unknown>,
): Promise<{ code: string; message: string; cause?: unknown; nearMisses?: string[] }> {
  return work.then(
    () => Promise.reject(new Error("nothing was thrown")),
    (error: unknown) => error as never,
  );
}

describe("a configuration", () => {
  test("that is wrong is refused with file, line and key; nothing is opened", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bad-config-"));
    try {
      const file = join(folder, "dubbo.yaml");
      await writeFile(file, "application: a\nconsumer:\n  timeout: 3s\n  referenzes: {}\n");
      const error = await errorOf(createApplication({ config: file, env: {} }));
      expect(error.code).toBe("CONFIG_INVALID");
      expect(error.message).toMatch(/dubbo\.yaml:4:\d+: consumer: unknown key "referenzes".*references/);
      await writeFile(
        file,
        "application: a\nconsumer:\n  timeout: 3 sec\nprotocols:\n  dubbo: { port: 99999 }\n",
      );
      const values = await errorOf(createApplication({ config: file, env: {} }));
      expect(values.code).toBe("CONFIG_INVALID");
      expect(values.message).toMatch(
        /dubbo\.yaml:3:\d+: consumer\.timeout.*dubbo\.yaml:5:\d+: protocols\.dubbo\.port/s,
      );
      await writeFile(file, "application: [a\n");
      expect(await errorOf(createApplication({ config: file, env: {} }))).toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringMatching(/dubbo\.yaml:\d+:\d+/) as string,
      });
      expect((await errorOf(createApplication({ config: join(folder, "none.yaml"), env: {} }))).code).toBe(
        "CONFIG_NOT_FOUND",
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("that names an unknown registry or protocol is told which there are", async () => {
    await using world = new World();
    const registry = await errorOf(world.app("a", { registries: { r: "mars://127.0.0.1:1" } }));
    expect(registry).toMatchObject({
      code: "UNKNOWN_REGISTRY",
      message: expect.stringContaining("memory") as string,
    });
    const protocol = await errorOf(world.app("a", { protocols: { rest: { port: 1 } } }));
    expect(protocol).toMatchObject({
      code: "UNKNOWN_PROTOCOL",
      message: expect.stringContaining("dubbo") as string,
    });
  });
});

test("a port in use fails the export with host and port, and the application can go on with another", async () => {
  await using world = new World();
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const { port } = squatter.address() as AddressInfo;
  try {
    const protocols = {
      taken: { name: "dubbo", host: "127.0.0.1", port },
      free: { name: "dubbo", host: "127.0.0.1", port: 0 },
    };
    const app = await world.app("port-app", { protocols });
    const error = await errorOf(app.export(Users, users, { protocols: ["taken"] }));
    expect(error).toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(String(port)) as string,
    });
    await app.export(Users, users, { protocols: ["free"] });
    await app.start();
    expect(await (await (await world.app("client")).refer(Users)).find(1n)).toBe("user 1");
  } finally {
    squatter.close();
  }
});

realServer("a registry that cannot be reached at the start", zooKeeperAvailable(), () => {
  test("fails it in time with `check`; without, the provider is registered when it can be", async () => {
    await using server = await startZooKeeper();
    await using proxy = await faultProxy({ host: server.host, port: server.port });
    await proxy.setMode("refuse");
    await using world = new World();
    const registry = (check: boolean) => ({
      registries: { zk: { address: `zookeeper://${proxy.address}`, timeout: "400ms", check } },
    });
    const strict = await world.app("strict-app", registry(true));
    await strict.export(Users, users);
    const before = performance.now();
    expect((await errorOf(strict.start())).code).toBe("REGISTRY_UNAVAILABLE");
    expect(performance.now() - before).toBeLessThan(2_000);
    await strict.stop();
    const log = recordingLogger();
    const patient = await world.app("patient-app", registry(false), log);
    await patient.export(Users, users);
    await patient.start();
    expect(log.entries.map(({ message }) => message).join()).toContain("background");
    await proxy.setMode("pass");
    const client = await world.app("client", registry(true));
    await waitFor(
      () => client.refer(Users, { check: false }).then((one) => one.find(1n, { timeoutMs: 1_000 })),
      {
        timeoutMs: 20_000,
        what: "the provider that was registered late",
      },
    );
  }, 40_000);
});

describe("metadata of a provider", () => {
  const revision = "0123456789abcdef0123456789abcdef";
  const answers: [string, unknown][] = [
    ["text that is no JSON", "{"],
    ["an object without services", { revision }],
    ["services that are none", { app: "liar", revision, services: new Map([["x", 5]]) }],
    ["that of another revision", { app: "liar", revision: "f".repeat(32), services: new Map() }],
    ["nothing", null],
    ["9 MiB", "x".repeat(9 * 1024 * 1024)],
  ];

  test.each(answers)(
    "that is %s leaves out that provider only, and says so where there is no other",
    async (what, answer) => {
      await using world = new World();
      await world.provider("good-app");
      const liar = await world.app("liar");
      const { group, version } = metadataServiceKey("liar");
      const options = { ...(group !== undefined && { group }), ...(version !== undefined && { version }) };
      const handle = await liar.export(
        metadataServiceClientDefinition,
        { getMetadataInfo: () => answer },
        options,
      );
      const { port } = handle.addresses[0]!;
      await world.register(
        sampleInstance({
          application: "liar",
          host: "127.0.0.1",
          port,
          revision,
          metadataService: { protocol: "dubbo", port, version: "1.0.0" },
        }),
      );
      await world.map(Users.serviceInterface, "liar");
      await world.map("org.example.Lies", "liar");
      const client = await world.app("client");
      const both = await client.refer(Users);
      for (let call = 0; call < 20; call++) expect(await both.find(1n)).toBe("user 1");
      const lies = await client.refer("org.example.Lies", { check: false });
      const error = await errorOf(lies.invoke("x", [], { timeoutMs: 3_000 }));
      expect(error).toMatchObject({
        code: what === "services that are none" ? "NO_PROVIDER" : "DISCOVERY_FAILED",
        message: expect.stringContaining("liar") as string,
      });
      expect(await both.find(2n)).toBe("user 2");
    },
  );
});

test("instances by Spring Cloud, broken ones and applications that nobody knows disturb nobody", async () => {
  await using world = new World();
  await world.provider("good-app");
  const spring = {
    revision: undefined,
    ports: {},
    metadataService: undefined,
    labels: { "preserved.register.source": "SPRING_CLOUD" },
  };
  await world.register(sampleInstance({ application: "spring-app", ...spring }));
  await world.register(sampleInstance({ application: "good-app", host: "10.9.9.9", ...spring }));
  await world.map(Users.serviceInterface, "spring-app", "ghost-app");
  await world.map("org.example.Haunted", "spring-app", "ghost-app");
  const client = await world.app("client");
  const good = await client.refer(Users);
  for (let call = 0; call < 20; call++) expect(await good.find(1n)).toBe("user 1");
  const haunted = await client.refer("org.example.Haunted", { check: false });
  const error = await errorOf(haunted.invoke("x", [], { timeoutMs: 1_000 }));
  expect(error.code).toBe("NO_PROVIDER");
  expect(error.message).toContain("ghost-app");
  expect(error.message).toContain("spring-app");
});

test.each([
  [{ version: "2.0.0" }, "blue/org.example.Users:1.0.0:dubbo"],
  [{ version: "1.0.0", group: "red" }, "blue/org.example.Users:1.0.0:dubbo"],
  [{ version: "1.0.0", group: "blue", protocol: "tri" }, "blue/org.example.Users:1.0.0:dubbo"],
])("asking for %j says what is offered instead", async (wrong, offered) => {
  await using world = new World();
  await world.provider("good-app", { version: "1.0.0", group: "blue" });
  const client = await world.app("client");
  const error = await errorOf((await client.refer(Users, { ...wrong, check: false })).find(1n));
  expect(error).toMatchObject({ code: "NO_PROVIDER", nearMisses: [offered] });
  expect(error.message).toContain("good-app");
  expect(error.message).toContain(offered);
  expect(await (await client.refer(Users, { version: "1.0.0", group: "blue" })).find(1n)).toBe("user 1");
});

test("values that do not fit are refused where they are, and calls beside them go on", async () => {
  await using world = new World();
  const app = await world.app("typed-app");
  const wrong = { ...users, find: () => 5 as never };
  await app.export(Users, wrong);
  await app.start();
  const client = await world.app("client");
  const typed = await client.refer(Users);
  const beside = Promise.all(Array.from({ length: 50 }, (_, id) => typed.save({ id: BigInt(id), tags: [] })));
  // At the caller: nothing is sent.
  expect(await errorOf(typed.save({ id: 1n, tags: ["a", 2 as never] }))).toMatchObject({
    code: "INVALID_ARGUMENT",
    path: "save.args[0].tags[1]",
  });
  // At the provider: what the method returned.
  const result = await errorOf(typed.find(1n));
  expect(result.message).toMatch(/find.*string/);
  expect(["INVALID_RESULT", "REMOTE_EXCEPTION", "PROVIDER_ERROR"]).toContain(result.code);
  // At the provider: what a caller without types sent.
  const generic = await client.refer(Users.serviceInterface);
  const argument = await errorOf(
    generic.invoke("save", [{ id: "one", tags: [] }], { parameterTypes: ["org.example.User"] }),
  );
  expect(argument.message).toMatch(/id/);
  expect(["INVALID_ARGUMENT", "REMOTE_EXCEPTION", "PROVIDER_ERROR"]).toContain(argument.code);
  expect((await beside).map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, id) => BigInt(id)));
});

describe("bytes that are no frames", () => {
  const header = (flags: number, length: number, status = 0): Buffer => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt16BE(0xdabb, 0);
    bytes[2] = flags;
    bytes[3] = status;
    bytes.writeUInt32BE(7, 8);
    bytes.writeUInt32BE(length, 12);
    return bytes;
  };
  const request = 0xc2;
  const random = seededRandom(1);
  const hostile: [string, Buffer][] = [
    ["a request over HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["bad magic", Buffer.concat([Buffer.from([0xda, 0xbc]), header(request, 0).subarray(2)])],
    ["a length over the limit", header(request, 0x7fffffff)],
    ["a negative length", header(request, 0xffffffff)],
    ["a body that never comes", Buffer.concat([header(request, 1_000), Buffer.from([5])])],
    [
      "a body that is cut off",
      Buffer.concat([header(request, 6), Buffer.from([0x05, 0x32, 0x2e, 0x30, 0x2e, 0x32])]),
    ],
    ["no body", header(request, 0)],
    ["an unknown serialization", Buffer.concat([header(0xc0 | 17, 4), Buffer.from("{}{}")])],
    ["an answer that nobody asked for", Buffer.concat([header(0x02, 1, 20), Buffer.from([0x94])])],
    [
      "nonsense for a body",
      Buffer.concat([header(request, 64), Buffer.from(Array.from({ length: 64 }, () => random() * 256))]),
    ],
    ["noise", Buffer.from(Array.from({ length: 4_096 }, () => random() * 256))],
  ];

  test("from any number of sockets disturb no call, and the provider lives on", async () => {
    await using world = new World();
    const { port } = await world.provider("raw-app");
    const client = await (await world.app("client")).refer(Users, { retries: 0 });
    const load = new Load(() => client.find(1n), 200);
    await waitFor(() => load.answered > 20);
    const sockets = await Promise.all(
      [...hostile, ...hostile, ...hostile].map(async ([, bytes]) => {
        const socket = connect({ host: "127.0.0.1", port });
        socket.on("error", () => {}); // reset by the provider: as it should be
        socket.resume();
        await once(socket, "connect");
        for (let at = 0; at < bytes.length; at += 7) socket.write(bytes.subarray(at, at + 7));
        return socket;
      }),
    );
    const at = load.answered;
    await waitFor(() => load.answered > at + 100);
    for (const socket of sockets) socket.destroy();
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(await client.find(2n)).toBe("user 2");
  });

  test("that say what is wrong get an answer with a status, and well-formed neighbours on the same connection theirs", async () => {
    await using world = new World();
    const { port } = await world.provider("raw-app");
    const socket = connect({ host: "127.0.0.1", port });
    const received: Buffer[] = [];
    socket.on("data", (data) => received.push(data));
    await once(socket, "connect");
    socket.write(Buffer.concat([header(0xc0 | 17, 4), Buffer.from("{}{}")])); // an unknown serialization
    socket.write(Buffer.concat([header(0xe2, 1), Buffer.from([0x4e])])); // a heartbeat
    await waitFor(() => Buffer.concat(received).length >= 16 + 16 + 1, { what: "two answers" });
    const answer = Buffer.concat(received);
    expect(answer.readUInt16BE(0)).toBe(0xdabb);
    expect(answer[3]).not.toBe(20);
    expect(answer.toString("latin1")).toMatch(/serialization/i);
    socket.destroy();
  });
});
