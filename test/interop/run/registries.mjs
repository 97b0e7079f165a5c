import {
  nacosAvailable,
  etcdAvailable,
  startEtcd,
  startNacos,
  startZooKeeper,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { embeddedAvailable, startEmbedded } from "./embedded-server.mjs";

/** The servers that peers register with: how they are started, and whether this machine has them. */
export const registries = {
  zookeeper: {
    version: "ZooKeeper 3.8",
    isThere: () => zooKeeperAvailable() !== undefined,
    start: async () => withUrl("zookeeper", await startZooKeeper()),
  },
  nacos: {
    version: "Nacos 3.1",
    isThere: () => nacosAvailable(3) !== undefined,
    start: async () => withUrl("nacos", await startNacos({ major: 3 })),
  },
  etcd: {
    version: "etcd 3.4",
    isThere: () => etcdAvailable() !== undefined,
    start: async () => withUrl("etcd", await startEtcd()),
  },
  embedded: {
    version: "the embedded registry",
    isThere: embeddedAvailable,
    start: async () => {
      const registry = withUrl("nacos", await startEmbedded());
      const ours = `local://${registry.server.address}`;
      return { ...registry, urlFor: (language) => (language === "node" ? ours : registry.urlFor(language)) };
    },
  },
};

/** Starts one; a second time if the first failed, as Nacos may on a busy machine. */
export async function startRegistry(name) {
  const start = () => registries[name].start();
  return start().catch(start);
}

function withUrl(scheme, server) {
  return {
    server,
    /** What a peer of `language` is told. */
    urlFor: () => `${scheme}://${server.address}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
