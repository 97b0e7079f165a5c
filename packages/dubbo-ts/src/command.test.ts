import type { Application } from "@dubbo-ts/application";
import { RemoteException, silentLogger } from "@dubbo-ts/core";
import { type NacosServer, startNacosServer } from "@dubbo-ts/registry-local";
import { callContext, defineService, java, method } from "@dubbo-ts/rpc";
import { createApplication } from "./create-application.js";
import { runHere } from "./test-support.js";

const User = java.object("org.example.User", { id: java.long(), name: java.string(), born: java.date() });

const Users = defineService("org.example.Users", {
  find: method([java.long()], User.nullable()),
  rename: method([java.long(), java.string()], java.string()),
  big: method([], java.long()),
  tenant: method([], java.string().nullable()),
});

let server: NacosServer;
let registry: string;
let provider: Application;

beforeAll(async () => {
  server = await startNacosServer({ port: 0 });
  registry = `local://127.0.0.1:${server.port}`;
  const config = {
    application: { name: "users-app" },
    cache: { enabled: false },
    protocols: { dubbo: { port: 0 }, tri: { port: 0 } },
  };
  provider = await createApplication({ config, registry, env: {}, log: silentLogger });
  const implementation = {
    find: (id: bigint) => (id === 1n ? { id, name: "Ada", born: new Date(Date.UTC(1815, 11, 10)) } : null),
    rename: (id: bigint, name: string) => {
      if (name === "Alan") throw new RemoteException("org.example.NameTaken", `${name} is taken`, { name });
      return `${id} is ${name}`;
    },
    big: () => 2n ** 60n,
    tenant: () => callContext().attachments.get("tenant") ?? null,
  };
  await provider.export(Users, implementation, { version: "1.0.0" });
  await provider.start();
});

afterAll(async () => {
  await provider.stop();
  await server[Symbol.asyncDispose]();
});

const run = (...args: string[]) => runHere(registry, args, 15_000);

const call = (...args: string[]) => run("call", "org.example.Users", ...args, "--json");

/** `dubbo://host:port` of the provider. */
async function address(): Promise<string> {
  const { out } = await run("instances", "users-app", "--json");
  const [instance] = JSON.parse(out) as { ports: { dubbo: number } }[];
  return `dubbo://127.0.0.1:${instance?.ports.dubbo}`;
}

describe("over the embedded registry", () => {
  test("applications, instances, mapping and metadata are seen", async () => {
    expect((await run("apps")).out).toMatch(/^users-app +1 +1 /m);
    expect((await run("instances")).out).toMatch(/^users-app +127\.0\.0\.1:\d+ +ok /m);
    expect((await run("mapping")).out).toMatch(/^org\.example\.Users +users-app +users-app$/m);
    expect((await run("metadata", "users-app")).out).toMatch(
      /org\.example\.Users:1\.0\.0 +dubbo .*find,rename,big/,
    );
  });

  test("a method is called without a definition, with arguments and a result in JSON", async () => {
    const version = ["--version", "1.0.0"];
    expect(await call("find", "1", ...version)).toEqual({
      code: 0,
      out: '{"class":"org.example.User","id":1,"name":"Ada","born":"1815-12-10T00:00:00.000Z"}',
      err: "",
    });
    expect(await call("find", "9007199254740993", ...version)).toMatchObject({ code: 0, out: "null" });
    expect(await call("big", ...version)).toMatchObject({ code: 0, out: '"1152921504606846976"' });
    const renamed = await call("rename", "7", '"Grace"', ...version, "--types", "long,java.lang.String");
    expect(renamed).toMatchObject({ code: 0, out: '"7 is Grace"' });
  });

  test("over either protocol, with attachments", async () => {
    for (const protocol of ["dubbo", "tri"]) {
      const options = ["--version", "1.0.0", "--protocol", protocol];
      const answer = await call("tenant", ...options, "--attachment", "tenant=acme");
      expect(answer).toEqual({ code: 0, out: '"acme"', err: "" });
      const { code, out } = await run("doctor", "org.example.Users", ...options);
      expect(code).toBe(0);
      expect(out).toContain(`${protocol} at 1 address`);
    }
  });

  test("an exception, an unknown method and a missing provider are told apart by exit code and code", async () => {
    const taken = await call("rename", "7", '"Alan"', "--version", "1.0.0");
    expect(taken).toMatchObject({ code: 4, err: "org.example.NameTaken: Alan is taken" });
    expect(await call("nonsense", "--version", "1.0.0")).toMatchObject({ code: 1 });
    const missing = await call("find", "1", "--version", "2.0.0");
    expect(missing.code).toBe(3);
    expect(missing.err).toMatch(/^NO_PROVIDER: .*offered instead: org\.example\.Users:1\.0\.0:dubbo/);
  });

  test("an address given by hand is called without a registry", async () => {
    const found = await call(
      "find",
      "2",
      "--url",
      await address(),
      "--version",
      "1.0.0",
      "--registry",
      "nacos://nowhere",
    );
    expect(found).toMatchObject({ code: 0, out: "null" });
    const dead = await call("find", "2", "--url", "dubbo://127.0.0.1:1", "--timeout", "2s");
    expect(dead).toMatchObject({ code: 1 });
    expect(dead.err).toContain("CONNECT_FAILED");
  });

  test("the doctor finds the way clear, and says what version would fit", async () => {
    const well = await run("doctor", "org.example.Users", "--version", "1.0.0");
    expect(well).toMatchObject({ code: 0, err: "" });
    expect(well.out.split("\n").map((line) => line.slice(0, 2))).toEqual(Array(11).fill("ok"));
    const ill = await run("doctor", "org.example.Users");
    expect(ill.code).toBe(1);
    expect(ill.out).toContain("NO_PROVIDER (other-version-or-group)");
    expect(ill.out).toContain("ask for --version 1.0.0");
  });

  test("the doctor names the namespace where the providers are", async () => {
    const ill = await run("doctor", "org.example.Users", "--registry", `${registry}?namespace=staging`);
    expect(ill.code).toBe(1);
    expect(ill.out).toContain(`nobody is mapped to it here, but users-app at ${registry}`);
  });

  test("a registry that is not there is told at once by the doctor, and nobody starts to serve it", async () => {
    const away = await startNacosServer({ port: 0 });
    await away[Symbol.asyncDispose]();
    const url = `local://127.0.0.1:${away.port}`;
    const ill = await run("doctor", "org.example.Users", "--registry", url);
    expect(ill.out).toMatch(/BROKEN +registry +.*ECONNREFUSED[\s\S]*REGISTRY_UNAVAILABLE \(registry-down\)/);
    expect(await run("apps", "--registry", url, "--timeout", "300ms")).toMatchObject({ code: 1, out: "" });
    expect((await run("doctor", "org.example.Users", "--registry", url)).out).toContain("ECONNREFUSED");
  });
});
