import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { gzipSync } from "node:zlib";
import { endpoint } from "@dubbo-ts/core";
import { faultProxy, noLeaks, waitFor } from "@dubbo-ts/testkit";
import { decodeText, Shop, Workbench } from "./test-support.js";

const bench = new Workbench();
const leaks = noLeaks();

afterEach(async () => {
  await bench.clean();
  await leaks();
});

/** A provider behind a proxy that misbehaves on demand. */
async function behindProxy(options = {}) {
  const { protocol, port } = await bench.provider();
  const proxy = await faultProxy({ host: "127.0.0.1", port });
  bench.cleanups.push(() => proxy[Symbol.asyncDispose]());
  return { proxy, protocol, ...(await bench.clients(proxy.port, options)) };
}

async function took(work: Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work.catch(() => {});
  return performance.now() - startMs;
}

describe("a connection that dies", () => {
  test("fails its calls and streams at once, and is avoided until it is back", async () => {
    const { proxy, shop, invoker } = await behindProxy();
    await shop.greet("warm");
    const call = shop.gate("never", { timeoutMs: 60_000 });
    const stream = (async () => {
      for await (const text of shop.chat(endless())) if (text === "") break;
    })();
    await waitFor(() => bench.stage.gates.has("never"));
    const failed = expect(call).rejects.toMatchObject({ code: "CONNECTION_LOST", mayHaveRun: true });
    const ended = expect(stream).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    const startMs = performance.now();
    await proxy.setMode("refuse");
    await Promise.all([failed, ended]);
    expect(performance.now() - startMs).toBeLessThan(500);
    await waitFor(() => !invoker.available);
    await expect(shop.greet("x")).rejects.toMatchObject({ code: "CONNECT_FAILED", mayHaveRun: false });
    await proxy.setMode("pass");
    await waitFor(() => invoker.available, { what: "the invoker to be available again" });
    expect(await shop.greet("back")).toBe("hello back");
  });

  async function* endless() {
    for (let number = 1; ; number += 1) {
      yield String(number);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
});

describe("a provider that falls silent", () => {
  test("is given up when it owes an answer, although each call has time left", async () => {
    const { proxy, shop, invoker } = await behindProxy({ silenceMs: 300 });
    await shop.greet("warm");
    await proxy.setMode("blackhole");
    const ms = await took(
      expect(shop.greet("x", { timeoutMs: 60_000 })).rejects.toMatchObject({
        code: "CONNECTION_LOST",
        mayHaveRun: true,
      }),
    );
    expect(ms).toBeLessThan(2_000);
    expect(invoker.available).toBe(false);
    await proxy.setMode("pass");
    await waitFor(() => invoker.available);
    expect(await shop.greet("again")).toBe("hello again");
  });

  test("is spared while it answers health checks: its method is only slow", async () => {
    const { shop } = await behindProxy({ silenceMs: 1_000 });
    const call = shop.gate("slow", { timeoutMs: 15_000 });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    bench.stage.openAll();
    expect(await call).toBe("slow");
  });

  test("does not hold a call longer than connecting may take", async () => {
    const { proxy, shop } = await behindProxy({ connectTimeoutMs: 150 });
    await proxy.setMode("blackhole");
    const ms = await took(
      expect(shop.greet("x", { timeoutMs: 30_000 })).rejects.toMatchObject({
        code: "CONNECT_FAILED",
        mayHaveRun: false,
      }),
    );
    expect(ms).toBeLessThan(2_000);
  });
});

describe("a provider that stops in order", () => {
  test("is avoided as soon as it says so, while calls are still served", async () => {
    const { protocol, port } = await bench.provider();
    const { shop, invoker } = await bench.clients(port);
    await shop.greet("warm");
    await waitFor(() => invoker.available);
    protocol.announceClosing();
    await waitFor(() => !invoker.available, { what: "the consumer to avoid it" });
    expect(await shop.greet("late")).toBe("hello late");
  });

  test("finishes calls in flight, ends streams, and refuses those that come later", async () => {
    const { protocol, port } = await bench.provider({ drainMs: 2_000 });
    const { shop, invoker } = await bench.clients(port);
    const call = shop.gate("in flight", { timeoutMs: 5_000 });
    await waitFor(() => bench.stage.gates.has("in flight"));
    const closed = protocol[Symbol.asyncDispose]();
    await waitFor(() => !invoker.available);
    await expect(shop.greet("later")).rejects.toMatchObject({ mayHaveRun: false });
    bench.stage.openAll();
    expect(await call).toBe("in flight");
    await closed;
  });

  test("ends what does not end by itself when its time is over", async () => {
    const { protocol, port } = await bench.provider({ drainMs: 100 });
    const { shop } = await bench.clients(port);
    async function* forever() {
      yield "first";
      await new Promise(() => {});
    }
    const seen: string[] = [];
    const stream = (async () => {
      for await (const text of shop.chat(forever())) seen.push(text);
    })();
    const failed = expect(stream).rejects.toMatchObject({
      code: expect.stringMatching(/CONNECTION_LOST|PROVIDER/) as string,
    });
    await waitFor(() => seen.length === 1);
    const startMs = performance.now();
    await protocol[Symbol.asyncDispose]();
    await failed;
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });
});

describe("a port", () => {
  async function raw(port: number, bytes: Buffer | string): Promise<Socket> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    bench.cleanups.push(() => void socket.destroy());
    await once(socket, "connect");
    socket.write(bytes);
    return socket;
  }

  test("closes what it does not know, what is silent, and what is too much, with a line each", async () => {
    const { port } = await bench.provider({ detectTimeoutMs: 100, maxUndetected: 2 });
    const garbage = await raw(port, Buffer.from("dabbc200", "hex"));
    await once(garbage, "close");
    expect(bench.log.entries).toContainEqual(
      expect.objectContaining({
        level: "warn",
        fields: expect.objectContaining({ code: "FRAME_INVALID" }) as object,
      }),
    );
    const silent = [await raw(port, ""), await raw(port, "PO")];
    const refused = await raw(port, "");
    await once(refused, "close");
    await Promise.all(silent.map((socket) => once(socket, "close")));
    const { shop } = await bench.clients(port);
    expect(await shop.greet("x")).toBe("hello x");
  });

  test("knows HTTP by single bytes", async () => {
    const { port } = await bench.provider();
    const socket = await raw(port, "");
    for (const byte of "GET /org.example.Shop/greet?x=you HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await decodeText(socket)).toContain('"hello you"');
  });

  test("survives frames that are none, and packed bombs", async () => {
    const { port } = await bench.provider({ maxMessageBytes: 1_000_000 });
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const noise = Buffer.concat([Buffer.from(preface), Buffer.alloc(2_000, 0x5a)]);
    const noisy = (await raw(port, noise)).resume();
    await once(noisy, "close");
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const stream = session.request({
      ":path": "/org.example.Shop/reverse",
      ":method": "POST",
      "content-type": "application/grpc",
      "grpc-encoding": "gzip",
      te: "trailers",
    });
    const packed = gzipSync(Buffer.alloc(50_000_000));
    const head = Buffer.alloc(5);
    head[0] = 1;
    head.writeUInt32BE(packed.length, 1);
    const trailers = once(stream, "response");
    stream.end(Buffer.concat([head, packed]));
    const [headers] = (await trailers) as [Record<string, string>];
    expect(headers["grpc-status"]).toBe("8");
    stream.close(constants.NGHTTP2_CANCEL);
    session.destroy();
    const { shop } = await bench.clients(port);
    expect(await shop.greet("x")).toBe("hello x");
  });

  test("in use is an error with the address, and is free again when its last service is withdrawn", async () => {
    const { protocol, port } = await bench.provider();
    const other = bench.protocol();
    const served = bench.served(Shop, bench.stage.shop);
    const listen = { host: "127.0.0.1", port };
    await expect(other.export(served, listen)).rejects.toMatchObject({ code: "PORT_IN_USE" });
    await protocol[Symbol.asyncDispose]();
    const exporter = await other.export(served, listen);
    await exporter[Symbol.asyncDispose]();
    await exporter[Symbol.asyncDispose]();
    await (await other.export(served, listen))[Symbol.asyncDispose]();
  });

  test("serves plain and encrypted connections, gRPC and JSON", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tls-"));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=provider.test", "-addext", "subjectAltName=DNS:provider.test"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject], {
      stdio: "ignore",
    });
    const certificate = readFileSync(cert);
    const privateKey = readFileSync(key);
    rmSync(folder, { recursive: true });
    const { port } = await bench.provider({ tls: { server: { certificate, privateKey } } });
    const tls = { client: { authority: certificate, serverName: "provider.test" } };
    const { shop } = await bench.clients(port, { tls });
    expect(await shop.greet("secret")).toBe("hello secret");
    const { shop: plain } = await bench.clients(port);
    expect(await plain.greet("plain")).toBe("hello plain");
    const socket = connectTls({ port, host: "127.0.0.1", ca: certificate, servername: "provider.test" });
    bench.cleanups.push(() => void socket.destroy());
    await once(socket, "secureConnect");
    socket.write("GET /org.example.Shop/greet?x=tls HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(await decodeText(socket)).toContain('"hello tls"');
    const { shop: distrusting } = await bench.clients(port, { tls: { client: {} } }, 1_000);
    await expect(distrusting.greet("x")).rejects.toMatchObject({ mayHaveRun: false });
  });
});

test("several connections to one endpoint are used in turn", async () => {
  const { port } = await bench.provider();
  const proxy = await faultProxy({ host: "127.0.0.1", port });
  bench.cleanups.push(() => proxy[Symbol.asyncDispose]());
  const { shop } = await bench.clients(proxy.port, { connections: 3 });
  for (let call = 0; call < 6; call += 1) expect(await shop.greet("x")).toBe("hello x");
  expect(proxy.open).toBe(3);
});

test("an invoker lets its calls finish when it is disposed, and takes no more", async () => {
  const { port } = await bench.provider();
  const protocol = bench.protocol();
  const invoker = protocol.refer(endpoint({ protocol: "tri", host: "127.0.0.1", port }));
  const shop = bench.client(Shop, invoker);
  const call = shop.gate("last");
  await waitFor(() => bench.stage.gates.has("last"));
  const closed = invoker[Symbol.asyncDispose]();
  expect(invoker.available).toBe(false);
  bench.stage.openAll();
  expect(await call).toBe("last");
  await closed;
  await expect(shop.greet("x")).rejects.toMatchObject({ code: "CONNECTION_LOST", mayHaveRun: false });
});
