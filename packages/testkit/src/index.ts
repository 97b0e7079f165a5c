// For authors of adapters
export { type TestCertificate, type TestCertificates, testCertificates } from "./certificates.js";
export { type FakeClock, fakeClock } from "./fake-clock.js";
export { type FaultMode, type FaultProxy, faultProxy, type ProxyTarget } from "./fault-proxy.js";
export { type FaultHooks, type FaultKind, type Harness, type SuiteOptions } from "./faults.js";
export { type Followed, follow } from "./follow.js";
export { metadataReportSuite, sampleMetadata } from "./metadata-report-suite.js";
export { type LeakOptions, noLeaks } from "./no-leaks.js";
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
  installEtcd,
  startEtcd,
  startEtcdCluster,
} from "./servers/etcd-server.js";
export {
  installZooKeeper,
  startZooKeeper,
  zooKeeperAvailable,
  type ZooKeeperInstallation,
  type ZooKeeperServer,
  type ZooKeeperServerOptions,
} from "./servers/zookeeper-server.js";
