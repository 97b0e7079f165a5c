import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MetadataReport } from "@dubbo-ts/metadata";
import type { Registry } from "@dubbo-ts/discovery";
import { type NacosServer, startNacosServer } from "@dubbo-ts/registry-local";
import {
  type FaultHooks,
  type FaultProxy,
  faultProxy,
  type Harness,
  metadataReportSuite,
  registrySuite,
} from "@dubbo-ts/testkit";
import { nacosMetadataReport, type NacosOptions, nacosRegistry } from "./nacos-connection.js";

const settings = { lacks: ["pause"], sessionMs: 600, propagationMs: 2_000, recoveryMs: 10_000 } as const;

registrySuite("Nacos", () => harness(nacosRegistry), settings);
metadataReportSuite("Nacos", () => harness(nacosMetadataReport), settings);

/** Clients of an embedded server, each behind a proxy of its own. */
async function harness<A extends Registry | MetadataReport>(
  open: (options: NacosOptions) => Promise<A>,
): Promise<Harness<A>> {
  const folder = await mkdtemp(join(tmpdir(), "dubbo-ts-nacos-"));
  const dataFile = join(folder, "configs.json");
  const detection = { idleMs: 300, answerMs: 200, everyMs: 50 };
  const start = (port: number) => startNacosServer({ port, dataFile, detection, tookOver: false });
  let server: NacosServer | undefined = await start(0);
  const { port } = server;
  const proxies = new Map<FaultProxy, A>();
  let blackhole = false;
  const all = (act: (proxy: FaultProxy) => PromiseLike<void> | void) =>
    Promise.all([...proxies.keys()].map(async (proxy) => act(proxy)));
  const killServer = async () => {
    await server?.[Symbol.asyncDispose]();
    server = undefined;
  };
  const faults: Partial<FaultHooks<A>> = {
    killServer,
    restartServer: async () => {
      server ??= await start(port);
    },
    wipeServer: () => rm(dataFile),
    cutConnections: async () => void (await all((proxy) => proxy.cut())),
    async blackhole() {
      blackhole = true;
      await all((proxy) => proxy.setMode("blackhole"));
    },
    async heal() {
      blackhole = false;
      await all((proxy) => proxy.setMode("pass"));
    },
    crashClient: async (client) =>
      void (await all((proxy) => (proxies.get(proxy) === client ? proxy.setMode("refuse") : undefined))),
  };
  return {
    faults,
    async open() {
      const proxy = await faultProxy({ host: "127.0.0.1", port: port + 1000 });
      if (blackhole) await proxy.setMode("blackhole");
      const client = await open({
        address: `nacos://127.0.0.1:${proxy.port}`,
        applicationsPollMs: 200,
        client: {
          grpcPortOffset: 0,
          backoffCapMs: 300,
          graceMs: 500,
          healthCheckMs: 100,
          healthTimeoutMs: 150,
          requestTimeoutMs: 500,
        },
      });
      proxies.set(proxy, client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await all((proxy) => proxy[Symbol.asyncDispose]());
      await killServer();
      await rm(folder, { recursive: true });
    },
  };
}
