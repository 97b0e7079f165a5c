import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  type EtcdServer,
  type FaultProxy,
  faultProxy,
  etcdAvailable,
  noLeaks,
  realServer,
  recordingLogger,
  startEtcd,
  startEtcdCluster,
  waitFor,
} from "@dubbo-ts/testkit";
import { connectEtcd, type EtcdClient, type EtcdOptions, openEtcd } from "./client.js";
import { KeptLease } from "./kept-lease.js";
import type { KeyRange } from "./key-value.js";
import { LeasedKey, type LeasedKeyOptions } from "./leased-key.js";
import { type Snapshot, watchKeys, type WatchOptions } from "./watch-keys.js";

const text = (value: string) => Buffer.from(value, "utf8");
const never = new AbortController().signal;
const soon = (condition: () => unknown, what: string, timeoutMs = 5_000) =>
  waitFor(condition, { timeoutMs, what });

jest.setTimeout(30_000);

test("says NOT_ETCD when something else answers, at once and to everybody", async () => {
  const checkLeaks = noLeaks();
  const web = createServer((socket) =>
    socket.on("error", () => {}).on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  );
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const endpoints = `127.0.0.1:${(web.address() as AddressInfo).port}`;
  const wrong = { name: "EtcdError", code: "NOT_ETCD" };
  await expect(connectEtcd({ endpoints }, never)).rejects.toMatchObject(wrong);
  const client = openEtcd({ endpoints });
  await expect(client.get("/a")).rejects.toMatchObject(wrong);
  const watching = watchKeys(client, { prefix: "/a/" }, { signal: never });
  await expect(watching.next()).rejects.toMatchObject(wrong);
  const lease = new KeptLease(client, 1);
  const key = new LeasedKey(client, { key: "/a", value: text(""), lease });
  await expect(key.update(text(""), never)).rejects.toMatchObject(wrong);
  for (const one of [key, lease, client]) await one[Symbol.asyncDispose]();
  await new Promise((resolve) => web.close(resolve));
  await checkLeaks();
});

test("goes on trying while nobody listens, and says why when time is over", async () => {
  const checkLeaks = noLeaks();
  const nothing = await faultProxy({ host: "127.0.0.1", port: 1 });
  await nothing.setMode("refuse");
  const client = openEtcd({ endpoints: nothing.address, callTimeoutMs: 200 });
  await expect(client.get("/a")).rejects.toMatchObject({
    code: "TIMEOUT",
    message: expect.stringMatching(/no answer to Range in 200 ms \(127.0.0.1:\d+: .*ECONNREFUSED/) as string,
  });
  const reason = new Error("enough");
  const controller = new AbortController();
  const waiting = client.get("/a", { signal: controller.signal, timeoutMs: 60_000 });
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(client.get("/a", { signal: controller.signal })).rejects.toBe(reason);
  const left = client.get("/a", { timeoutMs: 60_000 });
  const [begunMs] = [performance.now()];
  await Promise.all([client.close(), client.close(), expect(left).rejects.toMatchObject({ code: "CLOSED" })]);
  expect(performance.now() - begunMs).toBeLessThan(500);
  await expect(client.get("/a")).rejects.toMatchObject({ code: "CLOSED" });
  await expect(connectEtcd({ endpoints: nothing.address }, AbortSignal.timeout(100))).rejects.toMatchObject({
    name: "TimeoutError",
  });
  await nothing[Symbol.asyncDispose]();
  await checkLeaks();
});

realServer("a client of a real etcd", etcdAvailable(), () => {
  let server: EtcdServer;
  let proxy: FaultProxy;
  let checkLeaks: () => Promise<void>;
  const opened: AsyncDisposable[] = [];
  let names = 0;

  beforeAll(async () => {
    server = await startEtcd();
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  beforeEach(async () => {
    await server.restart();
    checkLeaks = noLeaks({ timeoutMs: 5_000 });
    proxy = await faultProxy(server);
  });
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await server.kill("SIGCONT");
    await server.restart();
    await checkLeaks();
  });

  const prefix = () => `/test-${++names}/`;
  const use = <T extends AsyncDisposable>(one: T): T => {
    opened.push(one);
    return one;
  };
  /** Goes to the server itself. */
  const direct = async (more: Partial<EtcdOptions> = {}): Promise<EtcdClient> =>
    use(await connectEtcd({ endpoints: server.address, ...more }, AbortSignal.timeout(10_000)));
  /** Goes through the proxy. */
  const faulty = (more: Partial<EtcdOptions> = {}) => direct({ endpoints: proxy.address, ...more });
  const lease = (client: EtcdClient, ttlSeconds = 1) => use(new KeptLease(client, ttlSeconds));
  const hold = async (client: EtcdClient, options: LeasedKeyOptions) => {
    const key = use(new LeasedKey(client, options));
    await key.update(options.value, AbortSignal.timeout(10_000));
    return key;
  };
  /** Collects what is watched until the test ends. */
  const collect = (client: EtcdClient, range: KeyRange, more: Partial<WatchOptions> = {}): Snapshot[] => {
    const stop = new AbortController();
    const seen: Snapshot[] = [];
    const done = (async () => {
      for await (const value of watchKeys(client, range, { signal: stop.signal, settleMs: 0, ...more }))
        seen.push(value);
    })();
    use({
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await done;
      },
    });
    return seen;
  };
  const content = (snapshot: Snapshot | undefined) =>
    [...(snapshot?.entries.values() ?? [])].map(
      ({ key, value }) => `${key.slice(key.lastIndexOf("/") + 1)}=${String(value)}`,
    );
  const shows = (seen: readonly Snapshot[], expected: readonly string[], timeoutMs?: number) =>
    soon(
      () => content(seen.at(-1)).sort().join() === [...expected].sort().join(),
      `[${expected.join()}]`,
      timeoutMs,
    );

  test("puts, reads, lists and deletes keys", async () => {
    const client = await direct();
    const root = prefix();
    const revision = await client.put(`${root}größer`, "ä");
    expect(await client.get(`${root}größer`)).toEqual({
      key: `${root}größer`,
      value: text("ä"),
      createRevision: revision,
      modRevision: revision,
      version: 1n,
      lease: 0n,
    });
    expect(await client.put(`${root}größer`, text("b"))).toBe(revision + 1n);
    await client.put(`${root.slice(0, -1)}-2/other`, "c");
    const { entries } = await client.list({ prefix: root });
    expect(entries.map(({ key, version }) => [key, version])).toEqual([[`${root}größer`, 2n]]);
    const [nameOnly] = (await client.list({ prefix: root }, { keysOnly: true })).entries;
    expect(nameOnly?.value.length).toBe(0);
    expect(await client.get(`${root}none`)).toBeUndefined();
    expect(await client.delete({ key: `${root}none` })).toBe(0);
    expect(await client.delete({ prefix: root })).toBe(1);
    expect((await client.status()).version).toMatch(/^3\.\d+\.\d+$/);
  });

  test("does a transaction as a whole, by what its comparisons say", async () => {
    const client = await direct();
    const key = `${prefix()}a`;
    const put = { type: "put", key, value: "1" } as const;
    const absent = { compare: [{ key, createRevision: 0n }], success: [put] };
    const first = await client.txn(absent);
    expect(first).toMatchObject({ succeeded: true, results: [{ type: "put" }] });
    const second = await client.txn({ ...absent, failure: [{ type: "get", range: { key } }] });
    expect(second).toMatchObject({
      succeeded: false,
      results: [{ type: "get", entries: [{ value: text("1") }] }],
    });
    for (const compare of [
      { key, modRevision: first.revision },
      { key, version: 1n },
      { key, value: "1" },
      { key, lease: 0n },
      { key, is: "greater", createRevision: first.revision - 1n } as const,
      { key, is: "different", value: "2" } as const,
    ])
      expect((await client.txn({ compare: [compare], success: [] })).succeeded).toBe(true);
    const gone = await client.txn({ compare: [], success: [{ type: "delete", range: { key } }] });
    expect(gone.results).toEqual([{ type: "delete", deleted: 1 }]);
  });

  test("lists 2000 keys of one revision, in smaller pages where answers are too large", async () => {
    const root = prefix();
    const client = await direct();
    const keyOf = (index: number) => `${root}${String(index).padStart(4, "0")}`;
    const put = (index: number, value: string) => client.put(keyOf(index), value);
    for (let from = 0; from < 2_000; from += 100) {
      const success = Array.from(
        { length: 100 },
        (_, at) => ({ type: "put", key: keyOf(from + at), value: "x".repeat(500) }) as const,
      );
      await client.txn({ compare: [], success });
    }
    const all = await client.list({ prefix: root }, { pageSize: 300 });
    expect(all.entries.length).toBe(2_000);
    expect(new Set(all.entries.map(({ key }) => key)).size).toBe(2_000);
    const narrow = await direct({ maxResponseBytes: 20_000 });
    const read = await narrow.list({ prefix: root }, { keysOnly: false });
    expect(read.entries).toEqual(all.entries);
    await expect(put(1, "x".repeat(2_000_000))).rejects.toMatchObject({ code: "TOO_LARGE" });
    await put(1, "x".repeat(1_000_000));
    await expect(narrow.get(`${root}0001`)).rejects.toMatchObject({ code: "TOO_LARGE" });
  });

  test("tells every change of a prefix, and gives unchanged keys as the same objects", async () => {
    const client = await direct();
    const root = prefix();
    await client.put(`${root}a`, "1");
    await client.put(`${root.slice(0, -1)}-2/other`, "x");
    const seen = collect(client, { prefix: root });
    await shows(seen, ["a=1"]);
    await client.put(`${root}b`, "2");
    await shows(seen, ["a=1", "b=2"]);
    expect(seen.at(-1)?.entries.get(`${root}a`)).toBe(seen[0]?.entries.get(`${root}a`));
    await client.delete({ prefix: root });
    await shows(seen, []);
    const one = collect(client, { key: `${root}single` });
    await client.put(`${root}single`, "s");
    await client.put(`${root}single2`, "t");
    await shows(one, ["single=s"]);
  });

  test("goes on from its revision after a break, many changes behind, with nothing lost or doubled", async () => {
    const [writer, client] = [await direct(), await faulty()];
    const root = prefix();
    await writer.put(`${root}stays`, "0");
    await writer.put(`${root}goes`, "0");
    const seen = collect(client, { prefix: root }, { settleMs: 60_000 });
    await shows(seen, ["stays=0", "goes=0"]);
    const lists = jest.spyOn(client, "list");
    await proxy.setMode("refuse");
    await soon(() => !client.connected, "the break");
    for (let index = 0; index < 1_500; index += 100)
      await Promise.all(
        Array.from({ length: 100 }, (_, at) => writer.put(`${root}busy`, String(index + at))),
      );
    await writer.delete({ key: `${root}goes` });
    await writer.put(`${root}new`, "1");
    const last = String((await writer.get(`${root}busy`))?.value);
    await proxy.setMode("pass");
    await shows(seen, ["stays=0", `busy=${last}`, "new=1"]);
    expect(seen.at(-1)?.settled).toBe(false);
    expect(lists).not.toHaveBeenCalled();
    expect(seen.at(-1)?.entries.get(`${root}stays`)).toBe(seen[0]?.entries.get(`${root}stays`));
  });

  test("reads everything again after a compaction beyond its revision: exactly what differs is new", async () => {
    const [writer, client] = [await direct(), await faulty()];
    const root = prefix();
    for (const name of ["stays", "changes", "goes"]) await writer.put(root + name, "0");
    const seen = collect(client, { prefix: root }, { settleMs: 60_000 });
    await shows(seen, ["stays=0", "changes=0", "goes=0"]);
    await proxy.setMode("refuse");
    await soon(() => !client.connected, "the break");
    await writer.put(`${root}changes`, "1");
    await writer.delete({ key: `${root}goes` });
    const revision = await writer.put(`${root}comes`, "1");
    await writer.compact(revision);
    await proxy.setMode("pass");
    await shows(seen, ["stays=0", "changes=1", "comes=1"]);
    expect(seen.length).toBe(2);
    expect(seen[1]?.entries.get(`${root}stays`)).toBe(seen[0]?.entries.get(`${root}stays`));
    await writer.put(`${root}stays`, "2");
    await shows(seen, ["stays=2", "changes=1", "comes=1"]);
  });

  test("notices that the store went back to a backup: reads all, puts its own keys again", async () => {
    const root = prefix();
    const client = await faulty();
    await client.put(`${root}old`, "1");
    await server.kill("SIGTERM");
    const goBack = await server.backup();
    await server.restart();
    const kept = await hold(client, { key: `${root}own`, value: text("mine"), lease: lease(client) });
    for (let index = 0; index < 20; index++) await client.put(`${root}later`, String(index));
    const seen = collect(client, { prefix: root }, { settleMs: 60_000 });
    await shows(seen, ["old=1", "own=mine", "later=19"]);
    await server.kill("SIGTERM");
    await goBack();
    await server.restart();
    await shows(seen, ["old=1", "own=mine"], 10_000);
    await client.put(`${root}after`, "1");
    await shows(seen, ["old=1", "own=mine", "after=1"]);
    await kept[Symbol.asyncDispose]();
    await shows(seen, ["old=1", "after=1"]);
  });

  test("calls a value settled only some time after a reconnect, and tells it again then", async () => {
    const [writer, client] = [await direct(), await faulty()];
    const root = prefix();
    const seen = collect(client, { prefix: root }, { settleMs: 400 });
    await soon(() => seen.length === 1, "a first value");
    await proxy.setMode("refuse");
    await writer.put(`${root}a`, "1");
    await proxy.setMode("pass");
    await soon(() => seen.length === 3, "both");
    expect(seen.map(({ settled }) => settled)).toEqual([true, false, true]);
    expect(seen.map(content)).toEqual([[], ["a=1"], ["a=1"]]);
    // A reconnect without a change is no news.
    proxy.cut();
    await soon(() => client.connected, "a connection");
    await soon(() => proxy.accepted >= 3, "a new connection");
    await writer.put(`${root}b`, "2");
    await soon(() => seen.length === 5, "the next two");
    expect(seen.map(({ settled }) => settled).slice(3)).toEqual([false, true]);
  });

  test("reads everything every now and then, whatever it was told", async () => {
    const client = await direct();
    const lists = jest.spyOn(client, "list");
    const seen = collect(client, { prefix: prefix() }, { resyncMs: 100 });
    await soon(() => lists.mock.calls.length >= 4, "readings");
    expect(seen.length).toBe(1);
  });

  test("keeps a lease and its keys, writes twice when asked to, and ends them at once", async () => {
    const [client, other] = [await direct(), await direct()];
    const root = prefix();
    const kept = lease(client);
    const events = jest.fn();
    client.watch({ prefix: root }, 0n, {
      onCreated() {},
      onProgress() {},
      onEnd() {},
      onEvents: (all) => all.forEach(({ type, kv }) => events(type, String(kv.value))),
    });
    await hold(client, { key: `${root}once`, value: text("1"), lease: kept });
    await hold(client, { key: `${root}twice`, value: text("2"), lease: kept, writeTwice: true });
    const { id = 0n } = kept;
    await soon(async () => (await other.leaseInfo(id)).keys.length === 2, "both keys");
    expect((await other.get(`${root}once`))?.version).toBe(1n);
    expect(await other.get(`${root}twice`)).toMatchObject({ version: 2n, lease: id });
    expect(events.mock.calls).toEqual([
      [0, "1"],
      [0, "2"],
      [0, "2"],
    ]);
    // Longer than the lease's time.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect([kept.id, (await other.list({ prefix: root })).entries.length]).toEqual([id, 2]);
    await kept[Symbol.asyncDispose]();
    expect((await other.list({ prefix: root })).entries).toEqual([]);
    expect((await other.leaseInfo(id)).ttlSeconds).toBe(-1);
  });

  test("makes a new lease when the server dropped it, and puts the keys again", async () => {
    const [client, other] = [await direct(), await direct()];
    const root = prefix();
    const kept = lease(client);
    // They look rarely by themselves: it is the lease that tells them.
    for (const name of ["a", "b"])
      await hold(client, { key: root + name, value: text("1"), lease: kept, verifyMs: 60_000 });
    const { id = 0n } = kept;
    await other.revokeLease(id);
    expect((await other.list({ prefix: root })).entries).toEqual([]);
    await soon(async () => (await other.list({ prefix: root })).entries.length === 2, "both keys", 2_000);
    expect(kept.id).not.toBe(id);
    expect(kept.isOurs(id)).toBe(true);
  });

  test("puts its keys again after the process stood still longer than its lease", async () => {
    const client = await direct();
    const key = `${prefix()}a`;
    const kept = lease(client);
    await hold(client, { key, value: text("1"), lease: kept, verifyMs: 60_000 });
    const { id } = kept;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
    const lost = await client.get(key);
    await soon(async () => (await client.get(key))?.lease === kept.id && kept.id !== id, "the key");
    expect(lost).toBeUndefined();
  });

  test("puts a key again that somebody deleted, when it looks and when it is told to", async () => {
    const [client, other] = [await direct(), await direct()];
    const key = `${prefix()}a`;
    const kept = await hold(client, { key, value: text("1"), lease: lease(client) });
    await other.delete({ key });
    await soon(async () => (await other.get(key)) !== undefined, "the key");
    const slow = await hold(client, {
      key: `${key}2`,
      value: text("1"),
      lease: lease(client),
      verifyMs: 60_000,
    });
    await other.delete({ key: `${key}2` });
    slow.verify();
    await soon(async () => (await other.get(`${key}2`)) !== undefined, "the other key");
    const before = await other.get(key);
    kept.verify({ write: true });
    await soon(
      async () => (await other.get(key))?.version === (before?.version ?? 0n) + 1n,
      "another writing",
    );
    await other.put(key, "not ours, no lease");
    await kept.update(text("2"), AbortSignal.timeout(2_000));
    expect(String((await other.get(key))?.value)).toBe("not ours, no lease");
  });

  test("replaces a ghost without a moment of absence, and leaves a newer owner alone", async () => {
    const [old, young, other] = [await direct(), await direct(), await direct()];
    const key = `${prefix()}a`;
    const [oldLease, youngLease] = [lease(old), lease(young)];
    const before = await hold(old, { key, value: text("old"), lease: oldLease });
    const { createRevision } = (await other.get(key)) ?? {};
    const after = await hold(young, { key, value: text("young"), lease: youngLease });
    expect(await other.get(key)).toMatchObject({
      value: text("young"),
      createRevision,
      lease: youngLease.id,
    });
    before.verify();
    await before.update(text("older"), AbortSignal.timeout(2_000));
    expect(String((await other.get(key))?.value)).toBe("young");
    await before[Symbol.asyncDispose]();
    expect(String((await other.get(key))?.value)).toBe("young");
    await after[Symbol.asyncDispose]();
    expect(await other.get(key)).toBeUndefined();
  });

  test("tells what does not pass to those who wait, and keeps the value that was accepted", async () => {
    const client = await direct();
    const key = `${prefix()}a`;
    const kept = await hold(client, { key, value: text("small"), lease: lease(client) });
    await expect(kept.update(Buffer.alloc(2_000_000), never)).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect(String((await client.get(key))?.value)).toBe("small");
    await client.delete({ key });
    kept.verify();
    await soon(async () => String((await client.get(key))?.value) === "small", "the accepted value");
    await expect(kept.update(text("x"), AbortSignal.abort("no"))).rejects.toBe("no");
    await kept[Symbol.asyncDispose]();
    await expect(kept.update(text("x"), never)).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("removes a key later that was given up while the server was away, though its lease lives on", async () => {
    const [client, other] = [await faulty(), await direct()];
    const root = prefix();
    const kept = lease(client, 10);
    const gone = await hold(client, { key: `${root}gone`, value: text("1"), lease: kept });
    await hold(client, { key: `${root}stays`, value: text("2"), lease: kept });
    await proxy.setMode("refuse");
    await soon(() => !client.connected, "the break");
    const begunMs = performance.now();
    await gone[Symbol.asyncDispose]();
    expect(performance.now() - begunMs).toBeLessThan(500);
    await proxy.setMode("pass");
    await soon(async () => (await other.list({ prefix: root })).entries.length === 1, "one key");
    expect(await other.get(`${root}stays`)).toBeDefined();
  });

  test("gives a silent connection up: calls end by their deadline, and all is back soon after it heals", async () => {
    const client = await faulty({ callTimeoutMs: 500 });
    const key = `${prefix()}a`;
    await hold(client, { key, value: text("1"), lease: lease(client) });
    const seen = collect(client, { key });
    await shows(seen, ["a=1"]);
    await proxy.setMode("blackhole");
    const begunMs = performance.now();
    const [outcome] = await Promise.allSettled([client.put(`${key}b`, "x")]);
    expect(outcome).toMatchObject({
      reason: { code: expect.stringMatching(/TIMEOUT|UNAVAILABLE/) as string },
    });
    expect(performance.now() - begunMs).toBeLessThan(1_000);
    await soon(() => !client.connected, "the end of the connection");
    // Longer than the lease's time.
    const other = await direct();
    await soon(async () => (await other.get(key)) === undefined, "the end of the lease");
    await proxy.setMode("pass");
    await soon(async () => (await other.get(key)) !== undefined, "the key");
    await shows(seen, ["a=1"]);
  });

  test("gives a connection up on which only calls time out, though nothing else is asked for", async () => {
    const client = await faulty({ callTimeoutMs: 200 });
    await proxy.setMode("blackhole");
    await expect(client.get("/a")).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(client.connected).toBe(false);
    await proxy.setMode("pass");
    await soon(() => client.get("/a").then(() => true), "an answer");
  });

  test("tells a transaction as one step, also when the server sends it in two pieces", async () => {
    const [writer, client] = [await direct(), await faulty()];
    const root = prefix();
    const writeAll = (value: string) =>
      writer.txn({
        compare: [],
        success: ["a", "b", "c"].map((one) => ({ type: "put", key: root + one, value }) as const),
      });
    await writeAll("0");
    const seen = collect(client, { prefix: root }, { settleMs: 60_000 });
    await soon(() => seen.length === 1, "a first value");
    await proxy.setMode("refuse");
    await soon(() => !client.connected, "the break");
    // More than the server sends at once.
    for (let round = 1; round <= 9; round++) await writeAll(String(round).repeat(400_000));
    await proxy.setMode("pass");
    await soon(() => String(seen.at(-1)?.entries.get(`${root}c`)?.value).startsWith("9"), "the last");
    for (const { entries } of seen)
      expect(new Set([...entries.values()].map(({ modRevision }) => modRevision)).size).toBe(1);
  });

  test("sends reads again after a break, and says of writes that they may have been done", async () => {
    const client = await faulty();
    const key = `${prefix()}a`;
    await proxy.setMode("blackhole");
    const outcomes = Promise.allSettled([client.get(key), client.put(key, "1")]);
    await new Promise((resolve) => setImmediate(resolve));
    await proxy.setMode("cut");
    await proxy.setMode("pass");
    expect(await outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "UNAVAILABLE" } },
    ]);
    const states: string[] = [];
    client.listen(({ type }) => states.push(type));
    proxy.cut();
    await soon(() => states.length === 2, "both events");
    expect(states).toEqual(["disconnected", "connected"]);
    expect(client.reconnectedMs).toBeGreaterThan(0);
  });

  test("spreads attempts to connect while a server closes every connection", async () => {
    const client = await faulty();
    const before = proxy.accepted;
    await proxy.setMode("cut");
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(proxy.accepted - before).toBeLessThan(40);
    await proxy.setMode("pass");
    await soon(() => client.connected, "a connection");
  });

  describe("with authentication", () => {
    let secured: EtcdServer;
    const credentials = { user: "alice", password: "geheim" };

    beforeAll(async () => {
      secured = await startEtcd();
      const ctl = (line: string) => secured.ctl(...line.split(" "));
      for (const line of [
        "user add root:rootpw",
        "user grant-role root root",
        "role add services",
        "role grant-permission --prefix=true services readwrite /services/",
        "user add alice:geheim",
        "user grant-role alice services",
        "auth enable",
      ])
        await ctl(line);
    }, 60_000);
    afterAll(() => secured[Symbol.asyncDispose]());

    const open = async (more: Partial<EtcdOptions> = {}) =>
      use(
        await connectEtcd({ endpoints: secured.address, credentials, ...more }, AbortSignal.timeout(10_000)),
      );

    test("logs in, and again when the server forgot its tokens; watches and leases go on", async () => {
      const log = recordingLogger();
      const client = await open({ log });
      const root = `/services/${++names}/`;
      await hold(client, { key: `${root}own`, value: text("1"), lease: lease(client) });
      const seen = collect(client, { prefix: root });
      await shows(seen, ["own=1"]);
      // Simple tokens are kept in memory alone.
      await secured.kill("SIGKILL");
      await secured.restart();
      await client.put(`${root}b`, "2", { timeoutMs: 10_000 });
      await shows(seen, ["own=1", "b=2"], 10_000);
      const later = collect(client, { prefix: root });
      await shows(later, ["own=1", "b=2"]);
      await client.delete({ key: `${root}b` });
      await shows(seen, ["own=1"]);
      await shows(later, ["own=1"]);
      expect(
        JSON.stringify(
          log.entries.map(({ fields, message }) => [String((fields as { err?: unknown }).err), message]),
        ),
      ).not.toContain("geheim");
    });

    test("gets a new token when rights were changed, without a new connection", async () => {
      const client = await open();
      const root = `/services/${++names}/`;
      const seen = collect(client, { prefix: root });
      await client.put(`${root}a`, "1");
      await shows(seen, ["a=1"]);
      // A change of rights makes tokens old.
      await secured.ctl("--user=root:rootpw", "user", "revoke-role", "alice", "services");
      await expect(client.put(`${root}b`, "2")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
      await secured.ctl("--user=root:rootpw", "user", "grant-role", "alice", "services");
      await soon(() => client.put(`${root}b`, "2"), "leave to write");
      const later = collect(client, { prefix: root });
      await shows(later, ["a=1", "b=2"]);
      await client.put(`${root}c`, "3");
      await shows(later, ["a=1", "b=2", "c=3"]);
      expect(client.reconnectedMs).toBeUndefined();
    });

    test("says AUTH_FAILED and PERMISSION_DENIED, with no password in any text", async () => {
      const log = recordingLogger();
      const refused = { name: "EtcdError", code: "AUTH_FAILED" };
      const wrong = { user: "alice", password: "falsch-geheim" };
      const outcome = connectEtcd({ endpoints: secured.address, credentials: wrong, log }, never);
      await expect(outcome).rejects.toMatchObject(refused);
      await outcome.catch((error: unknown) => expect(String(error)).not.toContain("falsch"));
      expect(
        JSON.stringify(log.entries.map(({ fields }) => String((fields as { err?: unknown }).err))),
      ).not.toContain("falsch");
      const nobody = use(openEtcd({ endpoints: secured.address }));
      await expect(nobody.get("/services/a")).rejects.toMatchObject(refused);
      const alice = await open();
      const denied = { code: "PERMISSION_DENIED" };
      await expect(alice.get("/other/a")).rejects.toMatchObject(denied);
      await expect(alice.put("/other/a", "")).rejects.toMatchObject(denied);
      await expect(watchKeys(alice, { prefix: "/other/" }, { signal: never }).next()).rejects.toMatchObject(
        denied,
      );
      const key = use(new LeasedKey(alice, { key: "/other/a", value: text(""), lease: lease(alice) }));
      await expect(key.update(text("1"), never)).rejects.toMatchObject(denied);
    });

    test("takes credentials to a server that asks for none, and says so", async () => {
      const log = recordingLogger();
      const client = await direct({ credentials, log });
      await client.put(`${prefix()}a`, "1");
      expect(log.entries.some(({ message }) => message.includes("authentication switched off"))).toBe(true);
    });
  });

  describe("with TLS", () => {
    let secured: EtcdServer;
    let folder: string;
    const file = (name: string) => join(folder, name);
    const openssl = (...args: string[]) => promisify(execFile)("openssl", args, { cwd: folder });

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "etcd-tls-"));
      const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
      await openssl(
        "req",
        "-x509",
        ...ec,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-days",
        "2",
        "-subj",
        "/CN=test-ca",
      );
      for (const name of ["server", "client"]) {
        await openssl(
          "req",
          ...ec,
          "-keyout",
          `${name}.key`,
          "-out",
          `${name}.csr`,
          "-subj",
          `/CN=${name}`,
          "-addext",
          "subjectAltName=DNS:localhost",
        );
        await openssl(
          "x509",
          "-req",
          "-in",
          `${name}.csr`,
          "-CA",
          "ca.pem",
          "-CAkey",
          "ca.key",
          "-CAcreateserial",
          "-out",
          `${name}.pem`,
          "-days",
          "2",
          "-copy_extensions",
          "copy",
        );
      }
      secured = await startEtcd({
        tls: { cert: file("server.pem"), key: file("server.key"), clientCa: file("ca.pem") },
      });
    }, 60_000);
    afterAll(async () => {
      await secured[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    test("shows its certificate to a server that wants one, and checks the server's", async () => {
      const [ca, cert, key] = await Promise.all(
        ["ca.pem", "client.pem", "client.key"].map((name) => readFile(file(name))),
      );
      const endpoints = `https://localhost:${secured.port}`;
      const client = use(
        await connectEtcd({ endpoints, tls: { ca, cert, key } }, AbortSignal.timeout(10_000)),
      );
      const root = prefix();
      const seen = collect(client, { prefix: root });
      await client.put(`${root}a`, "1");
      await shows(seen, ["a=1"]);
      const failed = { code: "TLS_FAILED" };
      await expect(connectEtcd({ endpoints }, never)).rejects.toMatchObject(failed);
      await expect(
        connectEtcd({ endpoints, tls: { ca, cert, key, serverName: "elsewhere" } }, never),
      ).rejects.toMatchObject(failed);
      const limited = () => AbortSignal.timeout(1_000);
      await expect(connectEtcd({ endpoints, tls: { ca } }, limited())).rejects.toThrow();
      await expect(connectEtcd({ endpoints: `localhost:${secured.port}` }, limited())).rejects.toThrow();
    });
  });

  test("goes on with the other members when the leader is killed, and is back when a majority is", async () => {
    await using cluster = await startEtcdCluster(3);
    try {
      const endpoints = cluster.members.map(({ address }) => address);
      const client = use(await connectEtcd({ endpoints, callTimeoutMs: 1_000 }, AbortSignal.timeout(10_000)));
      const root = prefix();
      const own = await hold(client, { key: `${root}own`, value: text("1"), lease: lease(client, 3) });
      const seen = collect(client, { prefix: root });
      await shows(seen, ["own=1"]);
      const onlyWatches = use(await connectEtcd({ endpoints }, AbortSignal.timeout(10_000)));
      const watched = collect(onlyWatches, { prefix: root });
      await shows(watched, ["own=1"]);
      await (await cluster.leader()).kill("SIGKILL");
      await soon(() => client.put(`${root}b`, "2"), "a writing", 10_000);
      await shows(seen, ["own=1", "b=2"], 10_000);
      // One of three: nothing can be written or read, what is known stays. Nobody has to ask to find that out.
      await (await cluster.leader()).kill("SIGKILL");
      await soon(() => !client.connected && !onlyWatches.connected, "the end of the connections", 10_000);
      const begunMs = performance.now();
      await expect(client.get(`${root}b`)).rejects.toMatchObject({ code: "TIMEOUT" });
      expect(performance.now() - begunMs).toBeLessThan(2_000);
      expect(content(seen.at(-1)).sort()).toEqual(["b=2", "own=1"]);
      await Promise.all(cluster.members.map((member) => member.restart()));
      await soon(() => client.put(`${root}c`, "3"), "another writing", 10_000);
      await shows(seen, ["own=1", "b=2", "c=3"], 10_000);
      await own.update(text("4"), AbortSignal.timeout(5_000));
      await shows(seen, ["own=4", "b=2", "c=3"]);
      await shows(watched, ["own=4", "b=2", "c=3"]);
    } finally {
      for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    }
  }, 60_000);
});
