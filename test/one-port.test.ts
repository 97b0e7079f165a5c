import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { noLeaks, testCertificates, waitFor } from "@dubbo-ts/testkit";
import {
  type Application,
  createApplication,
  defineService,
  java,
  memoryCenters,
  method,
  type RpcError,
} from "dubbo-ts";
import { blocksOf } from "./docs.js";
import { freeBasePort } from "./programs.js";

const Shop = defineService("org.example.Shop", {
  greet: method([java.string()], java.string()),
  gate: method([java.string()], java.string()),
});

/** Calls of `gate` that have not been answered, by what was said. */
const gates = new Map<string, (answer: string) => void>();

const folder = mkdtempSync(join(tmpdir(), "one-port-"));
const cleanups: (() => PromiseLike<void> | void)[] = [];
const leaks = noLeaks();

afterEach(async () => {
  for (const open of gates.values()) open("");
  gates.clear();
  while (cleanups.length > 0) await cleanups.pop()?.();
  await leaks();
});

afterAll(() => rmSync(folder, { recursive: true }));

const quiet = { logger: { level: "silent" }, shutdown: { grace: 0 }, cache: { enabled: false } };

async function opened(name: string, config: object, memory = memoryCenters()): Promise<Application> {
  const options = { name, memory, registry: "memory://", env: {} };
  const app = await createApplication({ ...options, config: { ...quiet, ...config } });
  cleanups.push(() => app.stop());
  return app;
}

async function provider(config: object, memory = memoryCenters()) {
  const app = await opened("shop", config, memory);
  const handle = await app.export(Shop, {
    greet: (name) => `hello ${name}`,
    gate: (name) => new Promise<string>((resolve) => gates.set(name, resolve)),
  });
  await app.start();
  const ports = handle.addresses.map(({ port }) => port);
  return { app, handle, memory, port: ports[0] as number, ports };
}

/** A connection whose bytes the test writes and reads. */
async function dial(port: number) {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  cleanups.push(() => void socket.destroy());
  socket.on("error", () => {});
  await once(socket, "connect");
  return { socket, read: readings(socket) };
}

function readings(socket: Socket): () => Buffer {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks);
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe("dubbo, triple and JSON on one port", () => {
  test("are served where two protocols have the same port, and registered with it", async () => {
    const same = { port: await freeBasePort() };
    const { handle, port, ports, memory } = await provider({ protocols: { dubbo: same, tri: same } });
    expect(ports).toEqual([same.port, same.port]);
    expect(handle.addresses.map(({ protocol }) => protocol)).toEqual(["dubbo", "tri"]);
    const [instance] = memory.get("memory://")?.instances.read("shop").instances ?? [];
    expect(instance?.ports).toEqual({ dubbo: port, tri: port });
    const client = await opened("client", {}, memory);
    for (const protocol of ["dubbo", "tri"]) {
      const found = await client.refer(Shop, { protocol });
      expect(await found.greet(protocol)).toBe(`hello ${protocol}`);
      const direct = await client.refer(Shop, { url: `${protocol}://127.0.0.1:${port}` });
      expect(await direct.greet("you")).toBe("hello you");
    }
    const answer = await fetch(`http://127.0.0.1:${port}/org.example.Shop/greet`, {
      method: "POST",
      headers: { "content-type": "application/json", connection: "close" },
      body: '["curl"]',
    });
    expect(await answer.json()).toBe("hello curl");
  });

  test("are served where one has the other as its extension, on a free port too", async () => {
    const { ports, port, memory } = await provider({
      protocols: { dubbo: { port: 0, "ext-protocol": "tri" } },
    });
    expect(ports).toEqual([port, port]);
    const client = await opened("client", {}, memory);
    for (const protocol of ["dubbo", "tri"])
      expect(await (await client.refer(Shop, { protocol })).greet("you")).toBe("hello you");
    const { socket, read } = await dial(port);
    socket.write("GET /org.example.Shop/greet?x=get HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    await waitFor(() => socket.closed);
    expect(read().toString()).toMatch(/^HTTP\/1.1 200 [^]*"hello get"$/);
  });

  test("have ports of their own where each has 0", async () => {
    const { ports } = await provider({ protocols: { dubbo: { port: 0 }, tri: { port: 0 } } });
    expect(new Set(ports).size).toBe(2);
  });

  test("are told apart by first bytes that come one by one; others are closed", async () => {
    const { port } = await provider({ protocols: { dubbo: { port: 0, "ext-protocol": "tri" } } });
    const dubbo = await dial(port);
    const heartbeat = Buffer.from("dabbe2000000000000000007000000014e", "hex");
    dubbo.socket.write(heartbeat.subarray(0, 1));
    await tick();
    dubbo.socket.write(heartbeat.subarray(1));
    await waitFor(() => dubbo.read().length === 17);
    expect(dubbo.read().toString("hex")).toBe("dabb22140000000000000007000000014e");
    const http2 = await dial(port);
    for (const letter of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
      http2.socket.write(letter);
      await tick();
    }
    http2.socket.write(Buffer.from("000000040000000000", "hex"));
    await waitFor(() => http2.read().length >= 9);
    expect(http2.read()[3]).toBe(4); // SETTINGS
    const telnet = await dial(port);
    telnet.socket.write("ls\r\n");
    await waitFor(() => telnet.socket.closed);
    expect(telnet.read().toString()).toBe("This port speaks dubbo, http/2, http/1.1.\r\n");
    const unknown = await dial(port);
    unknown.socket.write(Buffer.from([1, 2, 3, 4]));
    await waitFor(() => unknown.socket.closed);
  });

  test("stop gracefully together: calls in flight are answered, and the port is free afterwards", async () => {
    const same = { port: await freeBasePort() };
    const { app, port } = await provider({ protocols: { dubbo: same, tri: same } });
    const client = await opened("client", {});
    const calls = ["dubbo", "tri"].map(async (protocol) => {
      const shop = await client.refer(Shop, { url: `${protocol}://127.0.0.1:${port}` });
      return shop.gate(protocol);
    });
    await waitFor(() => gates.size === 2);
    const stopped = app.stop();
    let isStopped = false;
    void stopped.then(() => {
      isStopped = true;
    });
    for (const [name, open] of gates) {
      await tick();
      expect(isStopped).toBe(false);
      open(`bye ${name}`);
    }
    expect(await Promise.all(calls)).toEqual(["bye dubbo", "bye tri"]);
    await stopped;
    const again = await provider({ protocols: { dubbo: same, tri: same } });
    expect(again.port).toBe(port);
  });

  test("refuses protocols that nobody knows, and certificates that differ on one port", async () => {
    await expect(opened("x", { protocols: { dubbo: { "ext-protocol": "rest" } } })).rejects.toMatchObject({
      code: "UNKNOWN_PROTOCOL",
    });
    const same = { port: await freeBasePort() };
    const tls = { "cert-file": file("provider"), "key-file": file("provider", "key") };
    const expired = { "cert-file": file("expired"), "key-file": file("expired", "key") };
    const config = { protocols: { dubbo: { ...same, tls }, tri: { ...same, tls: expired } } };
    await expect(provider(config)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

type Name = "provider" | "expired" | "elsewhere" | "consumer" | "stranger";

/** The path of one of the certificates, or of its key. */
function file(name: Name | "authority" | "otherAuthority", kind: "cert" | "key" = "cert"): string {
  const path = join(folder, `${name}.${kind}.pem`);
  const pem = testCertificates[name];
  const { certificate, privateKey } = typeof pem === "string" ? { certificate: pem, privateKey: "" } : pem;
  writeFileSync(path, kind === "cert" ? certificate : privateKey);
  return path;
}

const own = (name: Name) => ({ "cert-file": file(name), "key-file": file(name, "key") });
const trusting = { "ca-file": file("authority") };

describe.each(["dubbo", "tri"])("%s over TLS", (protocol) => {
  async function call(port: number, tls: object | undefined): Promise<string> {
    const client = await opened("client", { consumer: { retries: 0, ...(tls && { tls }) } });
    const shop = await client.refer(Shop, { url: `${protocol}://127.0.0.1:${port}`, timeoutMs: 5_000 });
    return shop.greet("you");
  }

  const served = (tls: object) => provider({ protocols: { [protocol]: { port: 0, tls } } });

  async function refused(port: number, tls: object | undefined): Promise<RpcError> {
    const error: unknown = await call(port, tls).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "CONNECT_FAILED", mayHaveRun: false });
    return error as RpcError;
  }

  test("is served beside plain connections", async () => {
    const { port } = await served(own("provider"));
    expect(await call(port, trusting)).toBe("hello you");
    expect(await call(port, { ...trusting, "server-name": "provider.test" })).toBe("hello you");
    expect(await call(port, undefined)).toBe("hello you");
  });

  test("fails where the provider is not who it should be", async () => {
    const { port } = await served(own("provider"));
    expect((await refused(port, { "ca-file": file("otherAuthority") })).message).toMatch(
      /not signed by an authority that is trusted here|unable to verify/,
    );
    expect((await refused(port, { enabled: true })).message).toMatch(
      /not signed by an authority|unable to verify/,
    );
    expect((await refused(port, { ...trusting, "server-name": "elsewhere.test" })).message).toMatch(
      /does not match certificate's altnames/,
    );
    const { port: expired } = await served(own("expired"));
    expect((await refused(expired, trusting)).message).toMatch(/expired/);
    const { port: elsewhere } = await served(own("elsewhere"));
    expect((await refused(elsewhere, trusting)).message).toMatch(/does not match certificate's altnames/);
  });

  test("asks for the consumer's certificate, and then takes no plain connections", async () => {
    const { port } = await served({ ...own("provider"), ...trusting });
    expect(await call(port, { ...trusting, ...own("consumer") })).toBe("hello you");
    const { message: withoutOne } = await refused(port, trusting);
    expect(withoutOne).toMatch(/certificate|closed|ECONNRESET/i);
    await refused(port, { ...trusting, ...own("stranger") });
    expect((await refused(port, undefined)).message).toMatch(/wants? TLS/);
  });

  test("is all that is taken where plain text is refused", async () => {
    const { port } = await served({ ...own("provider"), "plain-text": "refuse" });
    expect(await call(port, trusting)).toBe("hello you");
    expect((await refused(port, undefined)).message).toMatch(/wants? TLS/);
  });

  test("is never given up for plain text by a consumer", async () => {
    const { port } = await provider({ protocols: { [protocol]: { port: 0 } } });
    await refused(port, trusting);
  });
});

test("JSON is served over TLS too", async () => {
  const { port } = await provider({
    protocols: { dubbo: { port: 0, "ext-protocol": "tri", tls: own("provider") } },
  });
  const socket = connectTls({ host: "127.0.0.1", port, ca: testCertificates.authority });
  cleanups.push(() => void socket.destroy());
  const read = readings(socket);
  socket.write("GET /org.example.Shop/greet?x=tls HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  await waitFor(() => socket.closed);
  expect(read().toString()).toContain('"hello tls"');
});

describe("certificates in the configuration", () => {
  test.each(["one-port.yaml", "tls.yaml"])("do what the page of triple says: %s", async (name) => {
    const shown = blocksOf("docs/triple.md").find((block) => block.file === name)?.text ?? "";
    const files = { ca: "authority", provider: "provider", consumer: "consumer" } as const;
    const text = shown
      .replace(/certs\/(\w+)\.(pem|key)/g, (_, owner: keyof typeof files, kind: string) =>
        file(files[owner], kind === "key" ? "key" : "cert"),
      )
      .replace("port: 20880", "port: 0");
    const path = join(folder, name);
    writeFileSync(path, `${text}\n  logger: { level: silent }\n  shutdown: { grace: 0 }\n`);
    const memory = memoryCenters();
    const options = { config: path, memory, registry: "memory://", env: {} };
    const shop = await createApplication(options);
    cleanups.push(() => shop.stop());
    const { addresses } = await shop.export(
      Shop,
      { greet: (x) => `hello ${x}`, gate: (x) => x },
      { protocols: ["rpc"] },
    );
    await shop.start();
    expect(addresses.map(({ protocol }) => protocol)).toEqual(["dubbo", "tri"]);
    const client = await createApplication({ ...options, name: "client" });
    cleanups.push(() => client.stop());
    for (const protocol of ["dubbo", "tri"])
      expect(await (await client.refer(Shop, { protocol })).greet("page")).toBe("hello page");
  });

  test("are those of the file's tls_config for both sides, as dubbo-go has them", async () => {
    const memory = memoryCenters();
    const tls_config = {
      "ca-cert-file": file("authority"),
      "tls-cert-file": file("provider"),
      "tls-key-file": file("provider", "key"),
      "tls-server-name": "provider.test",
    };
    const { port } = await provider({ tls_config, protocols: { tri: { port: 0 } } }, memory);
    const client = await opened("client", { tls_config }, memory);
    expect(await (await client.refer(Shop)).greet("go")).toBe("hello go");
    const plain = await opened("plain", {});
    const shop = await plain.refer(Shop, { url: `tri://127.0.0.1:${port}`, retries: 0 });
    await expect(shop.greet("x")).rejects.toMatchObject({ code: "CONNECT_FAILED" });
  });

  test.each([
    [
      { "cert-file": "/nowhere.pem", "key-file": "/nowhere.pem" },
      /protocols.tri.tls.cert-file: \/nowhere.pem cannot/,
    ],
    [{ "cert-file": file("provider") }, /protocols.tri.tls: a provider needs cert-file and key-file/],
    [{ ...own("provider"), "key-file": file("expired", "key") }, /protocols.tri.tls: .*cannot be used/],
  ])("that are not there, or do not fit, are told with their key: %#", async (tls, message) => {
    const opening = opened("x", { protocols: { tri: { port: 0, tls } } });
    await expect(opening).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(opened("x", { protocols: { tri: { port: 0, tls } } })).rejects.toThrow(message);
  });
});
