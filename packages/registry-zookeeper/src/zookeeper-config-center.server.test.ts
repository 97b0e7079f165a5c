import { setMaxListeners } from "node:events";
import { systemRuntime } from "@dubbo-ts/core";
import {
  realServer,
  recordingLogger,
  startZooKeeper,
  type ZooKeeperServer,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { connectZooKeeper, type ZooKeeperClient } from "@dubbo-ts/zookeeper-client";
import { zookeeperConfigCenter } from "./zookeeper-config-center.js";
import { zookeeperConnection } from "./zookeeper-connection.js";
import { zookeeperMetadataReport } from "./zookeeper-metadata-report.js";

const { signal } = new AbortController();
setMaxListeners(0, signal);
const bytes = (text: string) => Buffer.from(text, "utf8");

realServer("settings in a real ZooKeeper", zooKeeperAvailable(), () => {
  let server: ZooKeeperServer;
  let client: ZooKeeperClient;

  beforeAll(async () => {
    server = await startZooKeeper();
    client = await connectZooKeeper({ servers: server.address }, signal);
  }, 60_000);
  afterAll(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  });

  const center = (query = "", user = "") =>
    zookeeperConfigCenter({ address: `zookeeper://${user}${server.address}${query}` });
  const textAt = async (path: string) => (await client.getData(path, { signal })).data.toString("utf8");

  test("are read where Java keeps them, below the containers that it makes, and written there", async () => {
    // As recorded of Java 3.3.6: containers without data, then the operator's items.
    for (const path of ["/dubbo", "/dubbo/config", "/dubbo/config/dubbo", "/dubbo/config/java-order"])
      await client.create(path, Buffer.alloc(0), { mode: "container", signal });
    const global = "dubbo.consumer.timeout=1000\r\n# größer\r\ndubbo.provider.retries=0\r\n";
    await client.create("/dubbo/config/dubbo/dubbo.properties", bytes(global), { signal });
    await client.create("/dubbo/config/java-order/dubbo.properties", bytes("dubbo.tag=gray"), { signal });
    await using ours = await center();
    const properties = (group: string) => ({ key: "dubbo.properties", group });
    expect((await ours.get(properties("dubbo"), signal))?.text).toBe(global);
    expect((await ours.get(properties("java-order"), signal))?.text).toBe("dubbo.tag=gray");
    // The group's own node is no item of another group.
    expect(await ours.get({ key: "dubbo.properties", group: "config" }, signal)).toBeUndefined();
    for (const key of ["java-order.configurators", "org.example.UserService:1.0.0:g.configurators"]) {
      await ours.publish({ key, group: "dubbo" }, `key: ${key}`, signal, "absent");
      expect(await textAt(`/dubbo/config/dubbo/${key}`)).toBe(`key: ${key}`);
    }
  });

  test("move with the registry's group, and with the namespace of Java's config centers", async () => {
    const item = { key: "dubbo.properties", group: "dubbo" };
    for (const [query, root] of [
      ["?group=shop", "/shop"],
      ["?namespace=blue", "/blue"],
      ["?group=shop&namespace=green", "/green"],
    ] as const) {
      await using ours = await center(query);
      await ours.publish(item, query, signal);
      expect(await textAt(`${root}/config/dubbo/dubbo.properties`)).toBe(query);
    }
  });

  test("are kept from others with credentials, who are told so, and no log has the password", async () => {
    const item = { key: "dubbo.properties", group: "private" };
    const log = recordingLogger();
    const address = `zookeeper://alice:geheim@${server.address}?group=vault`;
    await using connection = await zookeeperConnection({ address }, { ...systemRuntime, log });
    await using ours = await zookeeperConfigCenter({ connection });
    await ours.publish(item, "1", signal);
    await using stranger = await center("?group=vault");
    const refused = { code: "REGISTRY_AUTH_FAILED" };
    await expect(stranger.get(item, signal)).rejects.toMatchObject(refused);
    await expect(stranger.publish(item, "2", signal)).rejects.toMatchObject(refused);
    await expect(stranger.publish({ ...item, key: "new" }, "2", signal, "absent")).rejects.toMatchObject(
      refused,
    );
    await expect(stranger.remove(item, signal)).rejects.toMatchObject(refused);
    await expect(stranger.watch(item, signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
    expect((await ours.get(item, signal))?.text).toBe("1");
    const said = log.entries.map(({ fields, message }) => message + Object.values(fields).map(String).join());
    expect(said.join()).not.toContain("geheim");
  });

  test("that are no path are REGISTRY_REFUSED, and so is removing what has others below it", async () => {
    await using ours = await center();
    const refused = { code: "REGISTRY_REFUSED", message: expect.stringMatching(/^zookeeper:\/\/127/) };
    for (const key of ["a//b", "../dubbo", "/a"])
      await expect(ours.get({ key, group: "dubbo" }, signal)).rejects.toMatchObject(refused);
    await ours.publish({ key: "deep/er", group: "paths" }, "1", signal);
    expect((await ours.get({ key: "deep/er", group: "paths" }, signal))?.text).toBe("1");
    await expect(ours.remove({ key: "deep", group: "paths" }, signal)).rejects.toMatchObject(refused);
  });

  test("leave a shared connection open when they are closed", async () => {
    await using connection = await zookeeperConnection({ address: `zookeeper://${server.address}` });
    const ours = await zookeeperConfigCenter({ connection });
    await ours[Symbol.asyncDispose]();
    const report = await zookeeperMetadataReport({ connection });
    expect((await report.readMapping("org.example.A", signal)).applications.size).toBe(0);
  });
});
