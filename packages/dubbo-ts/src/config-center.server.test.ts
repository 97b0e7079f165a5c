// For the linter, which reads tests without the settings of the package.
/// <reference lib="esnext.disposable" />
import type { ConfigCenter } from "@dubbo-ts/config";
import {
  etcdAvailable,
  nacosAvailable,
  realServer,
  recordingLogger,
  startEtcd,
  startNacos,
  startZooKeeper,
  waitFor,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { createApplication, defineService, java, method, openRegistry } from "./index.js";

const Greeter = defineService("org.example.Greeter", { greet: method([java.string()], java.string()) });

const serversTimeoutMs = 300_000;

interface Server extends AsyncDisposable {
  readonly address: string;
}

realServer("what an operator writes into ZooKeeper", zooKeeperAvailable(), () =>
  obeyed("zookeeper", () => startZooKeeper()),
);
realServer("what an operator writes into etcd", etcdAvailable(), () => obeyed("etcd", () => startEtcd()));
realServer("what an operator writes into Nacos", nacosAvailable(3), () =>
  obeyed("nacos", () => startNacos({ major: 3 })),
);

function obeyed(scheme: string, start: () => Promise<Server>): void {
  let server: Server | undefined;
  beforeAll(async () => {
    server = await start();
  }, serversTimeoutMs);
  afterAll(() => server?.[Symbol.asyncDispose](), serversTimeoutMs);

  test(
    "reaches calls within a second: settings, rules of a service, weights of a provider",
    async () => {
      const url = `${scheme}://${server?.address}`;
      await using backend = await openRegistry(url);
      const center = backend.configCenter as ConfigCenter;
      const signal = AbortSignal.timeout(serversTimeoutMs);
      const publish = (key: string, text: string) => center.publish({ key, group: "dubbo" }, text, signal);
      await publish("dubbo.properties", "dubbo.consumer.retries=0\n");

      const config = { shutdown: { grace: 0 }, cache: { enabled: false }, protocols: { dubbo: { port: 0 } } };
      const shared = { registry: url, config, env: {}, argv: [], log: recordingLogger() };
      await using first = await createApplication({ ...shared, name: "greeter-app" });
      await using second = await createApplication({ ...shared, name: "greeter-app" });
      const ports = new Map<string, number>();
      for (const [name, app] of Object.entries({ first, second })) {
        const { addresses } = await app.export(Greeter, { greet: () => name });
        ports.set(name, addresses[0]?.port as number);
        await app.start();
      }
      await using consumer = await createApplication({ ...shared, name: "web" });
      expect(consumer.config.consumer.retries).toBe(0);
      const greeter = await consumer.refer(Greeter);
      const answers = async () => {
        const all = await Promise.all(Array.from({ length: 30 }, () => greeter.greet("x")));
        return [...new Set(all)].sort().join();
      };
      await waitFor(async () => (await answers()) === "first,second", { timeoutMs: 20_000 });

      const tookMs: number[] = [];
      // A busy machine may be late with one, not with all.
      const until = async (holds: () => boolean | Promise<boolean>) => {
        const start = performance.now();
        await waitFor(holds, { timeoutMs: 15_000 });
        tookMs.push(performance.now() - start);
      };
      await publish("dubbo.properties", "dubbo.consumer.retries=3\n");
      await until(() => consumer.config.consumer.retries === 3);

      const ruleOf = (scope: string, key: string, item: string) =>
        `configVersion: v2.7\nscope: ${scope}\nkey: ${key}\nenabled: true\nconfigs:\n- ${item}\n`;
      const key = "org.example.Greeter::.configurators";
      const off = `{ side: consumer, providerAddresses: ['0.0.0.0:${ports.get("second")}'], parameters: { disabled: true } }`;
      await publish(key, ruleOf("service", "org.example.Greeter", off));
      await until(async () => (await answers()) === "first");
      await center.remove({ key, group: "dubbo" }, signal);
      await until(async () => (await answers()) === "first,second");

      const weight = `{ side: provider, addresses: ['0.0.0.0:${ports.get("first")}'], parameters: { weight: 0 } }`;
      await publish("greeter-app.configurators", ruleOf("application", "greeter-app", weight));
      // By way of the registry, and metadata of another revision.
      await waitFor(async () => (await answers()) === "second", { timeoutMs: 15_000 });
      expect(Math.min(...tookMs)).toBeLessThan(1_000);
    },
    serversTimeoutMs,
  );
}
