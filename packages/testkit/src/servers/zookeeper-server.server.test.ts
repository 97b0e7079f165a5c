import { existsSync } from "node:fs";
import { realServer } from "./real-server.js";
import { startZooKeeper, startZooKeeperEnsemble, zooKeeperAvailable } from "./zookeeper-server.js";

realServer("ZooKeeper as a child process", zooKeeperAvailable(), ({ jar, java }) => {
  test("starts, is killed, starts again on its data, and leaves nothing behind", async () => {
    expect([existsSync(jar), existsSync(java)]).toEqual([true, true]);
    await using server = await startZooKeeper();
    const { pid, port, address } = server;
    expect(address).toBe(`127.0.0.1:${port}`);
    await server.kill("SIGKILL");
    expect(server.pid).toBeUndefined();
    await server.restart();
    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    await server.kill("SIGTERM");
    await server.wipe();
    await server[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.pid).toBeUndefined();
  }, 60_000);

  test("makes an ensemble that has another leader when the first one is killed", async () => {
    await using ensemble = await startZooKeeperEnsemble();
    const first = await ensemble.leader();
    await first.kill("SIGKILL");
    const second = await ensemble.leader();
    expect(second).not.toBe(first);
    await first.restart();
    expect(await ensemble.leader()).toBe(second);
    await ensemble[Symbol.asyncDispose]();
    expect(ensemble.members.map(({ pid }) => pid)).toEqual([undefined, undefined, undefined]);
  }, 120_000);
});
