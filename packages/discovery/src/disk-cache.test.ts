import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleInstance, sampleMetadata, testRuntime, waitFor } from "@dubbo-ts/testkit";
import fc from "fast-check";
import { safeFileName } from "./cache-file.js";
import { type DiskCacheOptions, diskCache } from "./disk-cache.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dubbo-ts-cache-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const metadata = sampleMetadata("app");
const content = {
  instances: [sampleInstance({ application: "app", labels: { text: "größer" } })],
  metadata: [metadata],
};

function open(options: Partial<DiskCacheOptions> = {}) {
  const runtime = testRuntime();
  return { runtime, cache: diskCache({ directory, runtime, ...options }) };
}

async function write(application = "app", saved = content): Promise<string> {
  const { cache } = open();
  cache.saveApplication(application, () => saved);
  await cache[Symbol.asyncDispose]();
  return join(directory, "scope-default", `application-${application}.json`);
}

const files = async () => (await readdir(directory, { recursive: true })).sort();

describe("diskCache", () => {
  test("gives back what an earlier process saved", async () => {
    await write();
    const { cache } = open();
    expect(await cache.readApplication("app")).toEqual(content);
    cache.saveMapping("org.example.Greeter", ["app", "other"]);
    await cache[Symbol.asyncDispose]();
    expect(await open().cache.readMapping("org.example.Greeter")).toEqual(["app", "other"]);
  });

  test("has nothing of what was never saved, and makes its directory when it writes", async () => {
    const { cache } = open({ directory: join(directory, "a", "b") });
    expect(await cache.readApplication("app")).toBeUndefined();
    expect(await cache.readMapping("org.example.Greeter")).toBeUndefined();
    cache.saveMapping("org.example.Greeter", ["app"]);
    await cache[Symbol.asyncDispose]();
    expect(await files()).toContain(join("a", "b", "scope-default", "mapping-org.example.Greeter.json"));
  });

  test("joins changes within a second into one write of the last one, and does not write the same again", async () => {
    const { cache, runtime } = open();
    let asked = 0;
    for (let round = 0; round < 50; round++)
      cache.saveApplication("app", () => {
        asked += 1;
        return content;
      });
    await runtime.clock.advance(1_000);
    await cache[Symbol.asyncDispose]();
    await cache[Symbol.asyncDispose]();
    expect(asked).toBe(1);
    expect(await files()).toEqual(["scope-default", join("scope-default", "application-app.json")]);
    cache.saveApplication("app", () => content); // after the end: nothing happens
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  test("writes a large file the more rarely the longer it takes, but every minute, and what waits at the end", async () => {
    const runtime = testRuntime();
    let busyMs = 0;
    const clock = { ...runtime.clock, monotonicMs: () => runtime.clock.monotonicMs() + busyMs };
    const cache = diskCache({ directory, runtime: { ...runtime, clock } });
    let weight = 0;
    let asked = 0;
    const change = (costMs: number) => {
      const mine = (weight += 1);
      cache.saveApplication("app", () => {
        asked += 1;
        busyMs += costMs;
        return { instances: [sampleInstance({ application: "app", weight: mine })], metadata: [] };
      });
    };
    /** How long the next change waits, to a tenth of a second. */
    const waitMs = async (costMs: number) => {
      const before = asked;
      for (let ms = 0; ms <= 100_000; ms += 100) {
        change(costMs);
        await runtime.clock.advance(100);
        if (asked === before) continue;
        await waitFor(async () => (await cache.readApplication("app"))?.instances[0]?.weight === weight, {
          timeoutMs: 20_000,
        });
        return ms + 100;
      }
      return undefined;
    };
    expect(await waitMs(20)).toBe(1_000);
    expect(await waitMs(5_000)).toBe(20_000);
    expect(await waitMs(0)).toBe(60_000);
    expect(await waitMs(20)).toBe(1_000);
    change(0);
    cache.saveMapping("org.example.Greeter", ["app"]); // another file waits for itself only
    await runtime.clock.advance(1_000);
    expect(asked).toBe(4);
    await cache[Symbol.asyncDispose]();
    expect(asked).toBe(5);
    const saved = await open().cache.readApplication("app");
    expect(saved?.instances[0]?.weight).toBe(weight);
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  test("keeps scopes apart", async () => {
    await write();
    expect(await open({ scope: "zookeeper://other" }).cache.readApplication("app")).toBeUndefined();
  });

  test("does not use what is too old", async () => {
    await write();
    const { cache, runtime } = open({ maxAgeMs: 60_000 });
    expect(await cache.readApplication("app")).toBeDefined();
    runtime.clock.stepWall(60_001);
    expect(await cache.readApplication("app")).toBeUndefined();
    runtime.clock.stepWall(-10_000_000_000);
    expect(await cache.readApplication("app")).toBeDefined(); // the clock went back: no reason to mistrust
  });

  test.each<[string, (path: string) => Promise<void>]>([
    ["empty", (path) => writeFile(path, "")],
    ["cut off", async (path) => writeFile(path, (await readFile(path, "utf8")).slice(0, -20))],
    [
      "altered in one bit",
      async (path) => {
        const bytes = await readFile(path);
        bytes[bytes.length - 30] = (bytes[bytes.length - 30] as number) ^ 1;
        await writeFile(path, bytes);
      },
    ],
    ["no JSON", (path) => writeFile(path, "hello\nworld")],
    ["without a header", (path) => writeFile(path, "{}")],
    [
      "a directory",
      async (path) => {
        await rm(path);
        await mkdir(path);
      },
    ],
    [
      "random bytes",
      (path) => writeFile(path, Buffer.from(Array.from({ length: 999 }, (_, i) => (i * 7) & 255))),
    ],
  ])("ignores a file that is %s, once in the log, and puts it aside", async (_what, damage) => {
    const path = await write();
    await damage(path);
    const { cache, runtime } = open();
    expect(await cache.readApplication("app")).toBeUndefined();
    expect(await cache.readApplication("app")).toBeUndefined();
    expect(runtime.log.entries).toHaveLength(1);
    expect(await files()).toContain(join("scope-default", "application-app.json.damaged"));
    cache.saveApplication("app", () => content);
    await cache[Symbol.asyncDispose]();
    expect(await open().cache.readApplication("app")).toEqual(content);
  });

  test("leaves a file of another format as it is", async () => {
    const path = await write();
    await writeFile(path, '{"format":"dubbo-ts-discovery/9"}\n{}');
    const { cache, runtime } = open();
    expect(await cache.readApplication("app")).toBeUndefined();
    expect(runtime.log.entries).toEqual([]);
    expect((await stat(path)).size).toBeGreaterThan(0);
  });

  test("says once that it cannot write, and goes on", async () => {
    await writeFile(join(directory, "file"), "");
    const { cache, runtime } = open({ directory: join(directory, "file") });
    for (const name of ["a", "b"]) cache.saveMapping(name, ["app"]);
    await cache[Symbol.asyncDispose]();
    expect(runtime.log.entries).toHaveLength(1);
    expect(await cache.readMapping("a")).toBeUndefined();
  });

  test("never shows a part of a file while several processes write it", async () => {
    const many = (count: number) => ({
      instances: Array.from({ length: count }, (_, index) =>
        sampleInstance({ application: "app", port: index + 1 }),
      ),
      metadata: [],
    });
    await write("app", many(400));
    const reader = open();
    const sizes = new Set<number | undefined>();
    let isWriting = true;
    const writing = Promise.all(
      [1, 2].map(async () => {
        for (let round = 0; round < 10; round++) await write("app", many(round % 2 === 0 ? 500 : 300));
      }),
    ).finally(() => (isWriting = false));
    while (isWriting) sizes.add((await reader.cache.readApplication("app"))?.instances.length);
    await writing;
    expect([...sizes].filter((size) => size === undefined || ![300, 400, 500].includes(size))).toEqual([]);
    expect(reader.runtime.log.entries).toEqual([]);
    expect((await files()).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("writes nothing outside its directory, whatever the names", async () => {
    const names = ["../../evil", "/etc/passwd", "C:\\evil", "a\0b", "..", ".", "", "x".repeat(300), "ünï/漢"];
    const { cache } = open({ directory: join(directory, "inner"), scope: "../../up" });
    for (const name of names) cache.saveMapping(name, [name]);
    await cache[Symbol.asyncDispose]();
    expect(await readdir(directory)).toEqual(["inner"]);
    for (const name of names) expect(await cache.readMapping(name)).toEqual([name]);
  });

  test("gives different names different files, without separators and of bounded length", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.string({ maxLength: 200 }), (a, b) => {
        const [one, other] = [safeFileName("k", a), safeFileName("k", b)];
        expect(one).toMatch(/^k-[A-Za-z0-9._%~-]{0,120}\.json$/);
        if (a !== b) expect(one).not.toBe(other);
      }),
    );
  });
});
