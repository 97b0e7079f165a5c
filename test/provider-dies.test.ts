import { type Application, createApplication, hasCode } from "dubbo-ts";
import {
  zooKeeperAvailable,
  Load,
  realServer,
  startZooKeeper,
  waitFor,
  type ZooKeeperServer,
} from "@dubbo-ts/testkit";
import { type Program, startProgram, Worker } from "./programs.js";

realServer("providers that end while ZooKeeper still lists them", zooKeeperAvailable(), () => {
  let server: ZooKeeperServer;
  let registry: string;
  let tests = 0;
  beforeAll(async () => {
    server = await startZooKeeper();
  });
  beforeEach(() => {
    // A group of its own: those that were killed in one test stay listed for a while.
    registry = `zookeeper://${server.address}?group=test-${(tests += 1)}`;
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const client = (): Promise<Application> =>
    createApplication({
      name: "fault-client",
      registry,
      config: { logger: { level: "silent" }, cache: { enabled: false } },
      env: {},
    });

  /** Providers that end with the test, whatever becomes of it. */
  async function start(count: number): Promise<{ programs: readonly Program[] } & AsyncDisposable> {
    const programs = await Promise.all(
      Array.from({ length: count }, () => startProgram("provider", registry)),
    );
    const end = () => Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
    return { programs, [Symbol.asyncDispose]: () => end().then(() => undefined) };
  }

  test("killed with -9: no call is lost, and after 100 ms none goes there", async () => {
    await using providers = await start(2);
    await using app = await client();
    const worker = await app.refer(Worker);
    const [victim, survivor] = providers.programs as [Program, Program];
    const slowest = { ms: 0 };
    const seen = new Set<number>();
    const load = new Load(async () => {
      const before = performance.now();
      seen.add(await worker.whoAmI());
      slowest.ms = Math.max(slowest.ms, performance.now() - before);
    }, 200);
    await waitFor(() => seen.size === 2, { timeoutMs: 10_000, what: "answers of both" });
    await victim.end("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 100)); // the bar itself
    seen.clear();
    slowest.ms = 0;
    await waitFor(() => load.answered > 600, { timeoutMs: 10_000 });
    await load.stop();
    expect(load.failures).toEqual([]);
    expect([...seen]).toEqual([survivor.pid]);
    expect(slowest.ms).toBeLessThan(500);
  }, 40_000);

  test("killed with -9: calls in flight fail at that moment, and are repeated elsewhere unless told not to", async () => {
    await using providers = await start(2);
    await using app = await client();
    const once = await app.refer(Worker, { retries: 0, timeoutMs: 20_000 });
    const again = await app.refer(Worker, { timeoutMs: 20_000 });
    const [victim, survivor] = providers.programs as [Program, Program];
    const both = new Set<number>();
    await waitFor(async () => both.add(await once.whoAmI()).size === 2, { what: "answers of both" });
    await waitFor(async () => both.delete(await again.whoAmI()) && both.size === 0, {
      what: "answers of both",
    });
    const settle = async (call: Promise<string>) => {
      const outcome = await call.catch((error: unknown) => error);
      return { outcome, at: performance.now() };
    };
    const single = Array.from({ length: 20 }, () => settle(once.work(2_500)));
    const repeated = Array.from({ length: 20 }, () => settle(again.work(2_500)));
    await waitFor(() => once.whoAmI()); // all of them are written by now: one connection keeps its order
    const killedAt = performance.now();
    await victim.end("SIGKILL");
    for (const { outcome } of await Promise.all(repeated)) expect(outcome).toBe(`done by ${survivor.pid}`);
    const settled = await Promise.all(single);
    const lost = settled.filter(({ outcome }) => hasCode(outcome, "CONNECTION_LOST"));
    expect(lost.length).toBeGreaterThan(0);
    for (const { at } of lost) expect(at - killedAt).toBeLessThan(200);
    for (const { outcome } of settled)
      if (!hasCode(outcome, "CONNECTION_LOST")) expect(outcome).toBe(`done by ${survivor.pid}`);
  }, 40_000);

  test("stopped in order: calls in flight finish", async () => {
    await using providers = await start(2);
    await using app = await client();
    const worker = await app.refer(Worker, { retries: 0, timeoutMs: 10_000 });
    const seen = new Set<number>();
    await waitFor(async () => seen.add(await worker.whoAmI()).size === 2, { what: "answers of both" });
    const calls = Array.from({ length: 20 }, () => worker.work(1_500));
    await worker.whoAmI();
    expect(await providers.programs[0]!.end("SIGTERM")).toBe(0);
    const answers = new Set(await Promise.all(calls));
    expect(answers.size).toBe(2);
  }, 40_000);

  test("silent (SIGSTOP): no call waits longer than five seconds, and after five none goes there", async () => {
    await using providers = await start(2);
    await using app = await client();
    const worker = await app.refer(Worker);
    const [victim, survivor] = providers.programs as [Program, Program];
    const calls: { pid: number; startedAt: number; tookMs: number }[] = [];
    const load = new Load(async () => {
      const startedAt = performance.now();
      const pid = await worker.whoAmI();
      calls.push({ pid, startedAt, tookMs: performance.now() - startedAt });
    }, 200);
    await waitFor(() => new Set(calls.map(({ pid }) => pid)).size === 2, { timeoutMs: 10_000 });
    victim.signal("SIGSTOP");
    const silentAt = performance.now();
    const late = () => calls.filter(({ startedAt }) => startedAt > silentAt + 5_000);
    await waitFor(() => late().length > 400, { timeoutMs: 15_000 });
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(Math.max(...calls.map(({ tookMs }) => tookMs))).toBeLessThan(5_200);
    expect(Math.max(...late().map(({ tookMs }) => tookMs))).toBeLessThan(1_000);
    expect(new Set(late().map(({ pid }) => pid))).toEqual(new Set([survivor.pid]));
  }, 60_000);

  test("the last one stops: the directory is empty within five seconds, and calls fail at once", async () => {
    await using providers = await start(1);
    await using app = await client();
    const worker = await app.refer(Worker);
    await worker.whoAmI();
    expect(await providers.programs[0]!.end("SIGTERM")).toBe(0);
    const stoppedAt = performance.now();
    await waitFor(
      async () => {
        const error = await worker.whoAmI().catch((reason: unknown) => reason);
        return hasCode(error, "NO_PROVIDER");
      },
      { timeoutMs: 5_000, what: "NO_PROVIDER" },
    );
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    await using again = await startProgram("provider", registry);
    await waitFor(() => worker.whoAmI().then((pid) => pid === again.pid), { timeoutMs: 5_000 });
  }, 40_000);
});
