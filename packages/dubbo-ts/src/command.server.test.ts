import type { Application } from "@dubbo-ts/application";
import { runCommand } from "@dubbo-ts/cli";
import { silentLogger } from "@dubbo-ts/core";
import { defineService, java, method } from "@dubbo-ts/rpc";
import { realServer, startZooKeeper, type ZooKeeperServer, zooKeeperAvailable } from "@dubbo-ts/testkit";
import { commandTools } from "./command-tools.js";
import { createApplication } from "./create-application.js";

const Greeter = defineService("org.example.Greeter", { hello: method([java.string()], java.string()) });

const doctor = (registry: string) => run(registry, "doctor", "org.example.Greeter");

async function run(registry: string, ...args: readonly string[]) {
  const out: string[] = [];
  const print = (line: string) => void out.push(line);
  const io = {
    out: print,
    err: print,
    signal: AbortSignal.timeout(20_000),
    env: { DUBBO_REGISTRY: registry },
  };
  const code = await runCommand(args, io, "1.2.3", commandTools);
  return { code, out: out.join("\n") };
}

realServer("the command on a real ZooKeeper", zooKeeperAvailable(), () => {
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

  test("the doctor finds the way clear", async () => {
    expect(await doctor(`zookeeper://${server.address}`)).toMatchObject({ code: 0 });
  });

  test("the doctor tells a chroot that is not there and a group that is empty from the root where the providers are", async () => {
    for (const wrong of ["/nowhere", "?group=nobody", "/nowhere?group=nobody"]) {
      const { code, out } = await doctor(`zookeeper://${server.address}${wrong}`);
      expect(code).toBe(1);
      expect(out).toMatch(
        /BROKEN +provided-by +nobody is mapped to it here, but greeter-app at zookeeper:\/\/127/,
      );
      expect(out).toContain("NO_PROVIDER (wrong-root)");
    }
  });

  test("the doctor tells instances that are under another root than the mapping", async () => {
    const { out } = await doctor(`zookeeper://${server.address}?rootPath=elsewhere`);
    expect(out).toMatch(/BROKEN +instances +no instances here, but greeter-app at [\d.]+:\d+ in zookeeper:/);
  });

  test("settings are kept where Java looks for them, by group and namespace of the URL", async () => {
    const registry = `zookeeper://${server.address}`;
    const item = ["demo-app.configurators", "--registry"];
    expect(await run(registry, "config", "get", ...item, registry)).toMatchObject({ code: 3 });
    expect(await run(registry, "config", "set", ...item, registry, "enabled: true")).toMatchObject({
      code: 0,
    });
    expect(await run(registry, "config", "get", ...item, registry)).toEqual({
      code: 0,
      out: "enabled: true",
    });
    expect(await run(registry, "config", "get", ...item, `${registry}?namespace=other`)).toMatchObject({
      code: 3,
    });
    expect(await run(registry, "config", "history", ...item, registry)).toMatchObject({ code: 2 });
    expect(await run(registry, "config", "remove", ...item, registry)).toMatchObject({ code: 0 });
  });
});
