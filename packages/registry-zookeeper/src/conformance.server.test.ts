import type { MetadataReport } from "@dubbo-ts/metadata";
import type { Registry } from "@dubbo-ts/discovery";
import {
  type FaultHooks,
  type FaultProxy,
  faultProxy,
  type Harness,
  metadataReportSuite,
  realServer,
  registrySuite,
  startZooKeeper,
  type ZooKeeperServer,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import type { ZooKeeperOptions } from "./zookeeper-connection.js";
import { zookeeperMetadataReport } from "./zookeeper-metadata-report.js";
import { zookeeperRegistry } from "./zookeeper-registry.js";

/** Short, so that what takes longer than a session is soon over. */
const sessionMs = 800;
const settings = { sessionMs, propagationMs: 3_000, recoveryMs: 10_000 };

realServer("a real ZooKeeper", zooKeeperAvailable(), () => {
  let server: ZooKeeperServer;

  beforeAll(async () => {
    server = await startZooKeeper();
  }, 60_000);

  afterAll(() => server[Symbol.asyncDispose]());

  registrySuite("ZooKeeper", () => harness(server, zookeeperRegistry), settings);
  metadataReportSuite("ZooKeeper", () => harness(server, zookeeperMetadataReport), settings);
});

/** Clients of one server, each behind a proxy of its own. */
async function harness<A extends Registry | MetadataReport>(
  server: ZooKeeperServer,
  open: (options: ZooKeeperOptions) => Promise<A>,
): Promise<Harness<A>> {
  const proxies = new Map<FaultProxy, A>();
  let blackhole = false;
  const all = async (act: (proxy: FaultProxy) => PromiseLike<void> | void) => {
    for (const proxy of proxies.keys()) await act(proxy);
  };
  const faults: FaultHooks<A> = {
    killServer: () => server.kill("SIGKILL"),
    restartServer: () => server.restart(),
    wipeServer: () => server.wipe(),
    pauseServer: () => server.kill("SIGSTOP"),
    resumeServer: () => server.kill("SIGCONT"),
    cutConnections: () => all((proxy) => proxy.cut()),
    async blackhole() {
      blackhole = true;
      await all((proxy) => proxy.setMode("blackhole"));
    },
    async heal() {
      blackhole = false;
      await all((proxy) => proxy.setMode("pass"));
    },
    crashClient: (client) =>
      all((proxy) => (proxies.get(proxy) === client ? proxy.setMode("refuse") : undefined)),
  };
  return {
    faults,
    async open() {
      const proxy = await faultProxy(server);
      if (blackhole) await proxy.setMode("blackhole");
      const client = await open({
        address: `zookeeper://${proxy.address}`,
        sessionTimeoutMs: sessionMs,
        settleMs: 500,
      });
      proxies.set(proxy, client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await all((proxy) => proxy[Symbol.asyncDispose]());
      await server.kill("SIGCONT");
      await server.restart();
    },
  };
}
