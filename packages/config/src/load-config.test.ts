import { hasCode } from "@dubbo-ts/core";
import fc from "fast-check";
import { loadConfig, type LoadConfigOptions } from "./load-config.js";
import { redacted } from "./redacted.js";

type Files = Readonly<Record<string, string>>;

/** A disk that has `files` only. */
function disk(files: Files): NonNullable<LoadConfigOptions["readFile"]> {
  return async (path) => {
    const text = Object.hasOwn(files, path) ? files[path] : undefined;
    if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    return text;
  };
}

const load = (yaml: string, options: LoadConfigOptions = {}) =>
  loadConfig("app.yaml", { env: {}, readFile: disk({ "app.yaml": yaml }), ...options });

async function messageOf(
  loading: Promise<unknown>,
  code: "CONFIG_INVALID" | "CONFIG_NOT_FOUND" = "CONFIG_INVALID",
) {
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!hasCode(error, code)) throw new Error(`expected ${code}`, { cause: error });
  return error.message;
}

const native = (path: string) => (process.platform === "win32" ? path.replaceAll("/", "\\") : path);

const app = "application: { name: a }\n";

describe("a configuration that is right", () => {
  test("has the defaults where a file says nothing", async () => {
    const config = await load("application:\n  name: shop\n");
    expect(config).toEqual({
      application: expect.objectContaining({ name: "shop", metadataType: "local", labels: {} }),
      registries: {},
      metadataReport: undefined,
      protocols: {},
      provider: expect.objectContaining({ services: {}, timeoutMs: undefined, retries: undefined }),
      consumer: expect.objectContaining({ references: {}, check: true, timeoutMs: undefined }),
      logger: { level: "info", format: "json", file: undefined },
      shutdown: { signals: [], graceMs: 1_000, timeoutMs: 30_000 },
      cache: { enabled: true, directory: undefined },
      configCenter: undefined,
      tls: undefined,
      router: [],
      metrics: expect.objectContaining({ enabled: false, port: 9_090, probe: undefined }),
      tracing: expect.objectContaining({ enable: false, sampleRatio: 0.5 }),
      custom: {},
      files: ["app.yaml"],
      notices: [],
    });
  });

  test("gives ports and consumer the file's certificates where they have none, and says what shares a port", async () => {
    const { protocols, consumer, tls } = await load(`${app}
tls: { cert-file: s.pem, key-file: s.key }
protocols:
  dubbo: { ext.protocol: "tri, dubbo" }
  own: { name: tri, tls: { certFile: o.pem, keyFile: o.key, plain-text: refuse } }
  plain: { name: tri, tls: { enabled: false } }
`);
    expect(tls).toMatchObject({ certFile: "s.pem", keyFile: "s.key", caFile: undefined });
    expect(protocols["dubbo"]).toMatchObject({ tls, extProtocols: ["tri"] });
    expect(protocols["own"]).toMatchObject({
      tls: { certFile: "o.pem", plainText: "refuse" },
      extProtocols: [],
    });
    expect(protocols["plain"]?.tls).toBeUndefined();
    expect(consumer.tls).toBeUndefined();
    const trusting = await load(`${app}tls: { ca-file: ca.pem }\nprotocols: { dubbo: {} }\n`);
    expect(trusting.consumer.tls).toMatchObject({ caFile: "ca.pem" });
    expect(trusting.protocols["dubbo"]?.tls).toBeUndefined();
    const off = await load(`${app}tls: { ca-file: ca.pem }\nconsumer: { tls: { enabled: false } }\n`);
    expect(off.consumer.tls).toBeUndefined();
  });

  test("reads every section, in the spellings of Java and Go, below dubbo or not", async () => {
    const yaml = `
dubbo:
  application:
    name: user-info-client
    organization: dubbo
    version: 1.0
    metadata_type: remote
    metadata-service-port: "20881"
    environment: ""
  registries:
    main:
      protocol: nacos
      address: 127.0.0.1:8848,127.0.0.2
      registry-type: service
      timeout: 5s
      group: DEFAULT_GROUP
      namespace: dev
      username: nacos
      password: "s3cret"
      use-as-meta-report: "false"
      params: { k: v }
    zk: zookeeper://user:p%40ss@127.0.0.1:2181/chroot?group=g&session=9000
  metadata-report: { address: "redis://127.0.0.1" }
  protocols:
    dubbo: { ip: 0.0.0.0, port: -1, payload: 4mib }
    triple: { name: tri, port: "50051" }
  provider:
    timeout: 2s
    protocol-ids: [dubbo]
    token: t0ken
    params: { a: "1", b: "1" }
    services:
      UserProvider:
        interface: org.apache.dubbo.UserProvider
        version: 1.0
        weight: 50
        retries: "0"
        protocolIds: dubbo, triple
        params: { b: "2" }
        methods:
          - { name: getUser, timeout: 1m30s, loadbalance: round-robin }
  consumer:
    request-timeout: 3000
    check: false
    references:
      UserProvider:
        interface: org.apache.dubbo.UserProvider
        provided_by: user-info-server, other
        url: dubbo://10.0.0.1:20880;dubbo://[::1]:20880
        loadbalance: roundrobin
        cluster: failfast
        methods: { getUser: { timeout: 500ms, retries: 1 } }
      Second: { provide_by: [x], check: true }
  logger: { level: WARN, format: text }
  shutdown: { internal-signal: true, timeout: 1m }
  cache: { enabled: "false", directory: /var/cache }
`;
    const config = await load(yaml);
    expect(config.application).toMatchObject({
      name: "user-info-client",
      version: "1.0",
      metadataType: "remote",
      metadataServicePort: 20_881,
      environment: undefined,
    });
    expect(config.registries["main"]).toMatchObject({
      id: "main",
      address: { scheme: "nacos", safeText: "nacos://127.0.0.1:8848,127.0.0.2:8848" },
      timeoutMs: 5_000,
      group: "DEFAULT_GROUP",
      namespace: "dev",
      username: "nacos",
      password: "s3cret",
      check: true,
      useAsMetadataReport: false,
      params: { k: "v" },
    });
    expect(config.registries["zk"]).toMatchObject({
      address: { path: "/chroot" },
      username: "user",
      password: "p@ss",
      group: "g",
      params: { session: "9000" },
    });
    expect(config.metadataReport?.address.safeText).toBe("redis://127.0.0.1:6379");
    expect(config.protocols).toMatchObject({
      dubbo: { id: "dubbo", name: "dubbo", host: "0.0.0.0", port: 0, payloadBytes: 4_194_304, params: {} },
      triple: {
        id: "triple",
        name: "tri",
        host: undefined,
        port: 50_051,
        payloadBytes: 8_388_608,
        params: {},
      },
    });
    expect(config.provider.services["UserProvider"]).toMatchObject({
      key: "UserProvider",
      interface: "org.apache.dubbo.UserProvider",
      version: "1.0",
      group: undefined,
      weight: 50,
      warmupMs: undefined,
      tag: undefined,
      token: "t0ken",
      timeoutMs: 2_000,
      retries: 0,
      loadBalance: undefined,
      cluster: undefined,
      protocols: ["dubbo", "triple"],
      registries: undefined,
      params: { a: "1", b: "2" },
      methods: { getUser: { timeoutMs: 90_000, retries: undefined, loadBalance: "roundrobin" } },
    });
    expect(config.consumer.references["UserProvider"]).toMatchObject({
      providedBy: ["user-info-server", "other"],
      url: ["dubbo://10.0.0.1:20880", "dubbo://[::1]:20880"],
      loadBalance: "roundrobin",
      cluster: "failfast",
      check: false,
      timeoutMs: 3_000,
      methods: { getUser: { timeoutMs: 500, retries: 1, loadBalance: undefined } },
    });
    expect(config.consumer.references["Second"]).toMatchObject({
      interface: "Second",
      providedBy: ["x"],
      check: true,
    });
    expect(config.logger).toMatchObject({ level: "warn", format: "pretty" });
    expect(config.shutdown).toEqual({ signals: ["SIGTERM", "SIGINT"], graceMs: 1_000, timeoutMs: 60_000 });
    expect(config.cache).toEqual({ enabled: false, directory: "/var/cache" });
  });

  test("is frozen throughout, and finds no name that nobody gave", async () => {
    const config = await load(`${app}registries: { r: { address: "memory://", params: { k: v } } }`);
    expect(() => Object.assign(config.registries["r"]?.params ?? {}, { k: "w" })).toThrow(TypeError);
    expect(() => Object.assign(config.application, { name: "b" })).toThrow(TypeError);
    expect(config.registries["constructor"]).toBeUndefined();
    expect(config.registries["r"]?.params["toString"]).toBeUndefined();
  });

  test("comes from an object and from overrides, in any spelling", async () => {
    const config = await loadConfig(
      {
        application: { name: "a", metadataType: "remote" },
        consumer: { timeout: 250, references: { R: { check: false } } },
      },
      {
        env: {},
        overrides: { registries: { main: "memory://" }, application: { "metadata-type": "local" } },
      },
    );
    expect(config.application.metadataType).toBe("local");
    expect(config.consumer.references["R"]).toMatchObject({ timeoutMs: 250, check: false, interface: "R" });
    expect(config.registries["main"]?.address.scheme).toBe("memory");
    expect(config.files).toEqual([]);
  });

  test("repeats what an anchor names", async () => {
    const config = await load(`${app}consumer:
  params: &p { a: "1" }
  references:
    R: { params: *p, timeout: &t 1s }
    S: { timeout: *t }
    T: { timeout: &t 2s }
    U: { timeout: *t }`);
    const { R, S, U } = config.consumer.references;
    expect([R?.params, S?.timeoutMs, U?.timeoutMs]).toEqual([{ a: "1" }, 1_000, 2_000]);
  });

  test("knows the clusters and load balancers of the program", async () => {
    const config = await load(`${app}consumer: { loadbalance: mine, cluster: own }`, {
      names: { loadBalancers: ["mine"], clusters: ["own"] },
    });
    expect(config.consumer).toMatchObject({ loadBalance: "mine", cluster: "own" });
  });

  test("leaves out what it does not know when told so", async () => {
    const config = await load(`${app}spring: { enable: true }`, { unknownKeys: "ignore" });
    expect(config.application.name).toBe("a");
  });

  test("is printed without secrets", async () => {
    const yaml = `${app}registries: { r: "nacos://u:hidden1@h?accessKey=hidden2", s: { address: "zk://h", password: hidden3 } }
provider: { token: hidden4 }`;
    const printed = JSON.stringify(redacted(await load(yaml)));
    expect(printed).not.toContain("hidden");
    expect(printed).toContain("nacos://h:8848");
  });
});

describe("files and profiles", () => {
  const main = `${app}registries: { main: "nacos://h" }\nprovider: { timeout: 1s, services: { S: { weight: 10, methods: [{ name: m, retries: 1 }] } } }\n`;

  test("looks for dubbo.yaml, then dubbo.yml, in the working directory", async () => {
    const both = { "dubbo.yaml": "application: { name: one }", "dubbo.yml": "application: { name: two }" };
    expect((await loadConfig(undefined, { readFile: disk(both) })).application.name).toBe("one");
    const second = { "dubbo.yml": "application: { name: two }" };
    expect((await loadConfig(undefined, { readFile: disk(second) })).application.name).toBe("two");
  });

  test("lays a profile over the file, key by key", async () => {
    const config = await loadConfig("conf/app.yaml", {
      profile: "dev",
      readFile: disk({
        "conf/app.yaml": main,
        "conf/profiles/dev/server.yml":
          "provider: { services: { S: { tag: t, methods: { m: { timeout: 5s } } } } }",
        "conf/profiles/dev/log.yml": "logger: { level: debug }",
      }),
    });
    expect(config.files).toEqual(
      ["conf/app.yaml", "conf/profiles/dev/server.yml", "conf/profiles/dev/log.yml"].map(native),
    );
    expect(config.provider.services["S"]).toMatchObject({
      weight: 10,
      tag: "t",
      timeoutMs: 1_000,
      methods: { m: { retries: 1, timeoutMs: 5_000 } },
    });
    expect(config.logger.level).toBe("debug");
  });

  test("finds profiles of the working directory where the application has none", async () => {
    const files = { "x/app.yaml": app, "profiles/dev/client.yml": "consumer: { timeout: 9s }" };
    const config = await loadConfig("x/app.yaml", { profile: "dev", readFile: disk(files) });
    expect(config.consumer.timeoutMs).toBe(9_000);
  });

  test("takes a setting back with an empty text, and leaves it with an empty key", async () => {
    const base = `${app}consumer: { timeout: 1s, retries: 5 }`;
    const config = await loadConfig("app.yaml", {
      profile: "p",
      readFile: disk({ "app.yaml": base, "profiles/p/client.yml": 'consumer:\n  timeout: ""\n  retries:\n' }),
    });
    expect(config.consumer).toMatchObject({ timeoutMs: undefined, retries: 5 });
  });

  test("does not need a variable of a text that was replaced", async () => {
    const config = await load(`application: { name: "\${MISSING}" }`, {
      overrides: { application: { name: "b" } },
    });
    expect(config.application.name).toBe("b");
  });

  test("the profiles of this repository load over a small file", async () => {
    for (const profile of ["dev", "test", "release"]) {
      const config = await loadConfig(
        { application: { name: "a" } },
        { profile, env: {}, profileDirectories: [`${__dirname}/../../../profiles`] },
      );
      expect(config.files).toHaveLength(3);
      expect(config.shutdown.signals).toEqual(["SIGTERM", "SIGINT"]);
      expect(config.protocols["dubbo"]?.name).toBe("dubbo");
    }
  });

  test.each([
    ["no file", () => loadConfig("gone.yaml", { readFile: disk({}) }), "gone.yaml does not exist"],
    [
      "no default file",
      () => loadConfig(undefined, { readFile: disk({}) }),
      "no dubbo.yaml or dubbo.yml in the working directory, and no other file was named",
    ],
    [
      "no profile",
      () => load(app, { profile: "prod" }),
      `profile prod: no server.yml, client.yml, log.yml in ${native("profiles/prod")}`,
    ],
    ["a directory", () => loadConfig(__dirname, {}), `${__dirname} cannot be read (EISDIR)`],
  ])("says that there is %s", async (_, loading, message) => {
    expect(await messageOf(loading(), "CONFIG_NOT_FOUND")).toBe(message);
  });

  test("refuses a profile that leaves its folder", async () => {
    expect(await messageOf(load(app, { profile: "../etc" }))).toBe('"../etc" is no name of a profile');
  });
});

describe("variables of the environment", () => {
  test.each([
    ["${NAME}", { NAME: "x" }, "x"],
    ["${NAME:d}", {}, "d"],
    ["${NAME:d}", { NAME: "" }, "d"],
    ["a${A:1}-${B:2}", { B: "b" }, "a1-b"],
    ["${A:${B:c}}", {}, "c"],
    ["${A:${B:c}}", { B: "b" }, "b"],
    ["$${A}", {}, "${A}"],
    ["${A}", { A: "${B}" }, "${B}"],
    ["x${A:}", {}, "x"],
    ["${A:n://h:1}", {}, "n://h:1"],
  ])("makes %s with %j %s", async (text, env: Record<string, string>, expected) => {
    const config = await load(`${app}consumer: { params: { p: "${text}" } }`, { env });
    expect(config.consumer.params["p"]).toBe(expected);
  });

  test("may be numbers and flags", async () => {
    const yaml = `${app}protocols:\n  dubbo:\n    port: \${PORT:20880}\ncache:\n  enabled: \${CACHE:true}\n`;
    const config = await load(yaml, { env: { PORT: "20881", CACHE: "false" } });
    expect(config.protocols["dubbo"]?.port).toBe(20_881);
    expect(config.cache.enabled).toBe(false);
  });
});

describe("a configuration that is wrong", () => {
  test.each([
    ["consumer: { timout: 3s }", 'app.yaml:2:13: consumer: unknown key "timout"; did you mean "timeout"?'],
    ["consmer: { timeout: 3s }", 'app.yaml:2:1: unknown key "consmer"; did you mean "consumer"?'],
    ["zzzzz: 1", 'app.yaml:2:1: unknown key "zzzzz"'],
    [
      "consumer:\n  references:\n    R:\n      timeout: 3 sec",
      'app.yaml:5:7: consumer.references.R.timeout: "3 sec" is no duration above 0, such as 500ms, 3s, 1m or a number of ms',
    ],
    [
      "consumer: { timeout: -1 }",
      'app.yaml:2:13: consumer.timeout: "-1" is no duration above 0, such as 500ms, 3s, 1m or a number of ms',
    ],
    [
      "consumer: { timeout: 0 }",
      'app.yaml:2:13: consumer.timeout: "0" is no duration above 0, such as 500ms, 3s, 1m or a number of ms',
    ],
    [
      "consumer: { retries: many }",
      'app.yaml:2:13: consumer.retries: "many" is no whole number from 0 to 100',
    ],
    ["consumer: { check: maybe }", 'app.yaml:2:13: consumer.check: "maybe" is neither true nor false'],
    [
      "consumer: { loadbalance: randon }",
      'app.yaml:2:13: consumer.loadbalance: "randon" is none of random, roundrobin, leastactive, shortestresponse, consistenthash, adaptive, p2c, interleavedweightedroundrobin, aliasmethod; did you mean "random"?',
    ],
    [
      "consumer: { cluster: x }",
      'app.yaml:2:13: consumer.cluster: "x" is none of failover, failfast, failsafe, broadcast, failback, forking, available, mergeable, zone-aware, adaptiveService',
    ],
    ["consumer: { timeout: [1] }", "app.yaml:2:13: consumer.timeout: must be a single value"],
    [
      "consumer: { protocol: { a: b } }",
      "app.yaml:2:13: consumer.protocol: must be a text or a list of texts",
    ],
    ["consumer: 3", "app.yaml:2:1: consumer: must have keys below it"],
    ["consumer: { references: [a] }", "app.yaml:2:13: consumer.references: must have keys below it"],
    [
      "consumer: { timeout: 1s, time-out: 2s }",
      'app.yaml:2:26: consumer: "time-out" and "timeout" are the same key',
    ],
    ["consumer: { timeout: 1s, timeout: 2s }", "app.yaml:2:26: consumer.timeout: is given twice"],
    [
      "consumer: { references: { R: { url: here } } }",
      "app.yaml:2:32: consumer.references.R.url: address: has no scheme, as in nacos://host:8848",
    ],
    [
      "provider: { services: { S: { weight: 1.5 } } }",
      'app.yaml:2:30: provider.services.S.weight: "1.5" is no whole number from 0 to 10000',
    ],
    [
      "provider: { services: { S: { methods: [{ retries: 1 }] } } }",
      "app.yaml:2:30: provider.services.S.methods: must have keys below it",
    ],
    [
      "protocols: { dubbo: { port: 70000 } }",
      'app.yaml:2:23: protocols.dubbo.port: "70000" is no whole number from -1 to 65535',
    ],
    [
      "protocols: { dubbo: { payload: big } }",
      'app.yaml:2:23: protocols.dubbo.payload: "big" is no size, such as 8mib or 8388608',
    ],
    [
      "protocols: { dubbo: {} }\nprovider: { protocol-ids: [dubo] }",
      'app.yaml:3:13: provider.protocol-ids: "dubo" is none of the protocols: dubbo; did you mean "dubbo"?',
    ],
    ["registries: { r: {} }", "app.yaml:2:15: registries.r.address: is missing"],
    [
      "registries: { r: 127.0.0.1 }",
      "app.yaml:2:18: registries.r.address: address: has no scheme, as in nacos://host:8848",
    ],
    [
      "registries: { r: { address: 'nacos://u:hidden@h:99999' } }",
      "app.yaml:2:20: registries.r.address: address nacos://h:99999: port 99999 is not between 1 and 65535",
    ],
    [
      "registries: { r: { address: 'x://u:hid%zz@h:1' } }",
      "app.yaml:2:20: registries.r.address: address x://h:1: the password is not percent-encoded text",
    ],
    [
      "shutdown: { signals: [SIGKILL] }",
      "app.yaml:2:13: shutdown.signals: must be true, false or a list of signals, such as [SIGTERM, SIGINT]",
    ],
    [
      "logger: { level: loud }",
      'app.yaml:2:11: logger.level: "loud" is none of debug, info, warn, error, silent',
    ],
    [
      "logger: { level: '${LEVEL}' }",
      "app.yaml:2:18: logger.level: environment variable LEVEL is not set, and ${LEVEL} has no default",
    ],
    ["logger: { level: '${LEVEL' }", 'app.yaml:2:18: logger.level: "${" without "}"'],
    [
      "logger: { level: '${1 x:y}' }",
      'app.yaml:2:18: logger.level: "1 x" is no name of an environment variable',
    ],
    [
      "logger: { level: debug",
      "app.yaml:2:23: Flow map in block collection must be sufficiently indented and end with a }",
    ],
    [
      "provider: { params: { __proto__: x } }",
      'app.yaml:2:23: provider.params: "__proto__" is not allowed as a key',
    ],
    ["constructor: { prototype: x }", 'app.yaml:2:1: "constructor" is not allowed as a key'],
    ["<<: { cache: x }", 'app.yaml:2:1: unknown key "<<"'],
    ["? [a]\n: b", "app.yaml:2:3: a key must be a text"],
    ["logger: !!js/function 'x'", "app.yaml:2:9: Unresolved tag: tag:yaml.org,2002:js/function"],
    ["logger: *nowhere", "app.yaml:2:9: logger: no anchor before it has this name"],
    ["--- \nb: c", "app.yaml:2:1: Source contains multiple documents; please use YAML.parseAllDocuments()"],
  ])("%s", async (yaml, message) => {
    expect(await messageOf(load(app + yaml))).toBe(message);
  });

  test.each([
    ["", "app.yaml: application.name: is missing"],
    [
      "application: { name: ../x }",
      "app.yaml:1:16: application.name: must be 1 to 200 letters, digits, dots, hyphens or underscores",
    ],
    ["just a text", "app.yaml:1:1: must have keys"],
    [
      "dubbo: { application: { name: a } }\nregistries: {}",
      "app.yaml:2:1: registries: must stand below dubbo, as the others do",
    ],
  ])("%s (the whole file)", async (yaml, message) => {
    expect(await messageOf(load(yaml))).toBe(message);
  });

  test("tells all problems at once, in their order, each in its file", async () => {
    const loading = loadConfig("app.yaml", {
      profile: "dev",
      readFile: disk({
        "app.yaml": `${app}consumer:\n  retires: 1\n  chek: false\n`,
        "profiles/dev/log.yml": "logger: { levl: debug }",
      }),
    });
    expect(await messageOf(loading)).toBe(`3 problems:
  app.yaml:3:3: consumer: unknown key "retires"; did you mean "retries"?
  app.yaml:4:3: consumer: unknown key "chek"; did you mean "check"?
  ${native("profiles/dev/log.yml")}:1:11: logger: unknown key "levl"; did you mean "level"?`);
  });

  test("names the program's own object where there is no file", async () => {
    const loading = loadConfig({ application: { name: "a" }, consumer: { timeout: "x", fun: () => 1 } });
    expect(await messageOf(loading)).toContain("config: consumer.fun: is a function");
    const circle: Record<string, unknown> = { application: { name: "a" } };
    circle["consumer"] = circle;
    expect(await messageOf(loadConfig(circle))).toContain("is nested deeper than 32 levels");
    const polluted = JSON.parse('{"application":{"name":"a"},"__proto__":{"x":1}}') as object;
    expect(await messageOf(loadConfig(polluted))).toBe('config: "__proto__" is not allowed as a key');
  });

  test("never tells a secret", async () => {
    const yaml = `${app}registries: { r: { address: "nacos://u:hidden@h", password: [hidden], tokn: hidden } }\nprovider: { token: { hidden: x } }\nlogger: { level: "hi`;
    expect(await messageOf(load(yaml))).not.toContain("hidden");
    expect(await messageOf(load(yaml.replace(/\nlogger.*/, "")))).not.toContain("hidden");
  });
});

describe("hostile files", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
    .split("")
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[index]}`).join(",")}]`)
    .join("\n")}`;

  test.each([
    ["aliases that multiply", bomb, /more than (?:100 aliases|20000 values)/],
    ["5,000 aliases", `a: &a x\nb:\n${"  - *a\n".repeat(5_000)}`, /more than 100 aliases/],
    ["an alias of itself", "a: &a [*a]", /deeper than 32 levels|more than 100 aliases|Unresolved alias/],
    ["100,000 brackets", "[".repeat(100_000), /deeper than 32 levels/],
    ["deep maps", "{a: ".repeat(60) + "}".repeat(60), /deeper than 32 levels/],
    ["deep lists of dashes", "- ".repeat(20_000), /deeper than 32 levels/],
    ["deep question marks", "? ".repeat(20_000), /deeper than 32 levels/],
    ["deep question marks with anchors", "? &a ".repeat(9_000), /deeper than 32 levels/],
    ["deep colons", "a: ".repeat(9_000), /deeper than 32 levels/],
    [
      "deep question marks on many lines",
      Array.from({ length: 8 }, (_, line) => `${" ".repeat(line * 80)}${"? ".repeat(40)}`).join("\n"),
      /deeper than 32 levels/,
    ],
    ["80,000 anchors", "&a ".repeat(80_000), /more than 30000 line ends/],
    ["10 MB", "a".repeat(10_000_000), /longer than 262144 characters/],
    [
      "60,000 keys",
      Array.from({ length: 30_000 }, (_, i) => `k${i}:`).join("\n"),
      /more than 30000 line ends/,
    ],
    ["an escape code in a key", '"\\e[31mred": 1', /unknown key "\\u001b\[31mred"/],
  ])("%s are refused, soon", async (_, yaml, message) => {
    const started = performance.now();
    expect(await messageOf(load(yaml))).toMatch(message);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test("whatever a file holds, it loads or is CONFIG_INVALID", async () => {
    const piece = fc.constantFrom(
      "a",
      ":",
      " ",
      "\n",
      "-",
      "{",
      "}",
      "[",
      "]",
      "&x",
      "*x",
      "!!",
      '"',
      "'",
      "|",
      ">",
      "${",
      "?",
      ",",
      "dubbo",
      "name",
      "registries",
      "\t",
      "#",
      "%",
      "\u0000",
      "<<",
      "1e9",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
        const loading = load(`application: { name: a }\n${pieces.join("")}`);
        const error: unknown = await loading.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        return error === undefined || hasCode(error, "CONFIG_INVALID");
      }),
      { numRuns: 500, seed: 42 },
    );
  });
});
