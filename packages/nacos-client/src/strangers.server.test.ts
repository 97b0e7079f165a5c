import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { realServer, recordingLogger, startZooKeeper, waitFor, zooKeeperAvailable } from "@dubbo-ts/testkit";
import { FakeServer } from "./fake-server.js";
import { nacosNaming } from "./nacos-naming.js";
import type { NacosOptions } from "./options.js";
import { quick } from "./test-support.js";

const forever = new AbortController().signal;
let closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.reverse()) await close();
  closers = [];
});

/** Answers HTTP on a free port. */
async function web(answer: (path: string) => { status?: number; body: string }): Promise<number> {
  const server = createServer((request, response) => {
    const { status = 200, body } = answer(new URL(request.url ?? "/", "http://x").pathname);
    response.writeHead(status).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function client(port: number, options: Partial<NacosOptions> = {}) {
  const naming = nacosNaming({ servers: [`127.0.0.1:${port}`], waitForServerMs: 3_000, ...options });
  closers.push(() => naming.close());
  return naming;
}

const old = (path: string) =>
  path.endsWith("/operator/metrics")
    ? { body: '{"status":"UP"}' }
    : path.endsWith("/server/state")
      ? { body: '{"version":"1.4.2"}' }
      : { body: '{"name":"DEFAULT_GROUP@@demo","hosts":[],"lastRefTime":1}' };

test("a web server that is no Nacos is a stranger, and is said to be one at once", async () => {
  const port = await web(() => ({ status: 404, body: "<h1>Not found</h1>" }));
  const startMs = performance.now();
  await expect(client(port).ready(forever)).rejects.toMatchObject({ code: "NOT_NACOS" });
  expect(performance.now() - startMs).toBeLessThan(2_500);
});

test("a server that speaks first and no HTTP is a stranger", async () => {
  const server = createTcpServer((socket) => void socket.on("error", () => {}).end("220 mail ready\r\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  await expect(client(port).ready(forever)).rejects.toMatchObject({ code: "NOT_NACOS" });
});

test("a server too old for gRPC is used over HTTP, unless gRPC is asked for: then it is named with its version", async () => {
  const port = await web(old);
  const naming = client(port);
  await naming.ready(forever);
  expect(naming.state.protocol).toBe("http");
  expect((await naming.query({ name: "demo" }, forever)).hosts).toEqual([]);
  const message = expect.stringContaining("Nacos 1.4.2") as string;
  for (const options of [{ transport: "grpc" }, { tls: true }] as const)
    await expect(client(port, options).ready(forever)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message,
    });
});

test("a newer server whose gRPC port is closed is away, with a plain reason, and is waited for", async () => {
  const port = await web((path) =>
    path.endsWith("/server/state") ? { body: '{"version":"2.3.2"}' } : old(path),
  );
  const fake = await new FakeServer().start();
  closers.push(() => fake.stop());
  const grpcPort = Number(fake.address.split(":")[1]);
  fake.stop();
  const naming = client(port, {
    transport: "grpc",
    grpcPortOffset: grpcPort - port,
    waitForServerMs: 1_000,
    backoffCapMs: 200,
  });
  const error = await naming.ready(forever).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("Nacos 2.3.2") as string,
    cause: { cause: { message: `127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${grpcPort}` } },
  });
  await fake.start();
  await waitFor(() => naming.state.protocol === "grpc", { timeoutMs: 10_000 });
});

test("a server that was replaced by one with gRPC is spoken to by gRPC soon", async () => {
  const port = await web(old);
  const fake = await new FakeServer().start();
  closers.push(() => fake.stop());
  const grpcPort = Number(fake.address.split(":")[1]);
  fake.stop();
  const naming = client(port, { grpcPortOffset: grpcPort - port, resyncMs: 200 });
  await naming.ready(forever);
  expect(naming.state.protocol).toBe("http");
  await fake.start();
  await waitFor(() => naming.state.protocol === "grpc", { timeoutMs: 10_000 });
});

test("nobody there: UNAVAILABLE with the address, few attempts, quiet", async () => {
  const log = recordingLogger();
  const naming = nacosNaming({ ...quick("127.0.0.1:1"), waitForServerMs: 1_000, log });
  closers.push(() => naming.close());
  const message = expect.stringContaining("127.0.0.1:1") as string;
  await expect(naming.ready(forever)).rejects.toMatchObject({ code: "UNAVAILABLE", message });
  expect(log.entries.filter(({ level }) => level !== "debug")).toEqual([]);
  expect(log.entries.length).toBeLessThan(30);
});

test("an address server names the servers; when it names others the client moves; when it is ill the list stays", async () => {
  const [a, b] = [await new FakeServer().start(), await new FakeServer().start()];
  closers.push(
    () => a.stop(),
    () => b.stop(),
  );
  let answer: { status?: number; body: string } = { status: 500, body: "" };
  const port = await web(() => answer);
  const naming = nacosNaming({
    endpoint: `http://127.0.0.1:${port}/nacos/serverlist?secret=1`,
    endpointRefreshMs: 50,
    grpcPortOffset: 0,
    graceMs: 100,
  });
  closers.push(() => naming.close());
  answer = { body: `\n${a.address}\n` };
  await naming.ready(forever);
  expect(naming.state.server).toBe(a.address);
  await naming.register({ name: "demo" }, { ip: "10.0.0.1", port: 1 }, forever);
  answer = { body: b.address };
  await waitFor(() => naming.state.server === b.address && b.hosts("demo").length === 1, {
    timeoutMs: 10_000,
  });
  answer = { status: 500, body: "" };
  await naming.query({ name: "demo" }, forever);
  expect(naming.state.server).toBe(b.address);
});

realServer("a ZooKeeper at the address", zooKeeperAvailable(), () => {
  test("is a stranger, and is said to be one at once", async () => {
    await using server = await startZooKeeper();
    const naming = client(server.port, { waitForServerMs: 10_000 });
    await expect(naming.ready(forever)).rejects.toMatchObject({ code: "NOT_NACOS" });
  }, 60_000);
});
