import {
  configCenterSuite,
  type Harness,
  interfaceRegistrySuite,
  metadataReportSuite,
  proxiedHarness,
  realServer,
  registrySuite,
  startZooKeeper,
  type ZooKeeperServer,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { zookeeperConfigCenter } from "./zookeeper-config-center.js";
import type { ZooKeeperOptions } from "./zookeeper-connection.js";
import { zookeeperInterfaceRegistry } from "./zookeeper-interface-registry.js";
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
  interfaceRegistrySuite("ZooKeeper", () => harness(server, zookeeperInterfaceRegistry), settings);
  metadataReportSuite("ZooKeeper", () => harness(server, zookeeperMetadataReport), settings);
  configCenterSuite("ZooKeeper", () => harness(server, zookeeperConfigCenter), {
    ...settings,
    tooManyBytes: 1_100_000,
  });
});

/** Clients of one server, with every fault. */
async function harness<A extends AsyncDisposable>(
  server: ZooKeeperServer,
  open: (options: ZooKeeperOptions) => Promise<A>,
): Promise<Harness<A>> {
  return proxiedHarness(server, (address) =>
    open({ address: `zookeeper://${address}`, sessionTimeoutMs: sessionMs, settleMs: 500 }),
  );
}
