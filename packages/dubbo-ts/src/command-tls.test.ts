import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Application } from "@dubbo-ts/application";
import { silentLogger } from "@dubbo-ts/core";
import { type NacosServer, startNacosServer } from "@dubbo-ts/registry-local";
import { defineService, java, method } from "@dubbo-ts/rpc";
import { testCertificates } from "@dubbo-ts/testkit";
import { createApplication } from "./create-application.js";
import { runHere } from "./test-support.js";

jest.setTimeout(60_000);

const Users = defineService("org.example.Users", { name: method([java.int()], java.string()) });

let server: NacosServer;
let registry: string;
let provider: Application;
let directory: string;

const file = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "command-tls-"));
  for (const name of ["provider", "consumer", "stranger"] as const) {
    await writeFile(file(`${name}.pem`), testCertificates[name].certificate);
    await writeFile(file(`${name}.key`), testCertificates[name].privateKey);
  }
  await writeFile(file("ca.pem"), testCertificates.authority);
  await writeFile(file("other-ca.pem"), testCertificates.otherAuthority);
  server = await startNacosServer({ port: 0 });
  registry = `local://127.0.0.1:${server.port}`;
  // Consumers must show a certificate, and nothing is served that is not encrypted.
  const tls = {
    "cert-file": file("provider.pem"),
    "key-file": file("provider.key"),
    "ca-file": file("ca.pem"),
  };
  const config = {
    application: { name: "users-app" },
    cache: { enabled: false },
    protocols: { dubbo: { port: 0, tls }, tri: { port: 0, tls } },
  };
  provider = await createApplication({ config, registry, env: {}, log: silentLogger });
  await provider.export(Users, { name: (id) => `user ${id}` });
  await provider.start();
});

afterAll(async () => {
  await provider.stop();
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const run = (...args: string[]) => runHere(registry, [...args, "--timeout", "20s"], 50_000);

/** What an application's `consumer.tls` would have, as options. */
const trust = () => ["--ca-file", file("ca.pem")];
const show = (name = "consumer") => ["--cert-file", file(`${name}.pem`), "--key-file", file(`${name}.key`)];

/** The same in a file. */
async function configFile(tls: object): Promise<string> {
  const path = file("dubbo.yaml");
  await writeFile(path, JSON.stringify({ application: { name: "cli" }, consumer: { tls } }));
  return path;
}

const inFile = () => ({
  "ca-file": file("ca.pem"),
  "cert-file": file("consumer.pem"),
  "key-file": file("consumer.key"),
});

describe("providers that take nothing but TLS", () => {
  test.each(["dubbo", "tri"])(
    "over %s: the doctor walks to the end, and a method is called",
    async (protocol) => {
      const options = ["--protocol", protocol, ...trust(), ...show()];
      const well = await run("doctor", "org.example.Users", ...options);
      expect(well.out.split("\n").map((line) => line.slice(0, 2))).toEqual(Array(11).fill("ok"));
      expect(well).toMatchObject({ code: 0, err: "" });
      expect(await run("call", "org.example.Users", "name", "7", ...options)).toEqual({
        code: 0,
        out: '"user 7"',
        err: "",
      });
    },
  );

  test("are called as a configuration's consumer.tls says, and single options win over it", async () => {
    const config = ["--config", await configFile(inFile())];
    expect(await run("doctor", "org.example.Users", ...config)).toMatchObject({ code: 0 });
    expect(await run("call", "org.example.Users", "name", "7", ...config)).toMatchObject({ code: 0 });
    const distrusting = await run(
      "doctor",
      "org.example.Users",
      ...config,
      "--ca-file",
      file("other-ca.pem"),
    );
    expect(distrusting.code).toBe(1);
    expect(distrusting.out).toMatch(/BROKEN +metadata .*self-signed certificate/);
    const other = [
      "--config",
      await configFile({ ...inFile(), "ca-file": file("other-ca.pem") }),
      ...trust(),
    ];
    expect(await run("call", "org.example.Users", "name", "7", ...other)).toMatchObject({ code: 0 });
  });

  test("tell what they offer to metadata and mapping", async () => {
    const options = [...trust(), ...show()];
    expect((await run("metadata", "users-app", ...options)).out).toMatch(/org\.example\.Users +dubbo .*name/);
    expect((await run("mapping", ...options)).out).toMatch(/^org\.example\.Users +users-app +users-app$/m);
  });

  test("are told apart from those that are ill, with the options that are missing", async () => {
    for (const options of [[], trust(), [...trust(), ...show("stranger")]]) {
      const ill = await run("doctor", "org.example.Users", "--protocol", "dubbo", ...options);
      expect(ill.code).toBe(1);
      expect(ill.out).toMatch(/BROKEN +metadata [\s\S]*do +say how the provider is called: --ca-file/);
    }
  });

  test("have names of their own: a certificate for another one is refused, one that is named is taken", async () => {
    const options = [...trust(), ...show(), "--server-name"];
    expect(await run("call", "org.example.Users", "name", "7", ...options, "provider.test")).toMatchObject({
      code: 0,
    });
    const wrong = await run("doctor", "org.example.Users", ...options, "elsewhere.test");
    expect(wrong.out).toContain("elsewhere.test. is not in the cert's altnames");
  });
});

test("files that are missing or do not belong together are wrong use", async () => {
  for (const command of [
    ["doctor", "org.example.Users"],
    ["call", "org.example.Users", "name", "7"],
    ["metadata", "users-app"],
  ]) {
    const missing = await run(...command, "--ca-file", file("nobody.pem"));
    expect(missing).toMatchObject({ code: 2, out: "" });
    expect(missing.err).toMatch(/^CONFIG_INVALID: consumer\.tls\.ca-file: .*nobody\.pem cannot be read/);
    const half = await run(...command, "--cert-file", file("consumer.pem"));
    expect(half.err).toBe("CONFIG_INVALID: consumer.tls: cert-file and key-file belong together");
    const foreign = ["--cert-file", file("consumer.pem"), "--key-file", file("stranger.key")];
    expect((await run(...command, ...foreign)).err).toMatch(/^CONFIG_INVALID: consumer\.tls: TLS: /);
    const nowhere = await run(...command, "--config", file("no.yaml"));
    expect(nowhere.err).toMatch(/^CONFIG_NOT_FOUND: .*no\.yaml does not exist/);
  }
});
