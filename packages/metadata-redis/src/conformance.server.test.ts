import {
  configCenterSuite,
  metadataReportSuite,
  proxiedHarness,
  realServer,
  redisAvailable,
  type RedisServer,
  startRedis,
} from "@dubbo-ts/testkit";
import { redisConfigCenter } from "./redis-config-center.js";
import { redisMetadataReport } from "./redis-metadata-report.js";
import type { RedisOptions } from "./redis-settings.js";

const settings = { propagationMs: 3_000, recoveryMs: 10_000 };

realServer("a real Redis", redisAvailable(), () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ password: "geheim" });
  }, 60_000);

  afterAll(() => server[Symbol.asyncDispose]());

  metadataReportSuite("Redis", () => harness(redisMetadataReport), settings);
  configCenterSuite("Redis", () => harness(redisConfigCenter), settings);

  /** Clients of one server, with every fault. */
  async function harness<A extends AsyncDisposable>(open: (options: RedisOptions) => Promise<A>) {
    return proxiedHarness(server, (address) => open({ address: `redis://:geheim@${address}` }));
  }
});
