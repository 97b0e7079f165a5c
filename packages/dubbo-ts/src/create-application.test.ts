// For the linter, which reads tests without the settings of the package.
/// <reference lib="esnext.disposable" />
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordingLogger } from "@dubbo-ts/testkit";
import {
  createApplication,
  defineService,
  java,
  memoryCenters,
  method,
  openRegistry,
  Service,
} from "./index.js";
import { pinoLogger } from "./logger.js";

/** What the import of the front door has loaded. */
const loaded = Object.keys(require.cache);

const Greeter = defineService("org.example.Greeter", { greet: method([java.string()], java.string()) });

@Service(Greeter)
class GreeterImpl {
  greet(name: string): string {
    return `hello ${name}`;
  }
}

const quiet = { config: { logger: { level: "silent" }, shutdown: { grace: 0 } }, env: {} };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "front-door-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the import loads no adapter and no protocol; an application loads those that it names", async () => {
  const adapters = [
    "registry-zookeeper",
    "zookeeper-client",
    "registry-nacos",
    "nacos-client",
    "registry-local",
  ];
  const heavy = [...adapters, "protocols/dubbo", "protocols/triple", "hessian.js", "@grpc", "protobufjs"];
  const among = (paths: readonly string[]) =>
    heavy.filter((name) => paths.some((path) => path.includes(`/${name}/`)));
  expect(loaded.some((path) => path.endsWith("dubbo-ts/src/create-application.ts"))).toBe(true);
  expect(among(loaded)).toEqual([]);
  await using app = await createApplication({ ...quiet, name: "light", registry: "memory://" });
  expect(app.name).toBe("light");
  expect(among(Object.keys(require.cache))).toEqual([]);
});

describe("createApplication", () => {
  test("takes a file, a profile beside it and a name that wins", async () => {
    writeFileSync(
      join(folder, "dubbo.yaml"),
      "application: from-file\nlogger: { level: silent }\nregistries: { m: 'memory://' }\n",
    );
    const app = await createApplication({ config: join(folder, "dubbo.yaml"), env: {} });
    expect(app.name).toBe("from-file");
    await app.stop();
    const named = await createApplication({
      config: join(folder, "dubbo.yaml"),
      name: "mine",
      profile: "test",
      env: {},
    });
    expect(named.name).toBe("mine");
    expect(named.config.protocols["dubbo"]).toMatchObject({ host: "127.0.0.1", port: 0 });
    expect(named.config.logger.level).toBe("warn");
    await named.stop();
  });

  test("needs a name, and says which registries and which keys there are", async () => {
    await expect(createApplication({ env: {} })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(createApplication({ ...quiet, name: "a", registry: "mars://h:1" })).rejects.toThrow(
      /unknown registry scheme "mars"; known: etcd, local, memory, nacos, redis, rediss, zookeeper/,
    );
    const typo = createApplication({ name: "a", config: { protocol: {} }, env: {} });
    await expect(typo).rejects.toThrow(/protocols/);
  });

  test("prefers --registry to DUBBO_REGISTRY, that to the program, and the program to the file", async () => {
    const fails = async (options: object) =>
      createApplication({
        ...quiet,
        name: "a",
        config: { registries: { r: "file://h:1" } },
        ...options,
      }).then(
        async (app) => {
          await app.stop();
          return undefined;
        },
        (error: unknown) => /scheme "(\w+)"/.exec(String(error))?.[1],
      );
    const argv = ["--registry", "flag://h:1"];
    const env = { DUBBO_REGISTRY: "env://h:1" };
    expect(await fails({})).toBe("file");
    expect(await fails({ registry: "code://h:1" })).toBe("code");
    expect(await fails({ registry: "code://h:1", env })).toBe("env");
    expect(await fails({ registry: "code://h:1", env, argv })).toBe("flag");
  });

  test("exports decorated classes, and keeps programs apart that share no memory", async () => {
    const memory = memoryCenters();
    const shared = { ...quiet, registry: "memory://", memory };
    await using provider = await createApplication({ ...shared, name: "provider", services: [GreeterImpl] });
    await provider.start();
    await using consumer = await createApplication({ ...shared, name: "consumer" });
    expect(await (await consumer.refer(Greeter)).greet("Ada")).toBe("hello Ada");
    await using stranger = await createApplication({ ...quiet, registry: "memory://", name: "stranger" });
    const lost = await stranger.refer(Greeter, { check: false });
    await expect(lost.greet("Ada", { timeoutMs: 200 })).rejects.toThrow(/no provider of org.example.Greeter/);
  });

  test("closes what it had opened when a class cannot be exported", async () => {
    class Plain {}
    const log = recordingLogger();
    const failing = createApplication({ ...quiet, name: "a", registry: "memory://", services: [Plain], log });
    await expect(failing).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
    expect(log.entries.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });

  test("opens a registry without an application", async () => {
    await using backend = await openRegistry("memory://");
    expect(await backend.registry.applications(AbortSignal.timeout(1_000))).toEqual([]);
    for (const url of ["mars://h:1", "redis://127.0.0.1:1", "rediss://:geheim@127.0.0.1:1"])
      await expect(openRegistry(url)).rejects.toMatchObject({ code: "UNKNOWN_REGISTRY" });
    await expect(openRegistry("rediss://:geheim@h:1")).rejects.toThrow(
      "rediss://h:1 keeps metadata and settings, but no instances: name it as metadata-report",
    );
  });
});

describe("the log", () => {
  async function lines(format: "json" | "pretty", level: "info" | "warn" = "info"): Promise<string[]> {
    const file = join(folder, "logs", `${format}-${level}.log`);
    const log = pinoLogger({ level, format, file }, "app");
    const cause = new Error("deep");
    const error = Object.assign(new Error("it broke\nfor good", { cause }), { code: "NO_PROVIDER" });
    log.debug({}, "not shown");
    log.info({ port: 1, service: "a\nb\u001b[2J" }, "listening\nERROR forged \u009b2J");
    log.warn({ err: error }, "careful");
    log.error({ error, list: [1] }, "lost");
    let text = "";
    const deadline = Date.now() + 5_000;
    while (!text.includes("lost") && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      try {
        text = readFileSync(file, "utf8");
      } catch {
        // not yet written
      }
    }
    return text.trimEnd().split("\n");
  }

  test("for people is one harmless line an event, with code and message of an error", async () => {
    const shown = await lines("pretty");
    expect(shown.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, ""))).toEqual([
      String.raw`info  listening\u000aERROR forged \u009b2J port=1 service="a\nb\u001b[2J"`,
      String.raw`warn  careful err="NO_PROVIDER: it broke\nfor good: deep"`,
      String.raw`error lost error="NO_PROVIDER: it broke\nfor good: deep" list=[1]`,
    ]);
  });

  test("for programs is JSON with the application's name, the stack and the level asked for", async () => {
    const parsed = (await lines("json", "warn")).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed).toMatchObject([
      {
        level: 40,
        name: "app",
        msg: "careful",
        err: { code: "NO_PROVIDER", stack: expect.stringContaining("deep") as string },
      },
      { level: 50, msg: "lost", error: { type: "Error" }, list: [1] },
    ]);
    expect(parsed[0]?.["time"]).toMatch(/^\d{4}-\d\d-\d\dT/);
  });
});
