import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type FaultProxy, faultProxy } from "./fault-proxy.js";
import { waitFor } from "./wait-for.js";

describe("a fault proxy", () => {
  let echo: Server;
  let proxy: FaultProxy;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    echo = createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1");
    await once(echo, "listening");
    proxy = await faultProxy({ host: "127.0.0.1", port: (echo.address() as AddressInfo).port });
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await proxy[Symbol.asyncDispose]();
    await new Promise((resolve) => echo.close(resolve));
  });

  interface Client {
    readonly socket: Socket;
    heard: string;
    closed: boolean;
  }

  const open = async (): Promise<Client> => {
    const socket = connect(proxy.port, "127.0.0.1");
    sockets.add(socket);
    const client: Client = { socket, heard: "", closed: false };
    socket.on("data", (chunk) => (client.heard += String(chunk)));
    socket.on("close", () => (client.closed = true)).on("error", () => {});
    await once(socket, "connect");
    return client;
  };

  const says = async (client: Client, text: string) => {
    client.socket.write(text);
    await waitFor(() => client.heard.endsWith(text));
  };

  test("hands bytes through and counts connections", async () => {
    const client = await open();
    await says(client, "one");
    expect([proxy.accepted, proxy.open]).toEqual([1, 1]);
    client.socket.destroy();
    await waitFor(() => proxy.open === 0);
  });

  test("holds everything back in a black hole, for new connections too, until it heals", async () => {
    const before = await open();
    await says(before, "one");
    await proxy.setMode("blackhole");
    before.socket.write("two");
    const during = await open();
    during.socket.write("three");
    const after = performance.now() + 60;
    await waitFor(() => performance.now() > after);
    expect([before.heard, during.heard]).toEqual(["one", ""]);
    await proxy.setMode("pass");
    await waitFor(() => before.heard === "onetwo" && during.heard === "three");
  });

  test("cuts, and refuses without losing its port", async () => {
    const first = await open();
    const { port } = proxy;
    await proxy.setMode("cut");
    await waitFor(() => first.closed);
    const second = await open();
    await waitFor(() => second.closed);
    await proxy.setMode("refuse");
    await expect(open()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await proxy.setMode("pass");
    expect(proxy.port).toBe(port);
    await says(await open(), "again");
  });

  test("delays, and leads elsewhere when told", async () => {
    await proxy.setMode({ delayMs: 30 });
    const slow = await open();
    const startMs = performance.now();
    await says(slow, "late");
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(55);
    await proxy.setMode("pass");
    const other = createServer((socket) => socket.on("error", () => {}).end("other")).listen(0, "127.0.0.1");
    await once(other, "listening");
    proxy.target = { host: "127.0.0.1", port: (other.address() as AddressInfo).port };
    const moved = await open();
    await waitFor(() => moved.heard === "other");
    await new Promise((resolve) => other.close(resolve));
  });
});
