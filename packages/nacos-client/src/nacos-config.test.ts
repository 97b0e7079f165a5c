import { setMaxListeners } from "node:events";
import { createServer } from "node:http";
import { bodyOf } from "./body.js";
import { type NacosClock, systemEnvironment } from "./environment.js";
import { FakeServer, ok, refused } from "./fake-server.js";
import { type NacosConfig, nacosConfig } from "./nacos-config.js";
import { httpApi } from "./http/http-api.js";
import { type NacosNetwork, systemNetwork } from "./network.js";
import { type NacosOptions, toSettings } from "./options.js";
import { passwordCredentials } from "./password-credentials.js";
import { quick, Reading, until } from "./test-support.js";

const key = { dataId: "k1" };
const forever = new AbortController().signal;
setMaxListeners(0, forever);

let server: FakeServer;
let closers: (() => unknown)[];

beforeEach(async () => {
  server = await new FakeServer().start();
  closers = [() => server.stop()];
});

afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

function client(options: Partial<NacosOptions> = {}): NacosConfig {
  const config = nacosConfig({ ...quick(server.address), ...options });
  closers.push(() => config.close());
  return config;
}

function watcher(config: NacosConfig, dataId = key.dataId): Reading<string | undefined> {
  return new Reading(config.watch({ dataId }, forever));
}

const md5OfV1 = "6654c734ccab8f440ff0825eb443dc7f";

describe("reading and writing", () => {
  test("publishes, reads, removes; what is not there is undefined", async () => {
    const config = client();
    expect(await config.get(key, forever)).toBeUndefined();
    expect(await config.publish(key, "v1", { type: "text" }, forever)).toBe(true);
    expect(await config.get(key, forever)).toEqual({ content: "v1", md5: md5OfV1 });
    await config.remove(key, forever);
    await config.remove(key, forever);
    expect(await config.get(key, forever)).toBeUndefined();
    const [publish] = server.of("ConfigPublishRequest");
    expect(publish?.body).toMatchObject({
      dataId: "k1",
      group: "DEFAULT_GROUP",
      tenant: "",
      module: "config",
    });
    expect(publish?.headers).toMatchObject({
      "Client-AppName": "unknown",
      exConfigInfo: "true",
      charset: "UTF-8",
    });
  });

  test("public is the blank tenant, another namespace is itself", async () => {
    await client({ namespace: "ns1" }).get(key, forever);
    await client({ namespace: "public" }).get(key, forever);
    expect(server.of("ConfigQueryRequest").map(({ body }) => body.tenant)).toEqual(["ns1", ""]);
  });

  test("compare and set: wins on what it read, loses on what is stale, inserts only what is absent", async () => {
    const config = client();
    expect(await config.publish(key, "v1", { casMd5: "" }, forever)).toBe(true);
    expect(await config.publish(key, "v2", { casMd5: "" }, forever)).toBe(false);
    expect(await config.publish(key, "v2", { casMd5: md5OfV1 }, forever)).toBe(true);
    expect(await config.publish(key, "v3", { casMd5: md5OfV1 }, forever)).toBe(false);
    expect((await config.get(key, forever))?.content).toBe("v2");
  });

  test("what is published becomes readable late: a conditional write waits for it", async () => {
    server.configDelayMs = 150;
    const config = client();
    expect(await config.publish(key, "v1", { casMd5: "" }, forever)).toBe(true);
    expect(await config.publish(key, "v2", { casMd5: md5OfV1 }, forever)).toBe(true);
    expect((await config.get(key, forever))?.content).toBe("v2");
  });

  test("an inserter who lost is told so although the server told both that they won", async () => {
    server.intercept = ({ type, body }) => {
      if (type !== "ConfigPublishRequest" || body.content !== "loser") return undefined;
      server.configs.set("DEFAULT_GROUP@@k1", "winner");
      return ok("ConfigPublishResponse");
    };
    expect(await client().publish(key, "loser", { casMd5: "" }, forever)).toBe(false);
  });

  test("ten who add themselves to one list at once are all in it", async () => {
    server.configDelayMs = 3;
    const add = async (name: string) => {
      const config = client();
      for (;;) {
        const old = await config.get(key, forever);
        const names = new Set([...(old?.content.split(",") ?? []), name]);
        const mine = [...names].join();
        if (await config.publish(key, mine, { casMd5: old?.md5 ?? "" }, forever)) return;
      }
    };
    const names = Array.from({ length: 10 }, (_, index) => `app${index}`);
    await Promise.all(names.map(add));
    await until(() => server.configs.get("DEFAULT_GROUP@@k1")?.split(",").length === 10);
  }, 20_000);

  test("an answer that got lost: what can be read decides", async () => {
    const config = client({ requestTimeoutMs: 100 });
    server.intercept = ({ type, body }) => {
      if (type !== "ConfigPublishRequest") return undefined;
      if (body.content === "v1") server.configs.set("DEFAULT_GROUP@@k1", "v1");
      return "silence";
    };
    expect(await config.publish(key, "v1", { casMd5: "" }, forever)).toBe(true);
    await expect(config.publish(key, "v2", { casMd5: md5OfV1 }, forever)).rejects.toMatchObject({
      code: "TIMEOUT",
    });
    expect(server.of("ConfigPublishRequest")).toHaveLength(2);
  }, 10_000);

  test("301 on a conditional write: connects again and repeats it once", async () => {
    const config = client();
    await config.ready(forever);
    server.intercept = ({ type }) => {
      if (type !== "ConfigPublishRequest") return undefined;
      server.intercept = () => undefined;
      return refused(301, "Connection is unregistered.");
    };
    expect(await config.publish(key, "v1", { casMd5: "" }, forever)).toBe(true);
  });

  test("a database that could not get its lock is asked again, three times in all; nothing was written", async () => {
    const config = client();
    const locked =
      "SQL [INSERT INTO his_config_info]; A lock could not be obtained within the time requested";
    let lockedTimes = 2;
    server.intercept = ({ type }) => {
      if (!["ConfigPublishRequest", "ConfigRemoveRequest"].includes(type)) return undefined;
      lockedTimes -= 1;
      return lockedTimes < 0 ? undefined : refused(500, locked);
    };
    expect(await config.publish(key, "v1", {}, forever)).toBe(true);
    lockedTimes = 2;
    expect(await config.publish(key, "v2", { casMd5: md5OfV1 }, forever)).toBe(true);
    lockedTimes = 2;
    await config.remove(key, forever);
    lockedTimes = Number.POSITIVE_INFINITY;
    const refusal = { code: "REFUSED", serverCode: 500 };
    await expect(config.publish(key, "v3", {}, forever)).rejects.toMatchObject(refusal);
    await expect(config.publish(key, "v3", { casMd5: "" }, forever)).rejects.toMatchObject(refusal);
    expect(server.of("ConfigPublishRequest")).toHaveLength(3 + 3 + 3 + 3);
  });

  test("who inserts at the same moment as somebody else writes over it, or has lost the condition", async () => {
    const config = client();
    let isTaken = true;
    server.intercept = ({ type }) => {
      if (type !== "ConfigPublishRequest" || !isTaken) return undefined;
      isTaken = false;
      return refused(500, "config already exist, dataId: k1, group: DEFAULT_GROUP, namespaceId: public");
    };
    expect(await config.publish(key, "v1", {}, forever)).toBe(true);
    expect(server.of("ConfigPublishRequest")).toHaveLength(2);
    isTaken = true;
    expect(await config.publish({ dataId: "k2" }, "v1", { casMd5: "" }, forever)).toBe(false);
  });

  test("says what is wrong with a parameter before it sends", async () => {
    const config = client();
    const wrong = { code: "INVALID" };
    for (const dataId of ["", "a/b", "a b", "a,b", "x".repeat(257)]) {
      await expect(config.get({ dataId }, forever)).rejects.toMatchObject(wrong);
    }
    await expect(config.publish(key, " ", {}, forever)).rejects.toMatchObject(wrong);
    await expect(config.publish(key, "x".repeat(11 * 1024 * 1024), {}, forever)).rejects.toMatchObject(wrong);
    expect(server.requests.filter(({ type }) => type.startsWith("Config"))).toEqual([]);
  });

  test("a configuration that is being written is read again", async () => {
    server.configs.set("DEFAULT_GROUP@@k1", "v1");
    server.intercept = ({ type }) => {
      if (type !== "ConfigQueryRequest") return undefined;
      server.intercept = () => undefined;
      return refused(400, "being modified", "ConfigQueryResponse");
    };
    expect((await client().get(key, forever))?.content).toBe("v1");
  });
});

describe("watching", () => {
  test("yields what is there, each change, and undefined when it is removed", async () => {
    const config = client();
    const [present, absent] = [watcher(config), watcher(config, "nope")];
    await until(() => present.seen.length === 1 && absent.seen.length === 1);
    for (const content of ["v1", "v2", undefined]) {
      server.setConfig("k1", content);
      await until(() => present.seen.length > 1 && present.last === content);
    }
    expect(present.seen).toEqual([undefined, "v1", "v2", undefined]);
    server.setConfig("k1", undefined); // pushed, but nothing new
    server.setConfig("k1", "v3");
    await until(() => present.last === "v3");
    server.setConfig("k1", "v3");
    const reads = server.of("ConfigQueryRequest").length;
    await until(() => server.of("ConfigQueryRequest").length > reads);
    server.setConfig("k1", "v4");
    await until(() => present.last === "v4");
    expect(present.seen.slice(4)).toEqual(["v3", "v4"]);
    expect(absent.seen).toEqual([undefined]);
    expect(server.of("ConfigQueryRequest").some(({ headers }) => headers.notify === "true")).toBe(true);
  });

  test.each(["", "public", null, undefined])(
    "a push with tenant %p is one for it, and is answered",
    async (tenant) => {
      const seen = watcher(client());
      await until(() => seen.seen.length === 1);
      server.setConfig("k1", "v1", "DEFAULT_GROUP", tenant);
      await until(() => seen.last === "v1");
      await until(() => server.answers.some(({ type }) => type === "ConfigChangeNotifyResponse"));
    },
  );

  test("answers a push of a key that it does not know, and a question for metrics", async () => {
    await client().ready(forever);
    server.pushAll("ConfigChangeNotifyRequest", { dataId: "other", group: "g" });
    server.pushAll("ClientConfigMetricRequest", { metricsKeys: [] });
    await until(() => server.answers.length === 2);
    expect(server.answers.map(({ type }) => type)).toEqual([
      "ConfigChangeNotifyResponse",
      "ClientConfigMetricResponse",
    ]);
  });

  test("what changed while disconnected is delivered once after listening again", async () => {
    server.configs.set("DEFAULT_GROUP@@k1", "v1");
    const config = client();
    const seen = watcher(config);
    await until(() => seen.last === "v1");
    server.stop();
    await until(() => config.state.status === "connecting");
    server.configs.set("DEFAULT_GROUP@@k1", "v2");
    await server.start();
    await until(() => seen.last === "v2");
    server.unregisterAll();
    await until(() => server.of("ConfigBatchListenRequest").length >= 3);
    expect(seen.seen).toEqual(["v1", "v2"]);
    const md5s = server
      .of("ConfigBatchListenRequest")
      .map(({ body }) => JSON.stringify(body.configListenContexts));
    expect(md5s[1]).toContain(md5OfV1);
  });

  test("a push that got lost is made good by listening again", async () => {
    const seen = watcher(client({ resyncMs: 100 }));
    await until(() => seen.seen.length === 1);
    server.losesPushes = true;
    server.setConfig("k1", "v1");
    await until(() => seen.last === "v1");
  });

  test("a key that cannot be read does not hold up others, and is tried until it can", async () => {
    server.configs.set("DEFAULT_GROUP@@k1", "v1").set("DEFAULT_GROUP@@sick", "v");
    let isSick = true;
    server.intercept = ({ type, body }) =>
      isSick && type === "ConfigQueryRequest" && body.dataId === "sick"
        ? refused(501, "config server error")
        : undefined;
    const config = client();
    const [sick, healthy] = [watcher(config, "sick"), watcher(config)];
    await until(() => healthy.last === "v1");
    await until(
      () => server.of("ConfigQueryRequest").filter(({ body }) => body.dataId === "sick").length > 2,
    );
    expect(sick.seen).toEqual([]);
    isSick = false;
    await until(() => sick.last === "v");
  });

  test("many keys are listened to together, and those beyond the limit on further connections, which go with them", async () => {
    const config = client({ listenLimit: 20 });
    const end = new AbortController();
    setMaxListeners(0, end.signal);
    const keys = Array.from({ length: 50 }, (_, at) => ({ dataId: `many-${at}` }));
    const readings = keys.map((one) => new Reading(config.watch(one, end.signal)));
    await until(() => readings.every(({ seen }) => seen.length === 1));
    const tasks = () =>
      [...server.connections.values()].map(({ setUp, listened }) => [
        bodyOf(setUp, "labels")?.taskId,
        listened.size,
      ]);
    expect(tasks().sort(([a], [b]) => Number(a) - Number(b))).toEqual([
      ["0", 20],
      ["1", 20],
      ["2", 10],
    ]);
    const before = server.of("ConfigBatchListenRequest").length;
    server.unregisterAll();
    await until(() => tasks().reduce((sum, [, size]) => sum + Number(size), 0) === 50);
    expect(server.of("ConfigBatchListenRequest").length - before).toBeLessThanOrEqual(6);
    end.abort();
    await until(() => server.connections.size === 1);
  });

  test("many readers listen once, and the last one to leave ends it", async () => {
    const config = client();
    const leave = [new AbortController(), new AbortController()];
    const readings = leave.map(({ signal }) => new Reading(config.watch(key, signal)));
    await until(() => readings.every(({ seen }) => seen.length === 1));
    for (const each of leave) each.abort();
    await Promise.all(readings.map(({ done }) => done));
    await until(() => server.of("ConfigBatchListenRequest").length === 2);
    expect(server.of("ConfigBatchListenRequest").map(({ body }) => body.listen)).toEqual([true, false]);
  });

  test("closing ends the readers, and is final", async () => {
    const config = client();
    const seen = watcher(config);
    await until(() => seen.seen.length === 1);
    await Promise.all([config.close(), config.close()]);
    await seen.done;
    await expect(config.get(key, forever)).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("logging in", () => {
  let token: string | undefined;
  let logins: string[];
  let ttlSeconds: number;
  let nowMs: number;
  const clock: NacosClock = {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    setTimeout: (run, delayMs) => {
      const timer = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  };

  async function login(): Promise<string> {
    token = "t1";
    logins = [];
    ttlSeconds = 18_000;
    nowMs = 1_000_000;
    const http = createServer((request, response) => {
      const body: Buffer[] = [];
      request.on("data", (bytes: Buffer) => body.push(bytes));
      request.on("end", () => {
        if (request.url?.startsWith("/nacos/v3")) return void response.writeHead(404).end();
        logins.push(Buffer.concat(body).toString());
        if (token === undefined) return void response.writeHead(500).end("unknown user!");
        response.end(
          JSON.stringify({
            accessToken: token,
            tokenTtl: ttlSeconds,
            globalAdmin: true,
            username: "nacos",
          }),
        );
      });
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    closers.push(() => http.close());
    const address = http.address();
    return typeof address === "object" && address ? `http://127.0.0.1:${address.port}/nacos` : "";
  }

  /** Like a server with authentication: its own type, code 403. */
  function guard(): void {
    server.intercept = ({ type, headers }) =>
      type === "ConfigQueryRequest" && headers.accessToken !== token
        ? refused(403, "token expired!", "ConfigQueryResponse")
        : undefined;
  }

  test("logs in once, falls back to the path of Nacos 2, and renews an expired token once per cause", async () => {
    const credentials = passwordCredentials({
      username: "nacos",
      password: "s&1",
      loginUrl: await login(),
      clock,
    });
    guard();
    const config = client({ credentials });
    await Promise.all([config.get(key, forever), config.get(key, forever)]);
    expect(logins).toEqual(["username=nacos&password=s%261"]);
    token = "t2";
    await config.get(key, forever);
    expect(logins).toHaveLength(2);
    const valid = token;
    token = "t3";
    await expect(config.get(key, forever)).rejects.toMatchObject({ code: "UNAUTHORIZED", serverCode: 403 });
    expect([logins.length, valid]).toEqual([2, "t2"]);
    nowMs += 60_000;
    await config.get(key, forever);
    expect(logins).toHaveLength(3);
  });

  test("a token that ends at once is not renewed with every request", async () => {
    const credentials = passwordCredentials({
      username: "nacos",
      password: "s",
      loginUrl: await login(),
      clock,
    });
    ttlSeconds = 0;
    const config = client({ credentials });
    for (let times = 0; times < 5; times += 1) await config.get(key, forever);
    expect(logins).toHaveLength(1);
    nowMs += 1_000;
    await config.get(key, forever);
    expect(logins).toHaveLength(2);
  });

  test("a login elsewhere over https trusts whom the client trusts", async () => {
    const seen: unknown[] = [];
    const network: NacosNetwork = {
      ...systemNetwork,
      http: (request) => {
        seen.push(request.tls);
        return Promise.resolve({ status: 200, headers: {}, text: '{"accessToken":"t","tokenTtl":60}' });
      },
    };
    const [address] = toSettings({ servers: ["127.0.0.1:1"] }).servers;
    if (address === undefined) throw new Error("one");
    const credentials = passwordCredentials({
      username: "nacos",
      password: "p",
      loginUrl: "https://login.example/nacos",
      network,
    });
    const tls = { serverName: "inside", trustAll: true };
    const http = httpApi(address, tls, systemEnvironment);
    const secured = {
      module: "config",
      type: "",
      body: {},
      server: address,
      appName: "",
      http,
      tls,
    } as const;
    expect(await credentials.headers(secured, forever)).toEqual({ accessToken: "t" });
    expect(seen).toEqual([{ servername: "inside", rejectUnauthorized: false }]);
  });

  test("a login that is never answered holds up neither a request that is given up nor closing", async () => {
    const mute = { headers: () => new Promise<never>(() => {}), refused: () => Promise.resolve(false) };
    const config = client({ credentials: mute });
    const given = new AbortController();
    const request = config.get(key, given.signal);
    const later = config.get(key, forever);
    const watched = new Reading(config.watch(key, forever));
    await config.ready(forever);
    given.abort(new Error("given up"));
    await expect(request).rejects.toThrow("given up");
    await config.close();
    await expect(later).rejects.toMatchObject({ code: "CLOSED" });
    await watched.done;
  });

  test("renews before the token ends, and a login that is down keeps nothing back and is not stormed", async () => {
    const credentials = passwordCredentials({
      username: "nacos",
      password: "s",
      loginUrl: await login(),
      clock,
    });
    const config = client({ credentials });
    token = undefined;
    await config.get(key, forever);
    await config.get(key, forever);
    expect(logins).toHaveLength(1);
    token = "t1";
    nowMs += 5_000;
    await config.get(key, forever);
    expect(server.of("ConfigQueryRequest").map(({ headers }) => headers.accessToken)).toEqual([
      undefined,
      undefined,
      "t1",
    ]);
    nowMs += 17_000_000;
    await config.get(key, forever);
    expect(logins).toHaveLength(3);
  });
});
