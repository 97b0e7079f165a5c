import { readProperties } from "./center/properties.js";
import { layeredOf, type CenterItem, type LayeredConfig } from "./layered-config.js";
import { loadConfig, type LoadConfigOptions } from "./load-config.js";
import { redacted } from "./redacted.js";

const text = (content: string | undefined, group = "dubbo"): CenterItem => ({
  center: "memory://",
  item: { key: "dubbo.properties", group },
  text: content,
});

const file = `
application: shop
registries:
  main: nacos://user:hidden@127.0.0.1:8848
consumer:
  timeout: 3s
  references:
    greeter: { interface: org.example.Greeter, retries: 1 }
`;

async function layered(source: string = file, options: LoadConfigOptions = {}): Promise<LayeredConfig> {
  const readFile = async (path: string) => {
    if (path === "dubbo.yaml") return source;
    if (path === "profiles/dev/client.yml") return "consumer: { timeout: 4s }";
    throw Object.assign(new Error("no file"), { code: "ENOENT" });
  };
  const config = await loadConfig("dubbo.yaml", { env: {}, readFile, ...options });
  return layeredOf(config) as LayeredConfig;
}

test("reads Java's properties as Java does", () => {
  const source = "# no\n! no\na=1\n b : 2\nc 3\nd=x\\\n   y\ne\\:f=\\u0041\\n\na=4\nempty";
  const read = Object.fromEntries((readProperties(source) ?? []).map(({ name, value }) => [name, value]));
  expect(read).toEqual({ a: "4", b: "2", c: "3", d: "xy", "e:f": "A\n", empty: "" });
  expect(readProperties("x".repeat(300_000))).toBeUndefined();
});

test("a text of properties that is made to take long is read at once", () => {
  const slash = "\\";
  expect(readProperties(`a=${slash.repeat(200_000)}x`)).toHaveLength(1);
  expect(readProperties(`a=xx${slash}\n`.repeat(40_000))).toHaveLength(1);
}, 5_000);

describe("settings of a config center", () => {
  test("with names that mean something in JavaScript hurt nobody", async () => {
    const source = ["dubbo.toString.x=1", "dubbo.constructor.y=2", "dubbo.consumer.params.toString=z"];
    const change = (await layered()).withCenter([text([...source, "dubbo.consumer.timeout=1s"].join("\n"))], {
      starting: true,
      implemented: { clusters: ["failover"], loadBalancers: ["random"] },
    });
    expect(change.config.consumer.timeoutMs).toBe(1_000);
    expect(change.ignored).toEqual(["dubbo.toString.x", "dubbo.constructor.y"]);
  });

  test("are not printed where their names say that they are secrets", async () => {
    const source = ["access-key", "sentinelPassword", "client.secret"].map(
      (name) => `dubbo.registries.main.params.${name}=hidden`,
    );
    const made = (await layered()).withCenter([text(source.join("\n"))], { starting: true });
    const said = [made.changed, layeredOf(made.config)?.explain(), redacted(made.config.registries)];
    expect(JSON.stringify(said)).not.toContain("hidden");
    expect(made.changed.map(({ to }) => to)).toEqual(["***", "***", "***"]);
  });

  test("are laid over file, profile and environment, and under the program", async () => {
    const center = [
      text("dubbo.consumer.timeout=700\ndubbo.consumer.retries=5\ndubbo.application.owner=ann"),
    ];
    const over = (await layered()).withCenter(center, { starting: true });
    expect(over.config.consumer).toMatchObject({ timeoutMs: 700, retries: 5 });
    expect(over.config.application).toMatchObject({ name: "shop", owner: "ann" });
    const env = {
      DUBBO_CONSUMER_TIMEOUT: "900ms",
      DUBBO_GO_CONFIG_PATH: "nothing",
      DUBBO_PROVIDER_WEIGHT: "7",
    };
    const options = { profile: "dev", env, overrides: { consumer: { retries: 9 } } };
    const all = await layered(file, options);
    expect(all.config.consumer).toMatchObject({ timeoutMs: 900, retries: 9 });
    expect(all.config.provider.weight).toBe(7);
    expect((await layered(file, { profile: "dev" })).config.consumer.timeoutMs).toBe(4_000);
    expect(all.withCenter(center, { starting: true }).config.consumer).toMatchObject({
      timeoutMs: 700,
      retries: 9,
    });
  });

  test("have Java's names for references, services, methods and the only registry", async () => {
    const { config, ignored, refused } = (await layered()).withCenter(
      [
        text(
          [
            "dubbo.reference.org.example.Greeter.timeout=100",
            "dubbo.reference.org.example.Greeter.hello.retries=0",
            "dubbo.references.greeter.loadbalance=roundrobin",
            "dubbo.reference.org.example.Other.hello.timeout=50",
            "dubbo.service.org.example.Clock.weight=5",
            "dubbo.registry.timeout=1234",
            "dubbo.provider.threads=200",
            "spring.application.name=x",
          ].join("\n"),
        ),
      ],
      { starting: true },
    );
    expect(refused).toEqual([]);
    expect(ignored).toEqual(["dubbo.provider.threads"]);
    expect(config.consumer.references["greeter"]).toMatchObject({
      interface: "org.example.Greeter",
      timeoutMs: 100,
      retries: 1,
      loadBalance: "roundrobin",
      methods: { hello: { retries: 0 } },
    });
    expect(config.consumer.references["org.example.Other"]?.methods["hello"]?.timeoutMs).toBe(50);
    expect(config.provider.services["org.example.Clock"]?.weight).toBe(5);
    expect(config.registries["main"]?.timeoutMs).toBe(1_234);
  });

  test("may be YAML with the keys of a file, or with Java's names", async () => {
    const yaml =
      "dubbo:\n  consumer:\n    timeout: 250ms\n    references:\n      org.example.Greeter: { retries: 7 }";
    const { config } = (await layered()).withCenter([text(yaml)]);
    expect(config.consumer).toMatchObject({ timeoutMs: 250, references: { greeter: { retries: 7 } } });
    const named = (await layered()).withCenter([text("dubbo.consumer.timeout: 260")]);
    expect(named.config.consumer.timeoutMs).toBe(260);
  });

  test("of the application's group win over those of all", async () => {
    const items = [text("dubbo.consumer.timeout=1"), text("dubbo.consumer.timeout=2", "shop")];
    expect((await layered()).withCenter(items).config.consumer.timeoutMs).toBe(2);
  });

  test("that are bad are refused one by one, and what was there before holds", async () => {
    const first = (await layered()).withCenter([
      text("dubbo.consumer.timeout=700\ndubbo.consumer.retries=1"),
    ]);
    const bad = "dubbo.consumer.timeout=soon\ndubbo.consumer.retries=4\ndubbo.logger.level=loud";
    const next = (layeredOf(first.config) as LayeredConfig).withCenter([text(bad)]);
    expect(next.config.consumer).toMatchObject({ timeoutMs: 700, retries: 4 });
    expect(next.config.logger.level).toBe("info");
    expect(next.changed).toEqual([{ key: "consumer.retries", from: "1", to: "4" }]);
    expect(next.refused).toEqual([
      expect.objectContaining({
        key: "consumer.timeout",
        value: "soon",
        kept: "700",
        source: "memory:// dubbo.properties (group dubbo):1:1",
        message: expect.stringContaining("no duration"),
      }),
      expect.objectContaining({ key: "logger.level", value: "loud" }),
    ]);
    // A text that cannot be read at all changes nothing.
    const broken = (layeredOf(next.config) as LayeredConfig).withCenter([text("consumer: { timeout: 1s")]);
    expect(broken.config.consumer).toMatchObject({ timeoutMs: 700, retries: 4 });
    expect(broken).toMatchObject({ changed: [], refused: [{ key: "", value: undefined }] });
    // Taken away, it is as before.
    const gone = (layeredOf(broken.config) as LayeredConfig).withCenter([text(undefined)]);
    expect(gone.config.consumer).toMatchObject({ timeoutMs: 3_000, retries: undefined });
  });

  test("of a running program that need a restart wait for it, and are named", async () => {
    const start = (await layered()).withCenter([text("dubbo.application.owner=ann")], { starting: true });
    const next = (layeredOf(start.config) as LayeredConfig).withCenter([
      text("dubbo.application.owner=bob\ndubbo.consumer.timeout=1s\ndubbo.application.name=other"),
    ]);
    expect(next.config.application.owner).toBe("ann");
    expect(next.restart).toEqual([{ key: "application.owner", from: "ann", to: "bob" }]);
    expect(next.changed).toEqual([{ key: "consumer.timeout", from: "3s", to: "1s" }]);
    expect(next.ignored).toEqual(["application.name"]);
  });

  test("name only what is implemented where a consumer chooses", async () => {
    const implemented = { clusters: ["failover"], loadBalancers: ["random", "roundrobin"] };
    const change = (await layered()).withCenter(
      [text("dubbo.consumer.loadbalance=leastactive\ndubbo.provider.loadbalance=leastactive")],
      { implemented },
    );
    expect(change.refused).toMatchObject([{ key: "consumer.load-balance", value: "leastactive" }]);
    expect(change.config.provider.loadBalance).toBe("leastactive");
  });
});

describe("explain", () => {
  test("tells of every setting where it came from and what it covers, without secrets", async () => {
    const source =
      file.replace("timeout: 3s", "timeout: ${WAIT:3s}") + "provider: { token: hush, weight: 5 }\n";
    const env = { WAIT: "8s", DUBBO_LOGGER_LEVEL: "warn" };
    const base = await layered(source, { env, profile: "dev", overrides: { shutdown: { grace: 0 } } });
    const { config } = base.withCenter([text("dubbo.consumer.timeout=700")]);
    const settings = (layeredOf(config) as LayeredConfig).explain();
    const find = (key: string) => settings.find((setting) => setting.key === key);
    expect(find("consumer.timeout")).toEqual({
      key: "consumer.timeout",
      value: "700",
      layer: "config-center",
      source: "memory:// dubbo.properties (group dubbo):1:1",
      hot: true,
      covers: [
        { layer: "profile", source: "profiles/dev/client.yml:1:13", value: "4s" },
        {
          layer: "environment",
          source: "environment variable WAIT, named in dubbo.yaml:6:3",
          value: "${WAIT:3s}",
        },
      ],
    });
    expect(find("logger.level")).toMatchObject({
      value: "warn",
      layer: "environment",
      source: "environment variable DUBBO_LOGGER_LEVEL",
    });
    expect(find("provider.weight")).toMatchObject({ layer: "file", source: "dubbo.yaml:9:26", hot: true });
    expect(find("shutdown.grace")).toMatchObject({ layer: "program", hot: false, value: "0" });
    expect(find("shutdown.timeout")).toMatchObject({ layer: "default", value: "30000" });
    expect(find("provider.token")?.value).toBe("***");
    expect(find("registries.main.address")?.value).toBe("nacos://127.0.0.1:8848");
    expect(JSON.stringify(settings)).not.toMatch(/hidden|hush/);
    expect(JSON.stringify(config)).not.toContain("WAIT");
    expect(find("consumer.cluster")?.value).toBe("failover, or what providers publish");
    expect(find("consumer.group")).toBeUndefined();
    expect(base.explain({ unset: true }).map(({ key }) => key)).toContain("consumer.group");
  });
});
