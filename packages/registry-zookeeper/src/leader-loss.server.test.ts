import {
  follow,
  realServer,
  sampleInstance,
  startZooKeeperEnsemble,
  waitFor,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { zookeeperMetadataReport } from "./zookeeper-metadata-report.js";
import { zookeeperRegistry } from "./zookeeper-registry.js";

const seconds = 1_000;

realServer("an ensemble of three ZooKeepers that loses its leader", zooKeeperAvailable(), () => {
  test("keeps registrations, watches and mappings, and takes a registration made during the election", async () => {
    await using ensemble = await startZooKeeperEnsemble();
    const signal = AbortSignal.timeout(100 * seconds);
    const options = { address: `zookeeper://${ensemble.address}`, sessionTimeoutMs: 6 * seconds };
    await using provider = await zookeeperRegistry(options);
    await using consumer = await zookeeperRegistry(options);
    await using report = await zookeeperMetadataReport(options);
    const [before, during] = [sampleInstance({ port: 20_001 }), sampleInstance({ port: 20_002 })];
    await provider.register(before, signal);
    await report.writeMapping(
      "org.example.Kept",
      { applications: new Set(["sample-app"]), version: undefined },
      signal,
    );
    const instances = follow(consumer.watch("sample-app", signal));
    const ids = () => instances.latest?.instances.map(({ id }) => id).sort();
    await waitFor(() => ids()?.length === 1, { timeoutMs: 10 * seconds });

    const leader = await ensemble.leader();
    await leader.kill("SIGKILL");
    const registering = provider.register(during, signal);
    await ensemble.leader();
    const quorumAtMs = performance.now();
    await registering;
    expect(performance.now() - quorumAtMs).toBeLessThan(10 * seconds);
    await waitFor(() => ids()?.length === 2, { timeoutMs: 10 * seconds });
    const sizes = instances.values.map(({ instances: set }) => set.length);
    expect(sizes.slice(sizes.indexOf(1))).not.toContain(0);
    expect([...(await report.readMapping("org.example.Kept", signal)).applications]).toEqual(["sample-app"]);

    // The one that was killed comes back as a follower and knows what happened meanwhile.
    await leader.restart();
    await waitFor(async () => (await ensemble.leader()) !== leader);
    await using other = await zookeeperRegistry({ ...options, address: `zookeeper://${leader.address}` });
    const known = async () => (await other.get("sample-app", signal)).length === 2;
    await waitFor(known, { timeoutMs: 20 * seconds, intervalMs: 100 });
  }, 120_000);
});
