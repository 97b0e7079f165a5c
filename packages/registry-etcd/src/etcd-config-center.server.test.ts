import { setMaxListeners } from "node:events";
import { systemRuntime } from "@dubbo-ts/core";
import { connectEtcd, type EtcdClient } from "@dubbo-ts/etcd-client";
import {
  type EtcdServer,
  follow,
  etcdAvailable,
  realServer,
  recordingLogger,
  startEtcd,
  waitFor,
} from "@dubbo-ts/testkit";
import { etcdConfigCenter } from "./etcd-config-center.js";
import { etcdConnection } from "./etcd-connection.js";
import { etcdMetadataReport } from "./etcd-metadata-report.js";

const { signal } = new AbortController();
setMaxListeners(0, signal);
jest.setTimeout(30_000);

realServer("settings in a real etcd", etcdAvailable(), () => {
  let server: EtcdServer;
  let client: EtcdClient;

  beforeAll(async () => {
    server = await startEtcd();
    client = await connectEtcd({ endpoints: server.address }, signal);
  }, 60_000);
  afterAll(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  });

  const center = (query = "") => etcdConfigCenter({ address: `etcd://${server.address}${query}` });

  test("are where Java and Go have them on ZooKeeper, and move with group and namespace", async () => {
    const item = { key: "org.example.A::.configurators", group: "dubbo" };
    for (const [query, root] of [
      ["", "/dubbo"],
      ["?group=shop", "/shop"],
      ["?namespace=blue", "/blue"],
      ["?group=shop&namespace=green", "/green"],
    ] as const) {
      await using ours = await center(query);
      await ours.publish(item, query || "none", signal);
      const key = `${root}/config/dubbo/org.example.A::.configurators`;
      expect((await client.get(key, { signal }))?.value.toString("utf8")).toBe(query || "none");
      await server.ctl("put", key, "by an operator");
      expect((await ours.get(item, signal))?.text).toBe("by an operator");
    }
  });

  test("are followed over what etcd has forgotten, and a version that is none is written over by nobody", async () => {
    await using ours = await center();
    const item = { key: "dubbo.properties", group: "compacted" };
    const seen = follow(ours.watch(item, signal));
    for (const text of ["1", "2", "3"]) await ours.publish(item, text, signal);
    await client.compact(await client.put("/any", "x", { signal }), { signal });
    await ours.publish(item, "4", signal);
    await waitFor(() => seen.latest?.text === "4");
    for (const version of ["", "x", "0", "-1", "9".repeat(40)])
      expect(await ours.publish(item, "lost", signal, { version })).toBe(false);
    await ours[Symbol.asyncDispose]();
    await seen.done;
  });

  test("say REGISTRY_AUTH_FAILED without the right, and no log has the password", async () => {
    await using secured = await startEtcd();
    for (const line of [
      "user add root:rootpw",
      "user grant-role root root",
      "role add settings",
      "role grant-permission --prefix=true settings read /dubbo/config/",
      "user add alice:geheim",
      "user grant-role alice settings",
      "auth enable",
    ])
      await secured.ctl(...line.split(" "));
    const log = recordingLogger();
    const address = `etcd://alice:geheim@${secured.address}`;
    await using ours = await etcdConfigCenter({ address }, { ...systemRuntime, log });
    const item = { key: "dubbo.properties", group: "dubbo" };
    expect(await ours.get(item, signal)).toBeUndefined();
    const refused = { code: "REGISTRY_AUTH_FAILED" };
    await expect(ours.publish(item, "1", signal)).rejects.toMatchObject(refused);
    await expect(ours.publish(item, "1", signal, "absent")).rejects.toMatchObject(refused);
    await expect(ours.remove(item, signal)).rejects.toMatchObject(refused);
    await using elsewhere = await etcdConfigCenter({ address: `${address}?namespace=other` });
    await expect(elsewhere.get(item, signal)).rejects.toMatchObject(refused);
    await expect(elsewhere.watch(item, signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
    expect(
      log.entries.map(({ fields, message }) => message + Object.values(fields).map(String).join()).join(),
    ).not.toContain("geheim");
  });

  test("leave a shared connection open when they are closed", async () => {
    await using connection = await etcdConnection({ address: `etcd://${server.address}` });
    const ours = await etcdConfigCenter({ connection });
    await ours[Symbol.asyncDispose]();
    const report = await etcdMetadataReport({ connection });
    expect((await report.readMapping("org.example.A", signal)).applications.size).toBe(0);
  });
});
