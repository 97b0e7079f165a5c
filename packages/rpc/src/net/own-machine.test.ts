import { connect, type Socket } from "node:net";
import { type MachineAddress, type Runtime, systemNetwork, systemRuntime } from "@dubbo-ts/core";
import { fakeClock, noLeaks, recordingLogger, waitFor } from "@dubbo-ts/testkit";
import { OwnMachine } from "./own-machine.js";
import { Ports } from "./ports.js";

const cleanups: (() => PromiseLike<void> | void)[] = [];
const leaks = noLeaks();

afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()?.();
  await leaks();
});

const outer: MachineAddress = { address: "10.0.0.7", family: "IPv4", internal: false };

/** Connections seem to come from `peer`, if it is given, to a machine that has `addresses`. */
function runtimeOf(addresses: readonly MachineAddress[], peer?: string) {
  const log = recordingLogger();
  const clock = fakeClock();
  const runtime: Runtime = {
    ...systemRuntime,
    log,
    clock,
    network: {
      ...systemNetwork,
      addresses: () => addresses,
      createServer: (options, onConnection) =>
        systemNetwork.createServer(options, (socket) => {
          if (peer !== undefined) Object.defineProperty(socket, "remoteAddress", { value: peer });
          onConnection(socket);
        }),
    },
  };
  return { runtime, log, clock };
}

/** A port that answers whatever it is told with `ok`, as soon as it is told something, and greets first. */
async function serve(runtime: Runtime, listen: { host?: string; ownMachine?: boolean }) {
  const sockets: Socket[] = [];
  const greeter = {
    name: "greeting",
    takesSilent: true,
    detect: () => true,
    accept(socket: Socket) {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("data", () => socket.end("ok"));
      socket.write("hello ");
    },
  };
  const lease = await new Ports({}, runtime).join(
    { ...listen, port: 0 },
    { protocol: "greeting", detectors: [greeter] },
  );
  cleanups.push(() => {
    const leaving = lease.leave();
    lease.destroyConnections();
    return leaving;
  });
  return { port: lease.port, sockets };
}

/** What a program at `host` reads after it has said something; `refused` where nobody listens. */
async function said(host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  cleanups.push(() => void socket.destroy());
  let read = "";
  let failed: string | undefined;
  socket.on("data", (data: Buffer) => {
    read += data.toString();
  });
  socket.on("error", ({ code }: NodeJS.ErrnoException) => {
    failed = code;
  });
  socket.write("anything");
  await new Promise<void>((resolve) => void socket.once("close", () => resolve()));
  return failed === "ECONNREFUSED" ? "refused" : read;
}

const own = { host: "127.0.0.1", ownMachine: true };

describe("a port for programs of this machine", () => {
  test("serves them at loopback and at every other address of it", async () => {
    const { runtime, log } = runtimeOf(systemNetwork.addresses());
    const { port } = await serve(runtime, own);
    const reachable = systemNetwork.addresses().filter(({ family }) => family === "IPv4");
    for (const { address } of reachable)
      expect([address, await said(address, port)]).toEqual([address, "hello ok"]);
    expect(log.entries).toEqual([]);
  });

  test.each(["10.0.0.7", "::ffff:10.0.0.7"])("serves %s, which is one of its own", async (peer) => {
    const { runtime } = runtimeOf([outer], peer);
    const { port } = await serve(runtime, own);
    expect(await said("127.0.0.1", port)).toBe("hello ok");
  });

  test("closes all others before a byte is read, and none is answered", async () => {
    const { runtime, log } = runtimeOf([outer], "::ffff:10.0.0.8");
    const { port, sockets } = await serve(runtime, own);
    expect(await said("127.0.0.1", port)).toBe("");
    expect(sockets).toEqual([]);
    await waitFor(() => log.entries.length === 1);
    expect(log.entries[0]).toMatchObject({
      level: "warn",
      message: "greeting connection closed: this port is for programs of this machine",
      fields: { peer: expect.stringContaining("10.0.0.8") },
    });
  });

  test("warns of a peer that goes on trying once a minute", async () => {
    const { runtime, log, clock } = runtimeOf([outer], "10.0.0.8");
    const { port } = await serve(runtime, own);
    for (let time = 0; time < 3; time += 1) await said("127.0.0.1", port);
    expect(log.entries).toHaveLength(1);
    await clock.advance(60_000);
    await said("127.0.0.1", port);
    await waitFor(() => log.entries.length === 2);
  });

  test("is another one than a port of loopback, and is closed to other addresses where only loopback is asked for", async () => {
    const { runtime } = runtimeOf(systemNetwork.addresses());
    const { port } = await serve(runtime, { host: "127.0.0.1" });
    expect(await said("127.0.0.1", port)).toBe("hello ok");
    const outside = systemNetwork.addresses().filter((one) => one.family === "IPv4" && !one.internal);
    for (const { address } of outside) expect(await said(address, port)).toBe("refused");
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.8.9.10", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["10.0.0.7", true],
  ["::FFFF:10.0.0.7", true],
  ["fe80::1", true],
  ["fe80::1%eth0", true],
  ["10.0.0.70", false],
  ["0.0.0.0", false],
  ["::ffff:10.0.0.8", false],
  ["fe80::2", false],
  ["127.example", false],
  ["", false],
  [undefined, false],
])("a peer at %s is on this machine: %s", (peer, is) => {
  const addresses = [outer, { address: "fe80::1", family: "IPv6", internal: false }];
  const { runtime } = runtimeOf(addresses);
  expect(new OwnMachine(runtime).has(peer)).toBe(is);
});

test("peers that were told of are forgotten in time, and a scan of the network is not remembered without end", async () => {
  const { runtime, clock } = runtimeOf([]);
  const machine = new OwnMachine(runtime);
  for (let peer = 0; peer < 1_000; peer += 1) expect(machine.mayTellOf(`10.1.${peer}`)).toBe(true);
  expect(machine.mayTellOf("10.2.0")).toBe(false);
  await clock.advance(60_000);
  expect(machine.mayTellOf("10.2.0")).toBe(true);
  expect(machine.mayTellOf("10.1.0")).toBe(true);
  expect(machine.mayTellOf(undefined)).toBe(false);
});
