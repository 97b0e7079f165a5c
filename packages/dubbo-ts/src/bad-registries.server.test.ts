import { once } from "node:events";
import { createServer as createWebServer } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { runCommand } from "@dubbo-ts/cli";
import { defineService, java, method } from "@dubbo-ts/rpc";
import {
  etcdAvailable,
  freePort,
  nacosAvailable,
  type NacosServer,
  realServer,
  recordingLogger,
  redisAvailable,
  startEtcd,
  startNacos,
  startRedis,
  startZooKeeper,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { commandTools } from "./command-tools.js";
import { createApplication } from "./create-application.js";

// What the author of a program sees who gave a wrong address, user or place: through `createApplication` and through the
// command, for every store.

const Greeter = defineService("org.example.Greeter", { hello: method([java.string()], java.string()) });
const secret = "geheim-im-URL";
const [away, stranger, denied] = [
  "REGISTRY_UNAVAILABLE",
  "REGISTRY_WRONG_SERVER",
  "REGISTRY_AUTH_FAILED",
] as const;
/** What is waited for an answer, and what everything may take on a machine that is busy. */
const [timeoutMs, boundMs] = [3_000, 20_000];
const opened: AsyncDisposable[] = [];

jest.setTimeout(120_000);

afterAll(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

interface Outcome {
  /** Of the error; undefined: it succeeded. */
  readonly code: string | undefined;
  readonly text: string;
}

/** Starts a provider with the store as its registry; Redis, which is none, as its metadata report. */
async function start(url: string): Promise<Outcome> {
  const log = recordingLogger();
  const place = { address: url, timeout: `${timeoutMs}ms` };
  const centers = url.startsWith("redis")
    ? { registries: { r: "memory://" }, "metadata-report": place, application: { "metadata-type": "remote" } }
    : { registries: { r: place } };
  const config = {
    ...centers,
    protocols: { dubbo: { port: 0, host: "127.0.0.1" } },
    cache: { enabled: false },
    shutdown: { grace: 0 },
  };
  const startMs = performance.now();
  const outcome = await (async (): Promise<Outcome> => {
    try {
      await using app = await createApplication({ name: "bad-app", config, env: {}, log });
      await app.export(Greeter, { hello: (name) => name });
      await app.start();
      return { code: undefined, text: "started" };
    } catch (error) {
      return { code: (error as { code?: string }).code, text: (error as Error).message };
    }
  })();
  expect(performance.now() - startMs).toBeLessThan(boundMs);
  expect(`${outcome.text} ${JSON.stringify(log.entries)}`).not.toContain(secret);
  expect(log.entries.length).toBeLessThan(100); // bounded retries
  return outcome;
}

/** Runs the command against the store. */
async function look(url: string, ...command: readonly string[]): Promise<Outcome> {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const io = { out: print, err: print, signal: AbortSignal.timeout(60_000), env: {} };
  const startMs = performance.now();
  await runCommand([...command, "-r", url, "--timeout", `${timeoutMs}ms`], io, "1.2.3", commandTools);
  expect(performance.now() - startMs).toBeLessThan(boundMs);
  const text = lines.join("\n");
  expect(text).not.toContain(secret);
  return { code: /\b(?:REGISTRY|METADATA|ADDRESS|CONFIG)_[A-Z_]+\b/.exec(text)?.[0], text };
}

const lookAround = (url: string) =>
  url.startsWith("redis") ? look(url, "config", "get", "a-key") : look(url, "apps");

/** A server whose connections are what `onConnection` makes of them. */
async function listening(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
    onConnection(socket);
  });
  await once(server.listen(await freePort([1_000, -1_000]), "127.0.0.1"), "listening");
  opened.push({
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function website(): Promise<string> {
  const server = createWebServer((_, response) => void response.writeHead(404).end("not here"));
  await once(server.listen(await freePort([1_000, -1_000]), "127.0.0.1"), "listening");
  opened.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What may be at an address that is wrong. */
async function wrongPlaces(): Promise<Record<string, string>> {
  return {
    nobody: `127.0.0.1:${await freePort([1_000])}`,
    "no such host": "no-such-host.invalid:2222",
    "a port that is none": "127.0.0.1:99999",
    "a web server": await website(),
    "a server that speaks first": await listening((socket) => socket.end("220 mail ready\r\n")),
    "a server that closes at once": await listening((socket) => socket.destroy()),
    "a server that says nothing": await listening((socket) => socket.resume()),
  };
}

/** What each store says of each place, and of what it is told the reason has to speak. */
const says: Record<string, readonly [code: string, why: RegExp]> = {
  nobody: [away, /ECONNREFUSED/],
  "no such host": [away, /no-such-host\.invalid.*(ENOTFOUND|EAI_AGAIN|[Nn]ame resolution)/],
  "a port that is none": ["ADDRESS_INVALID", /port 99999 is not between 1 and 65535/],
  "a web server": [stranger, /is no|does not speak/],
  "a server that speaks first": [stranger, /is no|does not speak/],
  "a server that closes at once": [away, /closed|hang up|ECONNRESET/],
  "a server that says nothing": [away, /no answer|no connection within|within|[Tt]ime/],
};
/** Nacos' own port speaks HTTP: what cuts that is no Nacos. That nobody has its other port is known before the first is silent. */
const exceptions: Record<string, typeof says> = {
  nacos: {
    "a server that closes at once": [stranger, /is no Nacos/],
    "a server that says nothing": [away, /ECONNREFUSED|no answer/],
  },
};

/** Java and users call a report's absence by another name, and a URL in a file is a part of that. */
const alike: Record<string, string> = { METADATA_UNAVAILABLE: away, CONFIG_INVALID: "ADDRESS_INVALID" };

/** A busy server that answers too late is away, as the outcome says then: it is asked once more. */
async function asked(ask: (url: string) => Promise<Outcome>, url: string, code: string): Promise<Outcome> {
  const outcome = await ask(url);
  return code !== away && outcome.code === away ? ask(url) : outcome;
}

/** What the program and the command say of `url`, compared with what they should. */
async function expectBoth(url: string, code: string, why: RegExp, what: string): Promise<void> {
  for (const outcome of await Promise.all([start, lookAround].map((ask) => asked(ask, url, code)))) {
    const { code: found = "none" } = outcome;
    expect({ what, ...outcome, code: alike[found] ?? found }).toEqual({
      what,
      code,
      text: expect.stringMatching(why) as string,
    });
    expect(outcome.text).toContain(/@([^/?]+)/.exec(url)?.[1]);
    expect(outcome.text.length).toBeLessThan(400);
  }
}

test.each(["nacos", "zookeeper", "etcd", "redis"])(
  "%s at a wrong address: which and why, in time, in a program and in the command",
  async (scheme) => {
    const places = Object.entries(await wrongPlaces());
    await Promise.all(
      places.map(([what, address]) => {
        const [code, why] = (exceptions[scheme]?.[what] ?? says[what]) as (typeof says)[string];
        const url = `${scheme}://user:${secret}@${address}`;
        return expectBoth(url, code, why, `${scheme} at ${what}`);
      }),
    );
  },
);

test("the embedded registry is not where another program has its port, or nobody serves", async () => {
  const below = (address: string) => address.replace(/\d+$/, (port) => String(Number(port) - 1_000));
  // A program wants to serve there; the command is a guest, and cannot tell a cut connection from a server that starts.
  const cut = () => listening((socket) => socket.destroy());
  for (const [make, codeOfCommand] of [
    [website, stranger],
    [cut, away],
  ] as const) {
    const url = `local://${below(await make())}`;
    const program = await start(url);
    expect(program.code).toBe(stranger);
    expect(program.text).toContain("choose another base port");
    expect((await lookAround(url)).code).toBe(codeOfCommand);
  }
  const { code, text } = await lookAround(`local://127.0.0.1:${await freePort([1_000])}`);
  expect(code).toBe(away);
  expect(text).toMatch(/ECONNREFUSED/);
  expect(await start("local://10.0.0.1:8848")).toMatchObject({ code: "ADDRESS_INVALID" });
});

test("the doctor says it too, and what to do", async () => {
  const port = await freePort([1_000]);
  for (const scheme of ["nacos", "zookeeper", "etcd"]) {
    const nobody = await look(`${scheme}://u:${secret}@127.0.0.1:${port}`, "doctor", "org.example.Greeter");
    expect(nobody.text).toMatch(
      new RegExp(`BROKEN +registry +${scheme}://127.0.0.1:${port} cannot be reached`),
    );
    expect(nobody.code).toBe(away);
  }
  const url = `zookeeper://u:${secret}@${await website()}`;
  expect((await look(url, "doctor", "org.example.Greeter")).text).toMatch(
    /is no ZooKeeper server(.|\n)*REGISTRY_WRONG_SERVER/,
  );
});

realServer(
  "a store at the address of another",
  etcdAvailable() && zooKeeperAvailable() && redisAvailable(),
  () => {
    let at: Record<string, string>;

    beforeAll(async () => {
      const servers = [await startZooKeeper(), await startEtcd(), await startRedis()] as const;
      opened.push(...servers);
      const [zookeeper, etcd, redis] = servers.map(({ address }) => address);
      at = { zookeeper, etcd, redis } as Record<string, string>;
    });

    // ZooKeeper closes what it does not understand, etcd and Redis wait for more: nobody can tell that from a server that
    // is starting. The reason says what was seen.
    test.each([
      ["zookeeper", "etcd", away],
      ["zookeeper", "redis", away],
      ["etcd", "zookeeper", away],
      ["etcd", "redis", stranger],
      ["redis", "zookeeper", away],
      ["redis", "etcd", away],
      ["nacos", "zookeeper", stranger],
      ["nacos", "etcd", stranger],
      ["nacos", "redis", stranger],
    ] as const)("%s given that of %s is %s", async (scheme, other, code) => {
      const url = `${scheme}://user:${secret}@${at[other]}`;
      await expectBoth(url, code, /is no|perhaps no|closed|no answer|no connection/, `${scheme} at ${other}`);
    });
  },
);

/** `start` alone: the command reads only, and may do so. */
async function expectStart(url: string, code: string | undefined, why: RegExp): Promise<void> {
  const outcome = await start(url);
  expect({ url, ...outcome }).toEqual({ url, code, text: expect.stringMatching(why) as string });
}

realServer("who may not do it", etcdAvailable() && zooKeeperAvailable() && redisAvailable(), () => {
  test("in etcd: a wrong password, an unknown user, a role without the right", async () => {
    const server = await startEtcd();
    opened.push(server);
    for (const command of [
      "user add root:root-secret",
      "user grant-role root root",
      "role add readers",
      "role grant-permission --prefix=true readers read /",
      `user add reader:${secret}`,
      "user grant-role reader readers",
      "auth enable",
    ])
      await server.ctl(...command.split(" "));
    for (const user of ["root", "nobody"])
      await expectBoth(`etcd://${user}:${secret}@${server.address}`, denied, /authentication failed/, user);
    const reader = `etcd://reader:${secret}@${server.address}`;
    await expectStart(reader, denied, /permission denied/);
    expect((await lookAround(reader)).code).toBeUndefined();
  });

  test("in ZooKeeper: nodes that belong to another user; a chroot that is not there is made", async () => {
    const server = await startZooKeeper();
    opened.push(server);
    await expectStart(`zookeeper://owner:own-secret@${server.address}`, undefined, /started/);
    for (const user of [`owner:${secret}`, `stranger:${secret}`])
      await expectStart(
        `zookeeper://${user}@${server.address}`,
        denied,
        /NO_AUTH|not allowed|no right|auth/i,
      );
    await expectStart(`zookeeper://${server.address}/not/there`, undefined, /started/);
  });

  test("in Redis: a wrong password, a missing right, a database that is not there, a server that is too old", async () => {
    const server = await startRedis({
      password: "right",
      config: [`user reader on >${secret} ~* &* +@read +@connection +info`],
    });
    opened.push(server);
    await expectBoth(`redis://:${secret}@${server.address}`, denied, /WRONGPASS/, "password");
    await expectStart(`redis://reader:${secret}@${server.address}`, denied, /NOPERM/);
    const outOfRange = `redis://:right@${server.address}/99`;
    await expectBoth(outOfRange, "REGISTRY_REFUSED", /DB index is out of range/, "database");
    const old = await listening((socket) =>
      socket.on("data", (chunk) => {
        const info = "redis_version:2.8.24\r\nredis_mode:standalone";
        socket.write(
          /info/i.test(String(chunk))
            ? `$${info.length}\r\n${info}\r\n`
            : /ping/i.test(String(chunk))
              ? "+PONG\r\n"
              : "+OK\r\n",
        );
      }),
    );
    await expectBoth(`redis://:${secret}@${old}`, stranger, /Redis 2\.8\.24 is too old/, "version");
  });
});

realServer("a real Nacos that asks who comes", nacosAvailable(3), () => {
  let server: NacosServer;

  beforeAll(async () => {
    const options = { "nacos.core.namespace.validation.enabled": "true" };
    server = await startNacos({ major: 3, auth: true, options });
    opened.push(server);
    await server.admin.createNamespace("ns1");
    await server.admin.createUser("reader", secret);
    await server.admin.createRole("readers", "reader");
    await server.admin.grant("readers", "ns1:*:*", "r");
  }, 250_000);

  test("refuses a wrong password, a missing right and a namespace that is not there, of which it says which are", async () => {
    await expectBoth(`nacos://nacos:${secret}@${server.address}`, denied, /nacos/i, "password");
    const reader = `nacos://reader:${secret}@${server.address}?namespace=ns1`;
    await expectStart(reader, denied, /authorization failed/i);
    expect((await lookAround(reader)).code).toBeUndefined();
    const nowhere = `nacos://nacos:secret1@${server.address}?namespace=nope`;
    await expectStart(nowhere, "REGISTRY_REFUSED", /'nope' does not exist.*there are:.*ns1/);
  });

  test.each(["zookeeper", "etcd", "redis"])("is no %s, on neither of its ports", async (scheme) => {
    for (const port of [server.port, server.grpcPort]) {
      const url = `${scheme}://user:${secret}@127.0.0.1:${port}`;
      for (const { code = "", text } of await Promise.all([start(url), lookAround(url)])) {
        expect([away, stranger]).toContain(alike[code] ?? code);
        expect(text).toMatch(/is no|perhaps no|closed|no answer|no connection|does not speak/);
      }
    }
  });
});
