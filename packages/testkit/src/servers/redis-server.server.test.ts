import { existsSync } from "node:fs";
import { testCertificates } from "../certificates.js";
import { waitFor } from "../wait-for.js";
import { realServer } from "./real-server.js";
import { redisAvailable, startRedis, startRedisCluster, startRedisSentinel } from "./redis-server.js";

jest.setTimeout(90_000);

realServer("Redis as a child process", redisAvailable(), (programs) => {
  test("starts, is killed and keeps its data, is wiped, and leaves nothing behind", async () => {
    expect(Object.values(programs).every((path) => existsSync(path))).toBe(true);
    await using server = await startRedis({ password: "geheim" });
    const { port, pid } = server;
    await server.cli("set", "a", "kept");
    await server.kill("SIGKILL");
    await server.restart();
    expect([server.port, server.pid === pid]).toEqual([port, false]);
    expect(await server.cli("get", "a")).toBe("kept");
    await server.kill("SIGTERM");
    await server.wipe();
    await server.restart();
    expect(await server.cli("get", "a")).toBe("");
    await server[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.pid).toBeUndefined();
  });

  test("speaks TLS, and asks for client certificates when it shall", async () => {
    const { authority, provider } = testCertificates;
    await using server = await startRedis({ tls: { server: provider, authority, clientCertificates: true } });
    expect(await server.cli("ping")).toBe("PONG");
    await server[Symbol.asyncDispose]();
  });

  test("runs behind Sentinels, which name another master when one dies", async () => {
    await using sentinel = await startRedisSentinel({ password: "geheim" });
    const [master, replica] = sentinel.servers;
    expect(await sentinel.master()).toBe(master);
    await master?.kill("SIGKILL");
    await waitFor(async () => (await sentinel.master()) === replica, { timeoutMs: 30_000, intervalMs: 100 });
    await sentinel[Symbol.asyncDispose]();
  });

  test("runs as a cluster that has all slots", async () => {
    await using cluster = await startRedisCluster();
    const [first] = cluster.nodes;
    expect(await first?.cli("cluster", "info")).toContain("cluster_slots_ok:16384");
    await cluster[Symbol.asyncDispose]();
  });
});
