import { existsSync } from "node:fs";
import { etcdAvailable, startEtcd, startEtcdCluster } from "./etcd-server.js";
import { realServer } from "./real-server.js";

realServer("etcd as a child process", etcdAvailable(), ({ etcd, etcdctl }) => {
  test("starts, is killed, goes back to a backup, is wiped, and leaves nothing behind", async () => {
    expect([existsSync(etcd), existsSync(etcdctl)]).toEqual([true, true]);
    await using server = await startEtcd();
    const { pid, port, address } = server;
    expect(address).toBe(`127.0.0.1:${port}`);
    await server.ctl("put", "/a", "before");
    await server.kill("SIGKILL");
    expect(server.pid).toBeUndefined();
    const goBack = await server.backup();
    await server.restart();
    expect([server.port, server.pid === pid]).toEqual([port, false]);
    await server.ctl("put", "/a", "after");
    await server.kill("SIGTERM");
    await goBack();
    await server.restart();
    expect(await server.ctl("get", "/a", "--print-value-only")).toBe("before\n");
    await server.kill("SIGTERM");
    await server.wipe();
    await server.restart();
    expect(await server.ctl("get", "/a", "--print-value-only")).toBe("");
    await expect(server.wipe()).rejects.toThrow("running");
    await server[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.pid).toBeUndefined();
  }, 60_000);

  test("makes a cluster that has another leader when the first one is killed", async () => {
    await using cluster = await startEtcdCluster(3);
    const first = await cluster.leader();
    await first.kill("SIGKILL");
    const second = await cluster.leader();
    expect(second).not.toBe(first);
    await cluster[Symbol.asyncDispose]();
    expect(cluster.members.map(({ pid }) => pid)).toEqual([undefined, undefined, undefined]);
  }, 60_000);
});
