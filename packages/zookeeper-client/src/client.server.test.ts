import {
  type FaultProxy,
  faultProxy,
  noLeaks,
  realServer,
  startZooKeeper,
  waitFor,
  type ZooKeeperServer,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { connectZooKeeper, openZooKeeper, type ZooKeeperClient, type ZooKeeperOptions } from "./client.js";
import { ensurePath } from "./ensure-path.js";
import { holdEphemeral } from "./ephemeral-node.js";
import { watchChildren, watchData } from "./watch-node.js";

const text = (value: string) => Buffer.from(value, "utf8");
const never = new AbortController().signal;
/** Two ticks and a bit: the shortest that the server grants. */
const sessionTimeoutMs = 600;

jest.setTimeout(20_000);

realServer("a client of a real ZooKeeper", zooKeeperAvailable(), () => {
  let server: ZooKeeperServer;
  let proxy: FaultProxy;
  let checkLeaks: () => Promise<void>;
  const opened: AsyncDisposable[] = [];
  let names = 0;

  beforeAll(async () => {
    server = await startZooKeeper({ containerCheckMs: 300 });
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

  const path = () => `/test-${++names}`;
  const use = <T extends AsyncDisposable>(one: T): T => {
    opened.push(one);
    return one;
  };
  /** Goes to the server itself. */
  const direct = async (more: Partial<ZooKeeperOptions> = {}): Promise<ZooKeeperClient> =>
    use(await connectZooKeeper({ servers: server.address, ...more }, AbortSignal.timeout(10_000)));
  /** Goes through the proxy. */
  const faulty = (more: Partial<ZooKeeperOptions> = {}) =>
    direct({ servers: proxy.address, sessionTimeoutMs, ...more });
  const soon = (condition: () => unknown, what: string, timeoutMs = 5_000) =>
    waitFor(condition, { timeoutMs, what });
  const ownerOf = async (client: ZooKeeperClient, node: string) =>
    (await client.exists(node))?.ephemeralOwner;
  /** Collects what is watched until the test ends. */
  const collect = <T>(watch: (signal: AbortSignal) => AsyncIterable<T>): T[] => {
    const stop = new AbortController();
    const seen: T[] = [];
    const done = (async () => {
      for await (const value of watch(stop.signal)) seen.push(value);
    })();
    use({
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await done;
      },
    });
    return seen;
  };

  test("creates, reads, writes, lists and deletes nodes", async () => {
    const client = await direct();
    const root = path();
    expect(await client.create(root, text("größer"))).toBe(root);
    const { data, stat } = await client.getData(root);
    expect([data.toString(), stat.version, stat.ephemeralOwner, stat.dataLength]).toEqual([
      "größer",
      0,
      0n,
      8,
    ]);
    expect((await client.setData(root, text("b"), 0)).version).toBe(1);
    await client.create(`${root}/z`, text(""));
    expect(await client.create(`${root}/a-`, text(""), { sequential: true })).toBe(`${root}/a-0000000001`);
    expect(await client.create(`${root}/e`, text(""), { mode: "ephemeral" })).toBe(`${root}/e`);
    expect(await ownerOf(client, `${root}/e`)).toBe(client.sessionId);
    const listed = await client.getChildren(root);
    expect([...listed.children].sort()).toEqual(["a-0000000001", "e", "z"]);
    expect(listed.stat.childCount).toBe(3);
    await client.sync(root);
    await client.delete(`${root}/z`);
    expect(await client.exists(`${root}/z`)).toBeUndefined();
  });

  test("names what the server refuses", async () => {
    const client = await direct();
    const root = path();
    await client.create(root, text(""));
    await client.create(`${root}/e`, text(""), { mode: "ephemeral" });
    const cases: [string, () => Promise<unknown>][] = [
      ["NO_NODE", () => client.getData(`${root}/no`)],
      ["NO_NODE", () => client.create(`${root}/no/child`, text(""))],
      ["NODE_EXISTS", () => client.create(root, text(""))],
      ["BAD_VERSION", () => client.setData(root, text(""), 7)],
      ["BAD_VERSION", () => client.delete(root, 7)],
      ["NOT_EMPTY", () => client.delete(root)],
      ["NO_CHILDREN_FOR_EPHEMERALS", () => client.create(`${root}/e/c`, text(""))],
      ["BAD_ARGUMENTS", () => client.multi([{ type: "check", path: "no/slash", version: 0 }])],
    ];
    for (const [code, call] of cases)
      await expect(call()).rejects.toMatchObject({ name: "ZooKeeperError", code });
    await expect(client.exists("relative")).rejects.toMatchObject({ code: "BAD_ARGUMENTS" });
  });

  test("does all of a transaction or nothing, and says which step failed", async () => {
    const client = await direct();
    const root = path();
    const results = await client.multi([
      { type: "create", path: root, data: text("1") },
      { type: "setData", path: root, data: text("2"), version: 0 },
      { type: "check", path: root, version: 1 },
      { type: "create", path: `${root}/e`, data: text(""), mode: "ephemeral" },
    ]);
    expect(results[0]).toEqual({ path: root });
    expect(results[1]?.stat?.version).toBe(1);
    const failing = client.multi([
      { type: "delete", path: `${root}/e` },
      { type: "delete", path: `${root}/missing` },
      { type: "delete", path: root },
    ]);
    await expect(failing).rejects.toMatchObject({ code: "NO_NODE", path: `${root}/missing` });
    expect((await client.getChildren(root)).children).toEqual(["e"]);
  });

  test("makes paths with what is missing above them, containers too, and an absent chroot", async () => {
    const chroot = path();
    const client = await direct({ servers: `${server.address}${chroot}/deep` });
    expect(await client.exists("/")).toBeUndefined();
    await Promise.all([1, 2, 3].map(() => ensurePath(client, "/a/b/c", "container")));
    await ensurePath(client, "/p", "persistent");
    const told: string[] = [];
    await client.getChildren("/p", {
      watcher: { onEvent: (event) => told.push(`${event.type} ${event.path}`) },
    });
    expect(await client.create("/p/x-", text(""), { sequential: true })).toMatch(/^\/p\/x-\d{10}$/);
    await soon(() => told.length > 0, "an event");
    expect(told).toEqual(["children /p"]);
    const plain = await direct();
    expect(await plain.exists(`${chroot}/deep/a/b/c`)).toBeDefined();
    await client.delete("/a/b/c");
    // A container that is empty goes by itself, and then the one above it.
    await soon(async () => (await client.exists("/a")) === undefined, "the end of the containers");
  });

  test("refuses more than a server takes before sending it, and keeps its session", async () => {
    const client = await direct();
    const { sessionId } = client;
    const node = path();
    await expect(client.create(node, Buffer.alloc(1024 * 1024 + 1))).rejects.toMatchObject({
      code: "TOO_LARGE",
      path: node,
    });
    await client.create(node, Buffer.alloc(900_000, 1));
    expect((await client.getData(node)).data.length).toBe(900_000);
    expect(client.sessionId).toBe(sessionId);
  });

  test("keeps others out of what it creates with credentials", async () => {
    const auth = { user: "alice", password: "geheim" };
    const owner = await direct({ auth });
    const node = path();
    await owner.create(node, text("secret"));
    const wrong = await direct({ auth: { user: "alice", password: "falsch" } });
    for (const other of [wrong, await direct()])
      await expect(other.getData(node)).rejects.toMatchObject({ code: "NO_AUTH" });
    // Sent again on every connection.
    const again = await faulty({ auth });
    proxy.cut();
    await soon(() => proxy.accepted >= 2 && again.connected, "a new connection");
    expect((await again.getData(node)).data.toString()).toBe("secret");
  });

  test("connects to one of three servers when another is dead and a third refuses", async () => {
    const [dead, refusing] = [await faultProxy(server), await faultProxy(server)];
    opened.push(dead, refusing);
    await dead.setMode("blackhole");
    await refusing.setMode("refuse");
    for (const random of [() => 0, () => 0.5, () => 0.99]) {
      const servers = [dead.address, refusing.address, server.address];
      await direct({ servers, random, sessionTimeoutMs: 1_000 });
    }
  });

  test("tells of changes once, also of those that happened while it was away", async () => {
    const root = path();
    const other = await direct();
    await other.create(root, text("1"));
    const client = await faulty({ sessionTimeoutMs: 5_000 });
    const told: string[] = [];
    const watcher = {
      onEvent: ({ type, path: at }: { type: string; path: string }) => void told.push(`${type} ${at}`),
    };
    await Promise.all([
      client.getData(root, { watcher }),
      client.getChildren(root, { watcher }),
      client.exists(`${root}/later`, { watcher }),
    ]);
    await proxy.setMode("refuse");
    await soon(() => !client.connected, "the break");
    await other.setData(root, text("2"));
    await other.create(`${root}/later`, text(""));
    await proxy.setMode("pass");
    await soon(() => told.length >= 3, "three events");
    expect(told.sort()).toEqual([`children ${root}`, `created ${root}/later`, `data ${root}`]);
    await other.setData(root, text("3"));
    await client.sync(root);
    expect(told.length).toBe(3);
  });

  test("arms 5000 watches again after a break", async () => {
    const root = path();
    const client = await faulty({ sessionTimeoutMs: 20_000 });
    const other = await direct();
    await other.create(root, text(""));
    const nodes = Array.from({ length: 5_000 }, (_, index) => `${root}/${"n".repeat(80)}${index}`);
    const told = new Set<string>();
    const watcher = { onEvent: (event: { path: string }) => void told.add(event.path) };
    await Promise.all(nodes.map((node) => client.exists(node, { watcher })));
    proxy.cut();
    await soon(() => proxy.accepted >= 2 && client.connected, "a new connection");
    await client.ready(never);
    const last = nodes.at(-1) as string;
    for (const node of [nodes[0] as string, last]) await other.create(node, text(""));
    await soon(() => told.size === 2, "both events");
  });

  test("keeps its session, ephemeral nodes and watches through a dozen kills of the server", async () => {
    const root = path();
    const client = await faulty({ sessionTimeoutMs: 4_000 });
    const node = await holdEphemeral(client, { path: `${root}/me`, data: text("0") }, never);
    const seen = collect((signal) => watchChildren(client, root, { signal }));
    const { sessionId } = client;
    for (let round = 1; round <= 12; round += 1) {
      await server.kill("SIGKILL");
      await server.restart();
      await node.update(text(String(round)), AbortSignal.timeout(15_000));
    }
    expect(client.sessionId).toBe(sessionId);
    expect((await client.getData(`${root}/me`)).data.toString()).toBe("12");
    expect(seen.filter(({ value }) => value?.names.join() === "me").length).toBe(seen.length);
  }, 200_000); // twelve starts of a server, seconds each on a busy machine

  test("gets a new session after expiry, makes its ephemeral nodes again and follows on", async () => {
    const root = path();
    const other = await direct();
    await ensurePath(other, root, "persistent");
    const client = await faulty();
    await holdEphemeral(client, { path: `${root}/me`, data: text("here") }, never);
    const seen = collect((signal) => watchChildren(client, root, { signal, settleMs: 300 }));
    const events: string[] = [];
    client.listen(({ type }) => events.push(type));
    const before = client.sessionId;
    await proxy.setMode("blackhole");
    const write = client.setData(`${root}/me`, text("lost")).catch((error: { code: string }) => error.code);
    await soon(() => !client.connected, "the half-open link to be noticed", sessionTimeoutMs);
    expect(await write).toBe("CONNECTION_LOSS");
    await soon(
      async () => (await other.exists(`${root}/me`)) === undefined,
      "the server to give the session up",
    );
    await other.create(`${root}/new`, text(""));
    await proxy.setMode("pass");
    await soon(async () => (await ownerOf(other, `${root}/me`)) === client.sessionId, "the node");
    expect(client.sessionId).not.toBe(before);
    expect(events).toContain("expired");
    await soon(
      () => seen.at(-1)?.value?.names.join() === "me,new" && seen.at(-1)?.settled,
      "both children, settled",
    );
    expect(seen.some(({ settled }) => !settled)).toBe(true);
  });

  test("comes back after the event loop stood still longer than its session", async () => {
    const root = path();
    const other = await direct();
    const client = await faulty();
    await holdEphemeral(client, { path: `${root}/me`, data: text("here") }, never);
    const before = client.sessionId;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, sessionTimeoutMs * 2.5);
    await soon(async () => {
      const owner = await ownerOf(other, `${root}/me`);
      return owner !== undefined && owner !== before && owner === client.sessionId;
    }, "the node of a new session");
  });

  test("does not lose its link when the event loop stood still for less than its session", async () => {
    const client = await faulty({ sessionTimeoutMs: 1_500 });
    await client.ready(never);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_050);
    await client.ready(never);
    expect(proxy.accepted).toBe(1);
  });

  test("replaces a ghost in one step, and outlives the ghost's session", async () => {
    const node = `${path()}/me`;
    const ghost = await faulty({ sessionTimeoutMs: 1_000 });
    await holdEphemeral(ghost, { path: node, data: text("ghost") }, never);
    await proxy.setMode("refuse");
    const client = await direct();
    const stats = collect((signal) => watchData(client, node, { signal }));
    await holdEphemeral(client, { path: node, data: text("alive") }, never);
    expect(await ownerOf(client, node)).toBe(client.sessionId);
    const ghostSession = ghost.sessionId;
    await proxy.setMode("pass");
    await soon(() => ghost.sessionId !== ghostSession || ghost.connected, "the other's return");
    expect(await ownerOf(client, node)).toBe(client.sessionId);
    expect(stats.every(({ value }) => value !== undefined)).toBe(true);
  });

  test("leaves the node to a newer owner, and takes it again when that one goes", async () => {
    const node = `${path()}/me`;
    const [first, second] = [await direct(), await direct()];
    const older = await holdEphemeral(first, { path: node, data: text("older") }, never);
    const newer = await holdEphemeral(second, { path: node, data: text("newer") }, never);
    const { stat } = await first.getData(node);
    await older.update(text("older, again"), never);
    const after = await first.getData(node);
    expect([after.data.toString(), after.stat.mzxid]).toEqual(["newer", stat.mzxid]);
    await newer[Symbol.asyncDispose]();
    await soon(async () => (await ownerOf(first, node)) === first.sessionId, "the first's node");
    await newer[Symbol.asyncDispose]();
    await older[Symbol.asyncDispose]();
    expect(await first.exists(node)).toBeUndefined();
  });

  test("makes a node again that somebody deleted, and puts right what somebody wrote", async () => {
    const node = `${path()}/me`;
    const [client, other] = [await direct(), await direct()];
    await holdEphemeral(client, { path: node, data: text("mine") }, never);
    await other.delete(node);
    await soon(async () => (await ownerOf(other, node)) === client.sessionId, "the node");
    await other.setData(node, text("theirs"));
    await soon(async () => (await other.getData(node)).data.toString() === "mine", "the data");
  });

  test("takes a create whose answer was lost for what it is", async () => {
    const node = `${path()}/me`;
    const other = await direct();
    await ensurePath(other, node.slice(0, node.lastIndexOf("/")), "persistent");
    const client = await faulty({ sessionTimeoutMs: 5_000 });
    await proxy.setMode({ delayMs: 150 });
    const holding = holdEphemeral(client, { path: node, data: text("once") }, AbortSignal.timeout(10_000));
    await soon(() => other.exists(node), "the node");
    proxy.cut();
    await proxy.setMode("pass");
    const stat = await other.exists(node);
    await holding;
    expect((await other.exists(node))?.czxid).toBe(stat?.czxid);
    expect(stat?.ephemeralOwner).toBe(client.sessionId);
  });

  test("refuses data that is too large, and keeps the state that was accepted", async () => {
    const node = `${path()}/me`;
    const client = await faulty();
    const held = await holdEphemeral(client, { path: node, data: text("good") }, never);
    await expect(held.update(Buffer.alloc(2_000_000), never)).rejects.toMatchObject({ code: "TOO_LARGE" });
    await held.update(text("better"), never);
    expect((await client.getData(node)).data.toString()).toBe("better");
    await expect(
      holdEphemeral(client, { path: `${node}/below`, data: text("") }, never),
    ).rejects.toMatchObject({ code: "NO_CHILDREN_FOR_EPHEMERALS" });
  });

  test("deletes a node that was given up while the server was away, when it is back", async () => {
    const node = `${path()}/me`;
    const other = await direct();
    const client = await faulty({ sessionTimeoutMs: 20_000 });
    const held = await holdEphemeral(client, { path: node, data: text("") }, never);
    await proxy.setMode("refuse");
    await soon(() => !client.connected, "the break");
    const startMs = performance.now();
    await held[Symbol.asyncDispose]();
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await proxy.setMode("pass");
    await soon(async () => (await other.exists(node)) === undefined, "the end of the node");
  });

  test("follows a node from before it exists until after it is gone, and reads again after a while by itself", async () => {
    const node = path();
    const client = await direct();
    const seen = collect((signal) => watchData(client, node, { signal, resyncMs: 50 }));
    const last = () => seen.at(-1)?.value?.data.toString();
    await soon(() => seen.length === 1, "the first value");
    expect(seen[0]?.value).toBeUndefined();
    await client.create(node, text("1"));
    await soon(() => last() === "1", "the node");
    await client.setData(node, text("2"));
    await soon(() => last() === "2", "the change");
    await client.delete(node);
    await soon(() => seen.at(-1)?.value === undefined, "the end of the node");
    expect(seen.length).toBe(4);
    expect(seen.every(({ settled }) => settled)).toBe(true);
  });

  test("throws what it may not read when it begins to follow", async () => {
    const node = path();
    const owner = await direct({ auth: { user: "a", password: "b" } });
    await owner.create(node, text(""));
    const stranger = await direct();
    const reading = watchData(stranger, node, { signal: never })[Symbol.asyncIterator]().next();
    await expect(reading).rejects.toMatchObject({ code: "NO_AUTH" });
  });

  test("ends its session when it is closed, so that its ephemeral nodes go at once", async () => {
    const node = path();
    const other = await direct();
    const client = openZooKeeper({ servers: server.address, sessionTimeoutMs: 60_000 });
    const creating = client.create(node, text(""), { mode: "ephemeral" });
    await creating;
    await client[Symbol.asyncDispose]();
    expect(await other.exists(node)).toBeUndefined();
  });

  test("settles when its connection is cut again and again, backing off", async () => {
    const client = await faulty({ sessionTimeoutMs: 5_000 });
    const { sessionId } = client;
    const endMs = performance.now() + 1_500;
    const cutting = setInterval(() => proxy.cut(), 100);
    await waitFor(() => performance.now() > endMs, { timeoutMs: 3_000 });
    clearInterval(cutting);
    await client.ready(AbortSignal.timeout(5_000));
    expect(client.sessionId).toBe(sessionId);
    expect(proxy.accepted).toBeLessThan(17);
  });
});
