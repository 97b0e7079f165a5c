import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { fakeClock, noLeaks, waitFor } from "@dubbo-ts/testkit";
import { connectZooKeeper, openZooKeeper, type ZooKeeperClient } from "./client.js";
import { FrameSplitter, frame } from "./frames.js";
import { JuteReader, JuteWriter } from "./jute.js";

/** What a fake server does with what one connection sends. Frames are counted from 0, the connect request. */
type Behaviour = (connection: Connection, body: Buffer, count: number) => void;

interface Connection {
  readonly socket: Socket;
  readonly number: number;
  readonly reply: (body: Buffer) => void;
}

const handshake = (timeoutMs: number, sessionId = 0x77n) =>
  new JuteWriter().int(0).int(timeoutMs).long(sessionId).buffer(Buffer.alloc(16, 9)).bool(false).finish();

const header = (xid: number, error = 0, zxid = 1n) => new JuteWriter().int(xid).long(zxid).int(error);

/** Answers every numbered request with an error, pings with pongs. */
const refuseAll: Behaviour = ({ reply }, body) => {
  const xid = new JuteReader(body).int();
  reply(header(xid, xid > 0 ? -101 : 0).finish());
};

describe("a session", () => {
  const opened: AsyncDisposable[] = [];
  let checkLeaks: () => Promise<void>;

  beforeEach(() => {
    checkLeaks = noLeaks();
  });

  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
    await checkLeaks();
  });

  async function serve(behave: Behaviour) {
    const sockets = new Set<Socket>();
    const at: number[] = [];
    const server = createServer((socket) => {
      sockets.add(socket);
      at.push(performance.now());
      socket.on("close", () => sockets.delete(socket)).on("error", () => {});
      const connection = {
        socket,
        number: at.length,
        reply: (body: Buffer) => void socket.write(frame(body)),
      };
      const frames = new FrameSplitter(1 << 20);
      let count = 0;
      socket.on("data", (chunk: Buffer) => {
        for (const body of frames.push(chunk)) behave(connection, body, count++);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    opened.push({
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    const { port } = server.address() as AddressInfo;
    return { address: `127.0.0.1:${port}`, connectedAt: at as readonly number[], sockets };
  }

  const open = (
    servers: string,
    more: Partial<Parameters<typeof openZooKeeper>[0]> = {},
  ): ZooKeeperClient => {
    const client = openZooKeeper({ servers, sessionTimeoutMs: 400, closeTimeoutMs: 100, ...more });
    opened.push(client);
    return client;
  };

  const signal = () => AbortSignal.timeout(5_000);

  test("takes a new socket within a quarter of its time when the handshake is not answered", async () => {
    const server = await serve((connection, body, count) => {
      if (connection.number <= 2) return;
      if (count === 0) connection.reply(handshake(400));
      else refuseAll(connection, body, count);
    });
    const client = open(server.address);
    await client.ready(signal());
    const [first = 0, second = 0, third = 0] = server.connectedAt;
    expect(second - first).toBeGreaterThan(90);
    expect(third - second).toBeLessThan(5_000);
    expect(client.sessionId).toBe(0x77n);
  });

  test("says NOT_ZOOKEEPER at once when all servers answer garbage", async () => {
    const web = await serve(({ socket }) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const other = await serve(({ reply }) => reply(Buffer.from("hello, who is there?")));
    await expect(connectZooKeeper({ servers: [web.address, other.address] }, signal())).rejects.toMatchObject(
      {
        name: "ZooKeeperError",
        code: "NOT_ZOOKEEPER",
        message: expect.stringContaining("is no ZooKeeper server"),
      },
    );
  });

  test("goes on to a real server beside one that answers garbage", async () => {
    const web = await serve(({ socket }) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const real = await serve((connection, body, count) =>
      count === 0 ? connection.reply(handshake(400)) : refuseAll(connection, body, count),
    );
    for (const random of [() => 0, () => 0.99])
      await open(`${web.address},${real.address}`, { random }).ready(signal());
  });

  test("pings, and calls a link dead after two thirds of its time without a byte", async () => {
    let pings = 0;
    const server = await serve((connection, body, count) => {
      if (count === 0) return connection.reply(handshake(900));
      const xid = new JuteReader(body).int();
      if (xid === -2) pings += 1;
      if (xid !== -2 || connection.number > 1) refuseAll(connection, body, count);
    });
    const client = open(server.address);
    await client.ready(signal());
    const readyMs = performance.now();
    await waitFor(() => server.connectedAt.length === 2, { timeoutMs: 5_000 });
    const [, again = 0] = server.connectedAt;
    expect(again - readyMs).toBeGreaterThan(450);
    expect(pings).toBeGreaterThanOrEqual(1);
    await client.ready(signal());
    // Answered pings keep the second link.
    const untilMs = performance.now() + 1_000;
    await waitFor(() => performance.now() > untilMs);
    expect(server.connectedAt.length).toBe(2);
  });

  test("repeats reads after a break, and fails writes with CONNECTION_LOSS since they may have been done", async () => {
    const server = await serve((connection, body, count) => {
      if (count === 0) return connection.reply(handshake(400));
      const xid = new JuteReader(body).int();
      if (connection.number === 1 && xid === 3) connection.socket.destroy();
      if (connection.number > 1 || xid < 2) refuseAll(connection, body, count);
    });
    const client = open(server.address);
    await client.ready(signal());
    const read = client.exists("/read");
    const write = client.setData("/write", Buffer.alloc(0));
    await expect(write).rejects.toMatchObject({ code: "CONNECTION_LOSS", path: "/write" });
    expect(await read).toBeUndefined();
    expect(server.connectedAt.length).toBe(2);
  });

  test("fails calls by their deadline and by their signal while no server answers", async () => {
    const server = await serve(() => {});
    const client = open(server.address);
    const late = client.getData("/a", { timeoutMs: 150 });
    const reason = new Error("enough");
    const stop = new AbortController();
    const stopped = client.create("/b", Buffer.alloc(0), { signal: stop.signal });
    stop.abort(reason);
    await expect(stopped).rejects.toBe(reason);
    await expect(late).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(/no answer in 150 ms \(no answer to the handshake .* in 100 ms\): \/a/),
    });
    await expect(client.exists("/a", { signal: stop.signal })).rejects.toBe(reason);
  });

  test("ends the link when answers come out of order or are malformed, and takes another", async () => {
    const server = await serve((connection, body, count) => {
      if (count === 0) return connection.reply(handshake(400));
      if (connection.number === 1) return connection.reply(header(99).finish());
      if (connection.number === 2) return connection.reply(Buffer.from([1, 2, 3]));
      refuseAll(connection, body, count);
    });
    await open(server.address).ready(signal());
    expect(server.connectedAt.length).toBe(3);
  });

  test("begins a new one by itself after expiry: writes that waited fail, watchers are told to read again", async () => {
    let sessions = 0;
    let answer = () => {};
    const asking = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const server = await serve((connection, body, count) => {
      if (count > 0) return refuseAll(connection, body, count);
      const reader = new JuteReader(body);
      reader.int();
      reader.long();
      reader.int();
      const asked = reader.long();
      if (asked === 0n) return connection.reply(handshake(400, BigInt((sessions += 1))));
      void asking.then(() => {
        connection.reply(handshake(0, 0n));
        connection.socket.end();
      });
    });
    const client = open(server.address);
    const events: string[] = [];
    client.listen((event) => events.push(event.type));
    const told: string[] = [];
    await client.exists("/a", { watcher: { onEvent: ({ type, path }) => told.push(`${type} ${path}`) } });
    for (const socket of server.sockets) socket.destroy();
    await waitFor(() => !client.connected);
    const write = client.setData("/a", Buffer.alloc(0));
    const read = client.exists("/a");
    answer();
    await expect(write).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    expect(await read).toBeUndefined();
    expect(told).toEqual(["unknown /a"]);
    expect(client.sessionId).toBe(2n);
    expect(events).toEqual(["connected", "disconnected", "expired", "connected"]);
  });

  test("forgets what it had seen when it was away too long, so that a server that was set up anew takes it", async () => {
    let lastAsked = -1n;
    const server = await serve((connection, body, count) => {
      if (count > 0) return refuseAll(connection, body, count);
      const reader = new JuteReader(body);
      reader.int();
      lastAsked = reader.long();
      // A server closes the connection of whoever has seen more than it has.
      if (connection.number > 1 && lastAsked > 0n) return connection.socket.destroy();
      connection.reply(handshake(300, 5n));
    });
    const client = open(server.address);
    await client.ready(signal());
    for (const socket of server.sockets) socket.destroy();
    await waitFor(() => !client.connected);
    await client.ready(signal());
    expect(lastAsked).toBe(0n);
  });

  test("forgets it after ten seconds however long a session lasts", async () => {
    const asked: bigint[] = [];
    const server = await serve((connection, body, count) => {
      if (count > 0) return refuseAll(connection, body, count);
      const reader = new JuteReader(body);
      reader.int();
      const lastZxid = reader.long();
      asked.push(lastZxid);
      if (connection.number > 1 && lastZxid > 0n) return connection.socket.destroy();
      connection.reply(handshake(40_000, 5n));
    });
    const clock = fakeClock();
    const client = open(server.address, { sessionTimeoutMs: 40_000, clock });
    await client.ready(signal());
    await expect(client.exists("/a", { signal: signal() })).resolves.toBeUndefined(); // what it has seen: zxid 1
    for (const socket of server.sockets) socket.destroy();
    await waitFor(() => !client.connected);
    // Four thirds of the session, 53 s, are the rule for short ones.
    const endMs = clock.monotonicMs() + 50_000;
    while (!client.connected && clock.monotonicMs() < endMs) {
      await clock.advance(250);
      await new Promise((resolve) => setTimeout(resolve, 10)); // sockets are real
    }
    expect(client.connected).toBe(true);
    expect(asked.slice(1)).toContain(1n);
    expect(asked.at(-1)).toBe(0n);
  });

  test("closes quickly, twice, while connecting and while the server is silent, and fails what waits", async () => {
    const silent = await serve(
      (connection, _body, count) => count === 0 && connection.reply(handshake(60_000)),
    );
    const nowhere = await serve(() => {});
    for (const { address } of [silent, nowhere]) {
      const client = open(address, { closeTimeoutMs: 50, sessionTimeoutMs: 60_000 });
      const call = client.getData("/a").catch((error: unknown) => error);
      await waitFor(() => client.connected || address === nowhere.address);
      const startMs = performance.now();
      await Promise.all([client.close(), client.close()]);
      expect(performance.now() - startMs).toBeLessThan(1_000);
      expect(await call).toMatchObject({ code: "CLOSED" });
      await expect(client.exists("/a")).rejects.toMatchObject({ code: "CLOSED" });
    }
  });

  test("keeps going when a listener or a watcher throws", async () => {
    const errors: object[] = [];
    const log = { debug() {}, info() {}, warn() {}, error: (fields: object) => void errors.push(fields) };
    const server = await serve((connection, body, count) => {
      if (count === 0) return connection.reply(handshake(400));
      refuseAll(connection, body, count);
      const event = header(-1, 0, -1n).int(1).int(3).string("/a");
      if (new JuteReader(body).int() === 1) connection.reply(event.finish());
    });
    const client = open(server.address, { log });
    client.listen(() => {
      throw new Error("listener");
    });
    const watcher = {
      onEvent() {
        throw new Error("watcher");
      },
    };
    await client.exists("/a", { watcher });
    await client.exists("/b");
    expect(errors.length).toBe(2);
  });
});
