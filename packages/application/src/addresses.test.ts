import { loadConfig } from "@dubbo-ts/config";
import {
  ConfigError,
  DisposalScope,
  endpoint,
  type Runtime,
  serviceKey,
  systemRuntime,
} from "@dubbo-ts/core";
import {
  defineService,
  type Invocation,
  java,
  method,
  type Protocol,
  type ServedService,
  serveImplementation,
} from "@dubbo-ts/rpc";
import { chooseHosts } from "./advertised-host.js";
import { directEndpoints } from "./direct-endpoints.js";
import type { ProtocolFactory } from "./extensions.js";
import { LocalExports } from "./local-exports.js";
import { ProtocolTable } from "./protocols.js";

const Echo = defineService("org.example.Echo", { echo: method([java.string()], java.string()) });
const key = serviceKey(Echo.serviceInterface);
const served: ServedService = {
  key,
  definition: Echo,
  invoker: serveImplementation(Echo, { echo: (text) => text }, [], systemRuntime),
};

describe("the registered host", () => {
  const addresses = [
    { address: "127.0.0.1", family: "IPv4", internal: true },
    { address: "fe80::1", family: "IPv6", internal: false },
    { address: "10.0.0.7", family: "IPv4", internal: false },
    { address: "10.0.0.8", family: "IPv4", internal: false },
  ];
  const choose = (question: object) =>
    chooseHosts({ configured: undefined, loopbackOnly: false, env: {}, addresses, ...question });

  test.each([
    [{}, undefined, "10.0.0.7"],
    [{ addresses: [] }, undefined, "127.0.0.1"],
    [{ configured: "10.0.0.8" }, "10.0.0.8", "10.0.0.8"],
    [{ configured: "0.0.0.0" }, "0.0.0.0", "10.0.0.7"],
    [{ configured: "::" }, "::", "10.0.0.7"],
    [{ registered: "public.example" }, undefined, "public.example"],
    [{ configured: "10.0.0.8", registered: "public.example" }, "10.0.0.8", "public.example"],
    [{ env: { DUBBO_IP_TO_REGISTRY: "1.2.3.4" } }, undefined, "1.2.3.4"],
    [
      { configured: "10.0.0.8", registered: "other", env: { DUBBO_IP_TO_REGISTRY: "1.2.3.4" } },
      "10.0.0.8",
      "1.2.3.4",
    ],
    [{ env: { DUBBO_IP_TO_REGISTRY: "" } }, undefined, "10.0.0.7"],
    [{ loopbackOnly: true, configured: "0.0.0.0" }, "0.0.0.0", "127.0.0.1"],
    [{ loopbackOnly: true, configured: "10.0.0.8" }, "10.0.0.8", "10.0.0.8"],
    [{ loopbackOnly: true, configured: "127.0.0.1" }, "127.0.0.1", "127.0.0.1"],
    // An address that was told may be an outer one: then it must be listened on.
    [{ loopbackOnly: true, env: { DUBBO_IP_TO_REGISTRY: "1.2.3.4" } }, undefined, "1.2.3.4"],
    [{ loopbackOnly: true, registered: "127.0.0.1" }, "127.0.0.1", "127.0.0.1"],
  ])("for %j: listens on %s, registers %s", (question, host, advertised) => {
    expect(choose(question)).toEqual({ listen: { host }, advertised });
  });

  test("is 127.0.0.1 where only this machine sees it, and then all addresses serve this machine alone", () => {
    expect(choose({ loopbackOnly: true })).toEqual({
      listen: { host: "127.0.0.1", ownMachine: true },
      advertised: "127.0.0.1",
    });
  });
});

describe("addresses given by hand", () => {
  test("are read with and without port, path and parameters", () => {
    const urls = [
      "dubbo://h:1",
      "dubbo://10.0.0.1",
      "tri://h",
      "dubbo://[::1]:20880/org.example.Echo?timeout=1",
      " dubbo://h:2?x ",
    ];
    const resolution = directEndpoints(urls, ["dubbo", "tri"]);
    expect(resolution).toMatchObject({ state: "resolved", stale: false });
    expect(resolution.state === "resolved" && resolution.endpoints.map((one) => one.key)).toEqual([
      "dubbo://h:1",
      "dubbo://10.0.0.1:20880",
      "tri://h:50051",
      endpoint({ protocol: "dubbo", host: "::1", port: 20880 }).key,
      "dubbo://h:2",
    ]);
  });

  test.each([
    ["h:20880", "ADDRESS_INVALID"],
    ["dubbo://", "ADDRESS_INVALID"],
    ["dubbo://h:0", "ADDRESS_INVALID"],
    ["dubbo://h:65536", "ADDRESS_INVALID"],
    ["dubbo://h:1,h:2", "ADDRESS_INVALID"],
    ["dubbo://user@h:1", "ADDRESS_INVALID"],
    ["rest://h:1", "UNKNOWN_PROTOCOL"],
    ["rest://h", "ADDRESS_INVALID"],
  ])("refuse %s with %s", (url, code) => {
    expect(() => directEndpoints([url], ["dubbo"])).toThrow(expect.objectContaining({ code }));
  });

  test.each(["tri://user:hidden@h:1/x?token=hidden", "dubbo://user:hidden@h:1?token=hidden"])(
    "a bad one is told without its secrets: %s",
    (url) => {
      expect(() => directEndpoints([url], ["dubbo"])).toThrow(/^url "(?!.*hidden)/);
    },
  );
});

describe("services of this process", () => {
  const address = { protocol: "dubbo", host: "127.0.0.1", port: 20880 };
  const call = (text: string, service = key): Invocation => ({
    service,
    definition: Echo,
    method: "echo",
    methodDefinition: Echo.methods.echo,
    args: [text],
    attachments: new Map(),
    responseAttachments: new Map(),
    deadlineMs: systemRuntime.clock.monotonicMs() + 1_000,
    attemptTimeoutMs: undefined,
    signal: undefined,
    oneway: false,
    peer: undefined,
  });

  test("are called without a socket while they are served, and refused so that another is tried afterwards", async () => {
    const exports = new LocalExports(systemRuntime);
    expect(exports.refer(address)).toBeUndefined();
    const remove = exports.add(address, served);
    const invoker = exports.refer(address)!;
    expect(invoker.available).toBe(true);
    expect(await invoker.invoke(call("a"))).toBe("a");
    const other = invoker.invoke(call("a", serviceKey("org.example.Other")));
    await expect(other).rejects.toMatchObject({ code: "SERVICE_NOT_FOUND", mayHaveRun: false });
    remove();
    expect(invoker.available).toBe(false);
    await expect(invoker.invoke(call("a"))).rejects.toMatchObject({
      code: "SERVICE_NOT_FOUND",
      mayHaveRun: false,
    });
    expect(exports.refer(address)).toBeUndefined();
    exports.add(address, served);
    remove(); // a second time: not that of another
    expect(invoker.available).toBe(true);
    expect(await invoker.invoke(call("b"))).toBe("b");
  });
});

describe("the table of protocols", () => {
  /** Takes any port but those in `taken`; gives 40000 for 0. */
  class FakeProtocol implements Protocol {
    readonly exported: { host: string | undefined; port: number }[] = [];
    closings = 0;
    constructor(
      readonly name: string,
      readonly taken: readonly number[],
    ) {}
    async export(_service: ServedService, { host, port }: { host?: string | undefined; port: number }) {
      if (this.taken.includes(port)) throw new ConfigError("PORT_IN_USE", `port ${port} is in use`);
      this.exported.push({ host, port });
      const address = { protocol: this.name, host: host ?? "0.0.0.0", port: port === 0 ? 40_000 : port };
      return { address, [Symbol.asyncDispose]: () => Promise.resolve() };
    }
    refer(): never {
      throw new Error("not called");
    }
    announceClosing(): void {
      this.closings += 1;
    }
    [Symbol.asyncDispose]() {
      return Promise.resolve();
    }
  }

  async function open(config: object, taken: readonly number[] = [], runtime: Runtime = systemRuntime) {
    const dubbo = new FakeProtocol("dubbo", taken);
    const seen: object[] = [];
    const factory: ProtocolFactory = async (settings) => {
      seen.push(settings);
      return dubbo;
    };
    const loaded = await loadConfig({ application: { name: "app" }, ...config }, { env: {} });
    const table = await ProtocolTable.open(
      loaded,
      {},
      true,
      { dubbo: factory },
      runtime,
      new DisposalScope(),
    );
    return { table, dubbo, seen };
  }

  test("takes the usual port when none is configured, a free one when it is taken, and one port for all services", async () => {
    const free = await open({});
    expect((await free.table.export("dubbo", served)).address).toEqual({
      protocol: "dubbo",
      host: "127.0.0.1",
      port: 20880,
    });
    const taken = await open({}, [20880]);
    expect((await taken.table.export("dubbo", served)).address.port).toBe(40_000);
    await taken.table.export("dubbo", served);
    expect(taken.dubbo.exported.map(({ port }) => port)).toEqual([0, 40_000]);
  });

  test("fails on a configured port that is taken", async () => {
    const { table } = await open({ protocols: { dubbo: { port: 4711 } } }, [4711]);
    await expect(table.export("dubbo", served)).rejects.toMatchObject({ code: "PORT_IN_USE" });
  });

  test("serves under the ids of the configuration, with their settings", async () => {
    const main = {
      name: "dubbo",
      port: 1234,
      host: "127.0.0.2",
      payload: "1mib",
      params: { connections: "3" },
    };
    const { table, dubbo, seen } = await open({ protocols: { main } });
    expect(table.served.map(({ id }) => id)).toEqual(["main"]);
    expect(seen).toEqual([
      expect.objectContaining({ application: "app", payloadBytes: 1_048_576, connections: 3 }),
    ]);
    expect((await table.export("main", served)).address).toEqual({
      protocol: "dubbo",
      host: "127.0.0.2",
      port: 1234,
    });
    expect(dubbo.exported).toEqual([{ host: "127.0.0.2", port: 1234 }]);
    await expect(table.export("dubbo", served)).rejects.toThrow(
      'unknown protocol id "dubbo"; configured: main',
    );
    table.announceClosing();
    expect(dubbo.closings).toBe(1);
  });

  test("makes a protocol that is not configured with its first use, and tries again when that fails", async () => {
    let made = 0;
    let fails = true;
    const invoker = {
      available: false,
      invoke: async () => "answer",
      closed: 0,
      [Symbol.asyncDispose]: async () => void (invoker.closed += 1),
    };
    const rest: ProtocolFactory = async () => {
      made += 1;
      if (fails) throw new ConfigError("ADDRESS_INVALID", "not now");
      return Object.assign(new FakeProtocol("rest", []), { refer: () => invoker as never });
    };
    const config = await loadConfig({ application: { name: "app" } }, { env: {} });
    const scope = new DisposalScope();
    const table = await ProtocolTable.open(config, {}, true, { rest }, systemRuntime, scope);
    const to = endpoint({ protocol: "rest", host: "h", port: 1 });
    const [first, second, unused] = [table.refer(to), table.refer(to), table.refer(to)];
    table.announceClosing();
    await unused[Symbol.asyncDispose]();
    expect({ made, available: first.available, unused: unused.available }).toEqual({
      made: 0,
      available: true,
      unused: false,
    });
    await expect(unused.invoke({} as never)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      mayHaveRun: false,
    });
    await expect(first.invoke({} as never)).rejects.toThrow("not now");
    fails = false;
    expect(
      await Promise.all([first.invoke({} as never), first.invoke({} as never), second.invoke({} as never)]),
    ).toEqual(["answer", "answer", "answer"]);
    expect({ made, available: first.available }).toEqual({ made: 2, available: false });
    expect(table.refer(to)).toBe(invoker);
    await first[Symbol.asyncDispose]();
    expect(invoker.closed).toBe(1);
    await scope[Symbol.asyncDispose]();
  });

  test("refuses what it has no factory for", async () => {
    await expect(open({ protocols: { rest: { port: 1 } } })).rejects.toThrow(
      'unknown protocol "rest"; known: dubbo',
    );
    const { table } = await open({});
    const refer = () => table.refer(endpoint({ protocol: "rest", host: "h", port: 1 }));
    expect(refer).toThrow(expect.objectContaining({ code: "CONNECT_FAILED", mayHaveRun: false }));
  });
});
