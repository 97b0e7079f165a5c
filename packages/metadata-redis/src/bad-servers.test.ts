import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { systemRuntime } from "@dubbo-ts/core";
import { noLeaks, recordingLogger, waitFor } from "@dubbo-ts/testkit";
import { redisConfigCenter } from "./redis-config-center.js";
import { redisConnection } from "./redis-connection.js";
import { redisMetadataReport } from "./redis-metadata-report.js";

const { signal } = new AbortController();
let checkLeaks: () => Promise<void>;
const servers = new Set<Server>();
const sockets = new Set<Socket>();

beforeEach(() => {
  checkLeaks = noLeaks();
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  servers.clear();
  sockets.clear();
  await checkLeaks();
});

/** Listens, and answers every chunk as `answer` says; undefined: not at all. */
async function listen(answer: (text: string) => string | undefined) {
  const seen: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      seen.push(String(chunk));
      const reply = answer(String(chunk));
      if (reply !== undefined) socket.write(reply);
    });
  });
  servers.add(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { seen, port, address: `redis://alice:geheim@127.0.0.1:${port}` };
}

/** Answers commands by their name. */
const redisLike = (replies: Readonly<Record<string, string>>) => (text: string) => {
  const names = [...text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)].map(([, name = ""]) => name.toLowerCase());
  return names.map((name) => replies[name] ?? "+OK\r\n").join("");
};

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;

/** What every way of asking says. */
async function codesOf(address: string, callTimeoutMs = 10_000): Promise<ReadonlySet<string>> {
  const codes = new Set<string>();
  const failed = async (work: Promise<unknown>) => {
    const error = (await work.then(
      () => new Error("it succeeded"),
      (reason: unknown) => reason,
    )) as Error & { code: string };
    codes.add(error.code);
    // Neither in the sentences nor in what a logger would print of the objects.
    for (let one: unknown = error; one instanceof Error; one = one.cause)
      expect(`${one.message} ${JSON.stringify(one)}`).not.toMatch(/geheim/);
  };
  const log = recordingLogger();
  await using report = await redisMetadataReport({ address, callTimeoutMs }, { ...systemRuntime, log });
  await using center = await redisConfigCenter({ address, callTimeoutMs }, { ...systemRuntime, log });
  const item = { key: "dubbo.properties", group: "dubbo" };
  await failed(report.readMapping("org.example.A", signal));
  await failed(report.fetch("app", "revision", signal));
  await failed(
    report.writeMapping("org.example.A", { applications: new Set(["a"]), version: undefined }, signal),
  );
  await failed(center.get(item, signal));
  await failed(center.publish(item, "text", signal));
  await failed(redisConnection({ address, callTimeoutMs, waitForServerMs: callTimeoutMs }));
  expect(JSON.stringify(log.entries)).not.toContain("geheim");
  return codes;
}

test("opens while no server is there, fails by its deadline, and closes at once", async () => {
  const { port } = await listen(() => undefined);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  servers.clear();
  const report = await redisMetadataReport({
    address: `redis://:geheim@127.0.0.1:${port}`,
    callTimeoutMs: 300,
  });
  await expect(report.readMapping("org.example.A", signal)).rejects.toMatchObject({
    code: "METADATA_UNAVAILABLE",
    message: expect.stringMatching(
      /^redis:\/\/127\.0\.0\.1:\d+: not done within 300 ms: .*ECONNREFUSED/,
    ) as string,
  });
  const reading = report.readMapping("org.example.A", signal);
  const begunMs = performance.now();
  await report[Symbol.asyncDispose]();
  await expect(reading).rejects.toMatchObject({ code: "METADATA_UNAVAILABLE" });
  expect(performance.now() - begunMs).toBeLessThan(2_000);
  await expect(report.readMapping("org.example.A", signal)).rejects.toMatchObject({
    code: "METADATA_UNAVAILABLE",
  });
  expect(await codesOf(`redis://:geheim@127.0.0.1:${port}`, 400)).toEqual(
    new Set(["METADATA_UNAVAILABLE", "REGISTRY_UNAVAILABLE"]),
  );
});

describe("tells of a server that is none", () => {
  const wrong = new Set(["REGISTRY_WRONG_SERVER"]);

  test.each([
    ["a web server", () => "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"],
    ["an echo", (text: string) => text],
    ["a server of another kind that says +OK to everything", () => "+OK\r\n"],
  ])("%s: REGISTRY_WRONG_SERVER, and it never sees the password", async (_, answer) => {
    const { address, seen } = await listen(answer);
    expect(await codesOf(address)).toEqual(wrong);
    expect(seen.join("")).not.toContain("geheim");
    expect(seen.length).toBeLessThan(8);
  });

  test("one that takes connections and never answers: unavailable, in time", async () => {
    const { address, seen } = await listen(() => undefined);
    const begunMs = performance.now();
    expect(await codesOf(address, 400)).toEqual(new Set(["METADATA_UNAVAILABLE", "REGISTRY_UNAVAILABLE"]));
    expect(performance.now() - begunMs).toBeLessThan(15_000);
    expect(seen.join("")).not.toContain("geheim");
  });

  test("one that is too old, a Sentinel, a member of a cluster: and what to do", async () => {
    const cases = [
      ["redis_version:2.8.24\r\nredis_mode:standalone", /Redis 2\.8\.24 is too old, 3\.0 is needed/],
      ["redis_version:7.0.15\r\nredis_mode:sentinel", /is a Sentinel: name it with redis-client=sentinel/],
      [
        "redis_version:7.0.15\r\nredis_mode:cluster",
        /belongs to a cluster: name it with redis-client=cluster/,
      ],
    ] as const;
    for (const [info, message] of cases) {
      const { address } = await listen(redisLike({ ping: "+PONG\r\n", info: bulk(info) }));
      expect(await codesOf(address)).toEqual(wrong);
      await using report = await redisMetadataReport({ address });
      await expect(report.fetch("a", "r", signal)).rejects.toThrow(message);
    }
  });
});

test("says that a user needs Redis 6, and that a server is full, by its own words", async () => {
  const old = await listen(
    redisLike({
      ping: "-NOAUTH Authentication required.\r\n",
      auth: "-ERR wrong number of arguments for 'auth' command\r\n",
    }),
  );
  await using first = await redisMetadataReport({ address: old.address });
  await expect(first.fetch("a", "r", signal)).rejects.toMatchObject({
    code: "REGISTRY_AUTH_FAILED",
    message: expect.stringContaining("a user needs Redis 6") as string,
  });
  const full = await listen(() => "-ERR max number of clients reached\r\n");
  await using second = await redisMetadataReport({ address: full.address, callTimeoutMs: 2_000 });
  await expect(second.fetch("a", "r", signal)).rejects.toMatchObject({
    code: "METADATA_UNAVAILABLE",
    message: expect.stringContaining("max number of clients") as string,
  });
});

test("asks a server that refuses the password about once a second, and says so to watchers", async () => {
  let asked = 0;
  const { address } = await listen((text) => {
    asked += text.includes("auth") ? 1 : 0;
    return redisLike({
      ping: "-NOAUTH Authentication required.\r\n",
      auth: "-WRONGPASS invalid username-password pair\r\n",
    })(text);
  });
  await using report = await redisMetadataReport({ address });
  const denied = { code: "REGISTRY_AUTH_FAILED" };
  await expect(
    report.watchMapping("org.example.A", signal)[Symbol.asyncIterator]().next(),
  ).rejects.toMatchObject(denied);
  const endMs = performance.now() + 1_500;
  while (performance.now() < endMs)
    await expect(report.fetch("a", "r", signal)).rejects.toMatchObject(denied);
  expect(asked).toBeLessThanOrEqual(4);
});

test("drops a link on which it hears nothing any more, in any state, and opens another", async () => {
  let mute = false;
  const { address, seen } = await listen((text) =>
    mute
      ? undefined
      : redisLike({ ping: "+PONG\r\n", info: bulk("redis_version:7.0.0"), get: "$-1\r\n" })(text),
  );
  await using report = await redisMetadataReport({ address, livenessMs: 250, callTimeoutMs: 10_000 });
  expect(await report.fetch("a", "r", signal)).toBeUndefined();
  mute = true;
  const [before] = sockets;
  await waitFor(() => before?.destroyed, { timeoutMs: 15_000, what: "the mute link to be dropped" });
  mute = false;
  expect(await report.fetch("a", "r", signal)).toBeUndefined();
  expect(seen.some((text) => text.includes("ping"))).toBe(true);
});

test("says ADDRESS_INVALID for what is no address, without user, password and parameters", async () => {
  const invalid = { name: "ConfigError", code: "ADDRESS_INVALID" };
  for (const bad of [
    "nacos://h:1",
    "127.0.0.1:6379",
    "redis://",
    "redis://:geheim@h:99999",
    "redis://:geheim@h/x",
    "redis://:geheim@h/1?database=2",
    "redis://:geheim@h1,h2",
    "redis://:geheim@h?timeout=geheim-long",
    "redis://h?redis-client=galaxy",
    "redis://h?cluster=perhaps",
    "redis://h1,h2?cluster=true&database=1",
    "rediss://h?tls=false",
    "redis://h?tlsCert=/nowhere",
    "redis://h?tlsCa=/nowhere",
    "redis://a%ZZ:geheim@h",
  ]) {
    const opening = redisMetadataReport({ address: bad });
    await expect(opening).rejects.toMatchObject(invalid);
    await opening.catch((error: unknown) => expect(String(error)).not.toMatch(/:geheim@|geheim\b(?!-)/));
  }
});
