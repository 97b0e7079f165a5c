import type { Registry } from "@dubbo-ts/discovery";
import type { MetadataReport } from "@dubbo-ts/metadata";
import {
  type EtcdServer,
  type FaultHooks,
  type FaultProxy,
  faultProxy,
  type Harness,
  installEtcd,
  metadataReportSuite,
  realServer,
  registrySuite,
  startEtcd,
} from "@dubbo-ts/testkit";
import type { EtcdOptions } from "./etcd-connection.js";
import { etcdMetadataReport } from "./etcd-metadata-report.js";
import { etcdRegistry } from "./etcd-registry.js";

/** Short, so that what takes longer than a lease is soon over; the server counts whole seconds. */
const sessionMs = 2_000;
const settings = { sessionMs, propagationMs: 3_000, recoveryMs: 10_000 };

realServer("a real etcd", installEtcd(), () => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await startEtcd();
  }, 60_000);

  afterAll(() => server[Symbol.asyncDispose]());

  registrySuite("etcd", () => harness(server, etcdRegistry), settings);
  metadataReportSuite("etcd", () => harness(server, etcdMetadataReport), settings);
});

/** Clients of one server, each behind a proxy of its own. */
async function harness<A extends Registry | MetadataReport>(
  server: EtcdServer,
  open: (options: EtcdOptions) => Promise<A>,
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
        address: `etcd://${proxy.address}`,
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
