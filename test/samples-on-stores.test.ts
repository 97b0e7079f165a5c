import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  etcdAvailable,
  nacosAvailable,
  realServer,
  redisAvailable,
  startEtcd,
  startNacos,
  startRedis,
  startZooKeeper,
  waitFor,
  zooKeeperAvailable,
} from "@dubbo-ts/testkit";
import { freeBasePort } from "./programs.js";

// Joining an existing cluster is one line: the samples, as they were built and as anybody starts them, on each store.

jest.setTimeout(400_000);

/** A sample that was started, and what it has printed. */
interface Sample {
  readonly child: ChildProcess;
  readonly lines: string[];
}

/** Starts samples from their built code, each with `--registry`, and ends those that run on. */
class Samples implements AsyncDisposable {
  readonly #started: Sample[] = [];

  private constructor(
    private readonly url: string,
    /** The caches of this world: what an earlier run knew is not to help. */
    private readonly home: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** @param settings further variables of their environment. */
  static async on(url: string, settings = {}): Promise<Samples> {
    return new Samples(url, await mkdtemp(join(tmpdir(), "samples-")), settings);
  }

  start(name: string, ...args: readonly string[]): Sample {
    const main = join(__dirname, "../samples", name, "dist/main.js");
    // Far from the repository's own folder: nothing that a sample needs may come from where it is started.
    const child = spawn(process.execPath, [main, "--registry", this.url, ...args], {
      cwd: this.home,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        NODE_OPTIONS: "",
        DUBBO_REGISTRY: "",
        XDG_CACHE_HOME: this.home,
        ...this.settings,
      },
    });
    const sample: Sample = { child, lines: [] };
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on("line", (line) => sample.lines.push(line));
    this.#started.push(sample);
    return sample;
  }

  /** Waits until the sample has printed a line that fits, and gives it. */
  async line(sample: Sample, pattern: RegExp): Promise<string> {
    const { child, lines } = sample;
    const found = () => {
      const line = lines.find((one) => pattern.test(one));
      if (line === undefined && child.exitCode !== null)
        throw new Error(`ended with ${child.exitCode}: ${lines.join("\n")}`);
      return line;
    };
    return waitFor(found, {
      timeoutMs: 60_000,
      intervalMs: 50,
      what: `${pattern} after ${lines.join("\n")}`,
    });
  }

  /** Runs a sample that ends by itself; gives what it printed. */
  async run(name: string, ...args: readonly string[]): Promise<string> {
    const { child, lines } = this.start(name, ...args);
    const [code] = (await once(child, "close")) as [number | null];
    expect({ name, code, lines: code === 0 ? [] : lines }).toEqual({ name, code: 0, lines: [] });
    return lines.join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#started.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), 20_000);
      await exit.finally(() => clearTimeout(hard));
    }
    await rm(this.home, { recursive: true });
  }
}

/** What every sample shows, whatever the store. */
async function tellStory(url: string, settings = {}): Promise<void> {
  await using samples = await Samples.on(url, settings);
  const server = samples.start("user-info-server");
  expect(await samples.line(server, /registered/)).toMatch(
    new RegExp(`^user-info-server registered, pid ${server.child.pid}$`),
  );
  const gateway = samples.start("web-gateway", "--port", "0");
  const client = await samples.run("user-info-client");
  expect(client).toMatch(/^getUser\(1n\) = \{[^}]*name: 'Ada',\s+gender: 'FEMALE'/m);
  expect(client).toMatch(/^getUser\(99n\) = null$/m);
  expect(client).toMatch(/^listUsers\(10, FEMALE\) = \[ 'Ada', 'Grace' \]$/m);
  expect(client).toMatch(/^rename\(1n, "Alan"\) threw org\.example\.NameTakenException: Alan is taken/m);
  expect(client).toMatch(/^generic getUser = (.|\n)*'Alan'/m);
  expect(await samples.run("plain-functions")).toBe("hello world, from plain functions");
  const [address = ""] = /http:\/\/[\d.]+:\d+/.exec(await samples.line(gateway, /listening on/)) ?? [];
  const user = await fetch(`${address}/users/1`);
  expect([user.status, await user.json()]).toMatchObject([200, { id: "1", name: "Ada" }]);
  const taken = await fetch(`${address}/users/1/name`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Alan" }),
  });
  expect([taken.status, await taken.json()]).toMatchObject([409, { message: "Alan is taken" }]);
  // Node's half of a cluster with Go: the provider alone.
  const prices = samples.start("go-cluster", "provider");
  await samples.line(prices, /prices are served/);
  // A sample that is told to end has nothing to complain of.
  server.child.kill("SIGTERM");
  await once(server.child, "exit");
  expect([server.child.exitCode, server.lines.at(-1)]).toEqual([0, expect.stringContaining("registered")]);
  // Brings its own providers, of which it kills one.
  expect(await samples.run("tour")).toMatch(
    /getUser\(1n\) over tri = Ada(.|\n)*Done: every call was answered/,
  );
}

test("the samples run on the embedded registry", async () => {
  await tellStory(`local://127.0.0.1:${await freeBasePort()}`);
});

realServer("with their metadata on Redis", redisAvailable(), () => {
  test("the samples run, named by a variable of the environment", async () => {
    await using server = await startRedis();
    const settings = {
      DUBBO_METADATA_REPORT_ADDRESS: `redis://${server.address}`,
      DUBBO_APPLICATION_METADATA_TYPE: "remote",
    };
    await tellStory(`local://127.0.0.1:${await freeBasePort()}`, settings);
    expect(await server.cli("hget", "dubbo:mapping", "org.example.UserProvider")).toBe("user-info-server");
    expect(await server.cli("keys", "user-info-server:*")).not.toBe("");
  });
});

realServer("on ZooKeeper", zooKeeperAvailable(), () => {
  test("the samples run, below a chroot that nobody has made too", async () => {
    await using server = await startZooKeeper();
    await tellStory(`zookeeper://${server.address}/some/where`);
  });
});

realServer("on etcd", etcdAvailable(), () => {
  test("the samples run", async () => {
    await using server = await startEtcd();
    await tellStory(`etcd://${server.address}`);
  });
});

for (const major of [3, 2] as const)
  realServer(`on Nacos ${major}`, nacosAvailable(major), () => {
    test("the samples run", async () => {
      await using server = await startNacos({ major });
      await tellStory(server.url);
    });
  });
