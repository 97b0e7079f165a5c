import { setTimeout as pause } from "node:timers/promises";
import { openEtcd } from "@dubbo-ts/etcd-client";
import { nacosConfig, nacosNaming } from "@dubbo-ts/nacos-client";
import { connectZooKeeper } from "@dubbo-ts/zookeeper-client";
import { within } from "./lib.mjs";

const readers = {
  zookeeper: zookeeperBytes,
  etcd: etcdBytes,
  nacos: nacosBytes,
  local: nacosBytes,
};

/** All names and values in the store, without its own bookkeeping; of Nacos' settings those of `known`. */
export async function storedBytes(store, server, known) {
  const [scheme] = store.url(server.address).split(":");
  return readers[scheme](server, known);
}

async function zookeeperBytes(server) {
  const client = await connectZooKeeper({ servers: server.address }, within(30_000));
  const sizeOf = async (path) => {
    const [{ data }, { children }] = await Promise.all([
      client.getData(path, { timeoutMs: 60_000 }),
      client.getChildren(path, { timeoutMs: 60_000 }),
    ]);
    let sum = path.length + data.length;
    for (const name of children)
      if (path !== "/" || name !== "zookeeper") sum += await sizeOf(`${path === "/" ? "" : path}/${name}`);
    return sum;
  };
  try {
    return await sizeOf("/");
  } finally {
    await client.close();
  }
}

async function etcdBytes(server) {
  const client = openEtcd({ endpoints: server.address });
  try {
    let sum = 0;
    for (const prefix of ["/services/", "/dubbo/"]) {
      const { entries } = await client.list({ prefix }, { timeoutMs: 60_000 });
      for (const { key, value } of entries) sum += Buffer.byteLength(key) + value.length;
    }
    return sum;
  } finally {
    await client.close();
  }
}

/** An instance counts as what the server sends of it; a service as its name; a setting as name, group and content. */
async function nacosBytes(server, { application, interfaces }) {
  const options = { servers: [server.address] };
  const naming = nacosNaming(options);
  const config = nacosConfig(options);
  try {
    let sum = 0;
    const revisions = new Set();
    // Lists of the server may be 0.6 s old.
    await pause(2_000);
    for (const name of await naming.services(within(60_000))) {
      const { hosts } = await naming.query({ name }, within(60_000));
      sum += name.length + hosts.reduce((bytes, host) => bytes + JSON.stringify(host).length, 0);
      for (const { metadata } of hosts) revisions.add(metadata["dubbo.metadata.revision"]);
    }
    const settings = [
      ...[...revisions].map((group) => ({ dataId: application, group })),
      ...interfaces.map((dataId) => ({ dataId, group: "mapping" })),
    ];
    for (const key of settings) {
      if (key.group === undefined) continue;
      const value = await config.get(key, within(60_000));
      if (value !== undefined) sum += key.dataId.length + key.group.length + Buffer.byteLength(value.content);
    }
    return sum;
  } finally {
    await naming.close();
    await config.close();
  }
}
