import type { Application } from "@dubbo-ts/application";
import { runCommand } from "@dubbo-ts/cli";
import { silentLogger } from "@dubbo-ts/core";
import { defineService, java, method } from "@dubbo-ts/rpc";
import { realServer, startZooKeeper, type ZooKeeperServer, zooKeeperAvailable } from "@dubbo-ts/testkit";
import { commandTools } from "./command-tools.js";
import { createApplication } from "./create-application.js";

const Greeter = defineService("org.example.Greeter", { hello: method([java.string()], java.string()) });

async function doctor(registry: string) {
  const out: string[] = [];
  const print = (line: string) => void out.push(line);
  const io = {
    out: print,
    err: print,
    signal: AbortSignal.timeout(20_000),
    env: { DUBBO_REGISTRY: registry },
  };
  const code = await runCommand(["doctor", "org.example.Greeter"], io, "1.2.3", commandTools);
  return { code, out: out.join("\n") };
}

realServer("the doctor on a real ZooKeeper", zooKeeperAvailable(), () => {
  let server: ZooKeeperServer;
  let provider: Application;

  beforeAll(async () => {
    server = await startZooKeeper();
    const config = {
      application: { name: "greeter-app" },
      cache: { enabled: false },
      protocols: { dubbo: { port: 0 } },
    };
    const registry = `zookeeper://${server.address}`;
    provider = await createApplication({ config, registry, env: {}, log: silentLogger });
    await provider.export(Greeter, { hello: (name) => `hello ${name}` });
    await provider.start();
  }, 60_000);

  afterAll(async () => {
    await provider.stop();
    await server[Symbol.asyncDispose]();
  });

  test("finds the way clear", async () => {
    expect(await doctor(`zookeeper://${server.address}`)).toMatchObject({ code: 0 });
  });

  test("tells a chroot that is not there and a group that is empty from the root where the providers are", async () => {
    for (const wrong of ["/nowhere", "?group=nobody", "/nowhere?group=nobody"]) {
      const { code, out } = await doctor(`zookeeper://${server.address}${wrong}`);
      expect(code).toBe(1);
      expect(out).toMatch(
        /BROKEN +provided-by +nobody is mapped to it here, but greeter-app at zookeeper:\/\/127/,
      );
      expect(out).toContain("NO_PROVIDER (wrong-root)");
    }
  });

  test("tells instances that are under another root than the mapping", async () => {
    const { out } = await doctor(`zookeeper://${server.address}?rootPath=elsewhere`);
    expect(out).toMatch(/BROKEN +instances +no instances here, but greeter-app at [\d.]+:\d+ in zookeeper:/);
  });
});
