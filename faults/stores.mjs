// The registries, each as something to be started, looked into and treated badly.
import { openRegistry } from "dubbo-ts";
import { redisMetadataReport } from "@dubbo-ts/metadata-redis";
import {
  etcdAvailable,
  faultProxy,
  freePort,
  nacosAvailable,
  redisAvailable,
  startEtcd,
  startEtcdCluster,
  startNacos,
  startRedis,
  startZooKeeper,
  startZooKeeperEnsemble,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { EmbeddedServer } from "./processes.mjs";

/**
 * `forgetsAfterMs`: the longest time after which a client that went silent is gone. `again`: the bar for being visible
 * again after a restart.
 */
const plain = (scheme, more) => ({
  ports: [0],
  again: 10_000,
  url: (at, query = "") => `${scheme}://${at}${query}`,
  ...more,
});

export const stores = {
  zookeeper: plain("zookeeper", {
    title: "ZooKeeper 3.8",
    isThere: zooKeeperAvailable,
    start: () => startZooKeeper(),
    startMany: () => startZooKeeperEnsemble(),
    forgetsAfterMs: 40_000,
    keepsInstances: false,
  }),
  etcd: plain("etcd", {
    title: "etcd 3.4",
    isThere: etcdAvailable,
    start: () => startEtcd(),
    startMany: () => startEtcdCluster(3),
    forgetsAfterMs: 60_000,
  }),
  nacos3: plain("nacos", {
    title: "Nacos 3.1",
    isThere: () => nacosAvailable(3),
    start: (options) => startNacos({ major: 3, ...options }),
    ports: [0, 1_000],
    forgetsAfterMs: 60_000,
    again: 5_000,
  }),
  nacos2: plain("nacos", {
    title: "Nacos 2.3",
    isThere: () => nacosAvailable(2),
    start: (options) => startNacos({ major: 2, ...options }),
    ports: [0, 1_000],
    forgetsAfterMs: 60_000,
    again: 5_000,
  }),
  local: plain("local", {
    title: "embedded",
    isThere: () => true,
    async start() {
      const server = new EmbeddedServer(await freePort([1_000]));
      await server.restart();
      return server;
    },
    ports: [0, 1_000],
    forgetsAfterMs: 60_000,
    again: 5_000,
    // Clients of a server that a test ends must not start one in its place.
    url: (at, query = "") => `local://${at}${query === "" ? "?" : `${query}&`}serve=false`,
  }),
  redis: plain("redis", {
    title: "Redis 7 (metadata)",
    isThere: redisAvailable,
    start: () => startRedis(),
    forgetsAfterMs: 0,
    metadataOnly: true,
  }),
};

/** A way to `server` that can be cut, in front of all its ports. */
export async function linkTo(store, server) {
  const base = store.ports.length > 1 ? await freePort(store.ports) : 0;
  const proxies = await Promise.all(
    store.ports.map((offset) =>
      faultProxy({ host: server.host, port: server.port + offset }, base === 0 ? 0 : base + offset),
    ),
  );
  return {
    at: proxies[0].address,
    setMode: (mode) => Promise.all(proxies.map((proxy) => proxy.setMode(mode))),
    cut: () => proxies.forEach((proxy) => proxy.cut()),
    accepted: () => proxies.reduce((sum, proxy) => sum + proxy.accepted, 0),
    close: () => Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]())),
  };
}

/** Looks into a store, past every fault but those of the server itself. */
export async function lookInto(url) {
  const backend = url.startsWith("redis:") ? await openReport(url) : await openRegistry(url);
  const soon = () => AbortSignal.timeout(3_000);
  return {
    instances: (application) => backend.registry.get(application, soon()),
    mapping: async (name) => (await backend.metadataReport.readMapping(name, soon())).applications,
    metadata: (application, revision) => backend.metadataReport.fetch(application, revision, soon()),
    close: () => backend[Symbol.asyncDispose](),
  };
}

async function openReport(address) {
  const metadataReport = await redisMetadataReport({ address });
  return { metadataReport, [Symbol.asyncDispose]: () => metadataReport[Symbol.asyncDispose]() };
}
