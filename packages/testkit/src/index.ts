// For authors of adapters
export { type TestCertificate, type TestCertificates, testCertificates } from "./certificates.js";
export { type ConfigCenterSuiteOptions, configCenterSuite } from "./config-center-suite.js";
export { type FakeClock, fakeClock } from "./fake-clock.js";
export { type FaultMode, type FaultProxy, faultProxy, type ProxyTarget } from "./fault-proxy.js";
export { type FaultHooks, type FaultKind, type Harness, type SuiteOptions } from "./faults.js";
export { type Followed, follow } from "./follow.js";
export { Load } from "./load.js";
export { interfaceRegistrySuite, sampleServiceUrl } from "./interface-registry-suite.js";
export { metadataReportSuite, sampleMetadata } from "./metadata-report-suite.js";
export { type LeakOptions, noLeaks } from "./no-leaks.js";
export { proxiedHarness, type ProxiedServer } from "./proxied-harness.js";
export { RecordedUser, RecordedUserService } from "./recorded-service.js";
export { registrySuite } from "./registry-suite.js";
export { sampleInstance } from "./sample-instance.js";
export { ScriptedRegistry } from "./scripted-registry.js";
export { seededRandom } from "./seeded-random.js";
export { type LogEntry, recordingLogger, type TestRuntime, testRuntime } from "./test-runtime.js";
export { type WaitOptions, waitFor } from "./wait-for.js";
export { realServer } from "./servers/real-server.js";
export {
  etcdAvailable,
  type EtcdCluster,
  type EtcdInstallation,
  type EtcdServer,
  type EtcdServerOptions,
  type EtcdTlsFiles,
  startEtcd,
  startEtcdCluster,
} from "./servers/etcd-server.js";
export {
  redisAvailable,
  type RedisCluster,
  type RedisInstallation,
  type RedisSentinel,
  type RedisServer,
  type RedisServerOptions,
  type RedisServerTls,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from "./servers/redis-server.js";
export {
  startZooKeeper,
  startZooKeeperEnsemble,
  zooKeeperAvailable,
  type ZooKeeperEnsemble,
  type ZooKeeperInstallation,
  type ZooKeeperServer,
  type ZooKeeperServerOptions,
} from "./servers/zookeeper-server.js";
export {
  type NacosInstallation,
  type NacosMajor,
  type NacosServer,
  type NacosServerOptions,
  type NacosTlsFiles,
  nacosAvailable,
  startNacos,
} from "./servers/nacos-server.js";
export type {
  NacosAdmin,
  NacosInstanceChange,
  NacosListedInstance,
  NacosServiceName,
} from "./servers/nacos-admin.js";
export {
  type ServerCommand,
  ServerProcess,
  type ServerProcessOptions,
  started,
  type TestServer,
} from "./servers/server-process.js";
export { freePort } from "./servers/free-ports.js";
export { onPath } from "./servers/programs.js";
