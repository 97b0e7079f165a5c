import {
  configCenterSuite,
  type EtcdServer,
  type Harness,
  etcdAvailable,
  interfaceRegistrySuite,
  metadataReportSuite,
  proxiedHarness,
  realServer,
  registrySuite,
  startEtcd,
} from "@dubbo-ts/testkit";
import { etcdConfigCenter } from "./etcd-config-center.js";
import type { EtcdOptions } from "./etcd-connection.js";
import { etcdInterfaceRegistry } from "./etcd-interface-registry.js";
import { etcdMetadataReport } from "./etcd-metadata-report.js";
import { etcdRegistry } from "./etcd-registry.js";

/** Short, so that what takes longer than a lease is soon over; the server counts whole seconds. */
const sessionMs = 2_000;
const settings = { sessionMs, propagationMs: 3_000, recoveryMs: 10_000 };

realServer("a real etcd", etcdAvailable(), () => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await startEtcd();
  }, 60_000);

  afterAll(() => server[Symbol.asyncDispose]());

  registrySuite("etcd", () => harness(server, etcdRegistry), settings);
  interfaceRegistrySuite("etcd", () => harness(server, etcdInterfaceRegistry), settings);
  metadataReportSuite("etcd", () => harness(server, etcdMetadataReport), settings);
  configCenterSuite("etcd", () => harness(server, etcdConfigCenter), {
    ...settings,
    tooManyBytes: 2_000_000,
  });
});

/** Clients of one server, with every fault. */
async function harness<A extends AsyncDisposable>(
  server: EtcdServer,
  open: (options: EtcdOptions) => Promise<A>,
): Promise<Harness<A>> {
  return proxiedHarness(server, (address) =>
    open({ address: `etcd://${address}`, sessionTimeoutMs: sessionMs, settleMs: 500 }),
  );
}
