import type { ServiceInstance } from "@dubbo-ts/core";
import { sampleInstance, testRuntime } from "@dubbo-ts/testkit";
import { EmptyGuard, type EmptyGuardOptions } from "./empty-guard.js";

const twenty = Array.from({ length: 20 }, (_, index) => sampleInstance({ port: 20_001 + index }));

function open(options: Partial<EmptyGuardOptions> = {}) {
  const runtime = testRuntime();
  /** What a read gives; an Error: it fails. */
  const state = { answer: [] as readonly ServiceInstance[] | Error, reads: 0, changes: 0 };
  const guard = new EmptyGuard({
    application: "app",
    read: async () => {
      state.reads += 1;
      if (state.answer instanceof Error) throw state.answer;
      return state.answer;
    },
    onChange: () => (state.changes += 1),
    runtime,
    ...options,
  });
  return { guard, runtime, state, clock: runtime.clock };
}

const settled = (instances: readonly ServiceInstance[]) => ({ instances, settled: true });
const unsettled = (instances: readonly ServiceInstance[]) => ({ instances, settled: false });
const sizes = ({ guard }: ReturnType<typeof open>) =>
  `${guard.current?.instances.length}${guard.current?.stale ? " stale" : ""}`;

describe("EmptyGuard", () => {
  test("knows nothing until something was heard", () => {
    const { guard } = open();
    expect(guard.current).toBeUndefined();
    guard.offer(settled([]));
    expect(guard.current).toEqual({ instances: [], stale: false });
  });

  test("believes at once what an undisturbed registry says, unless most or all is gone", () => {
    const at = open();
    for (const count of [20, 19, 10, 20, 11, 20]) {
      at.guard.offer(settled(twenty.slice(0, count)));
      expect(sizes(at)).toBe(`${count}`);
    }
  });

  test.each([
    ["all of 20", 20, 0, true],
    ["more than half of 20", 20, 9, true],
    ["half of 20", 20, 10, false],
    ["the only one", 1, 0, true],
    ["two of three", 3, 1, false],
  ])("settled, losing %s: doubted or not", (_what, before, after, isDoubted) => {
    const at = open();
    at.guard.offer(settled(twenty.slice(0, before)));
    at.guard.offer(settled(twenty.slice(0, after)));
    expect(sizes(at)).toBe(isDoubted ? `${before} stale` : `${after}`);
    expect(at.guard.current?.doubted ?? false).toBe(isDoubted);
    at.guard.unreachable();
    expect(at.guard.current).toMatchObject({ stale: true, ...(isDoubted && { doubted: true }) });
    at.guard.offer(settled(twenty.slice(0, before)));
    expect(at.guard.current?.doubted ?? false).toBe(false);
  });

  test("empties after one read that confirms an undisturbed zero, within a second", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    at.guard.offer(settled([]));
    expect(sizes(at)).toBe("20 stale");
    await at.clock.advance(1_000);
    expect(sizes(at)).toBe("0");
    expect(at.state.reads).toBe(1);
    expect(at.clock.pendingTimers).toBe(0);
  });

  test("keeps all when the confirming read shows them, and is not stale any more", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    const [first] = at.guard.current?.instances ?? [];
    at.state.answer = twenty.map((instance) => ({ ...instance }));
    at.guard.offer(settled([]));
    await at.clock.advance(1_000);
    expect(sizes(at)).toBe("20");
    expect(at.guard.current?.instances[0]).toBe(first);
  });

  test("never empties while the registry cannot be asked, and soon after it can", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    at.state.answer = new Error("away");
    at.guard.offer(settled([]));
    await at.clock.advance(600_000);
    expect(sizes(at)).toBe("20 stale");
    at.state.answer = [];
    await at.clock.advance(10_000);
    expect(sizes(at)).toBe("0");
  });

  test("loses nobody to a disturbed registry before two reads agree, then empties within 5 seconds", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    at.guard.offer(unsettled([]));
    await at.clock.advance(1_000);
    expect(sizes(at)).toBe("20 stale");
    await at.clock.advance(4_000);
    expect(sizes(at)).toBe("0");
    expect(at.state.reads).toBe(2);
  });

  test("keeps even one that a disturbed registry does not list, until two reads agree", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    at.guard.offer(unsettled(twenty.slice(1)));
    expect(sizes(at)).toBe("20 stale");
    at.state.answer = twenty.slice(1);
    await at.clock.advance(1_000);
    expect(sizes(at)).toBe("20 stale");
    await at.clock.advance(2_000);
    expect(sizes(at)).toBe("19");
  });

  test("takes in what a disturbed registry adds, and keeps what it does not list yet", async () => {
    const at = open();
    at.guard.offer(settled(twenty.slice(0, 10)));
    at.guard.offer(unsettled(twenty.slice(8, 12)));
    expect(sizes(at)).toBe("12 stale");
    at.state.answer = twenty.slice(0, 12);
    await at.clock.advance(1_000);
    expect(sizes(at)).toBe("12");
  });

  test("follows a registry that fills up again after its restart", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    at.guard.offer(unsettled([]));
    for (const [ms, count] of [
      [1_000, 3],
      [2_000, 9],
      [7_000, 20],
    ] as const) {
      at.state.answer = twenty.slice(0, count);
      await at.clock.advance(ms);
      expect(at.guard.current?.instances).toHaveLength(20);
    }
    expect(sizes(at)).toBe("20");
  });

  test("keeps what is connected for the grace time, whatever a disturbed registry says, and no longer", async () => {
    let alive = new Set(twenty.slice(0, 5).map(({ id }) => id));
    const at = open({ isAlive: ({ id }) => alive.has(id) });
    at.guard.offer(settled(twenty));
    at.guard.offer(unsettled([]));
    await at.clock.advance(20_000);
    expect(sizes(at)).toBe("20 stale");
    await at.clock.advance(12_000);
    expect(sizes(at)).toBe("0");

    const other = open({ isAlive: ({ id }) => alive.has(id) });
    other.guard.offer(settled(twenty));
    other.guard.offer(unsettled([]));
    await other.clock.advance(10_000);
    alive = new Set();
    await other.clock.advance(1_500);
    expect(sizes(other)).toBe("0");
  });

  test("is not put off by a registry that repeats its empty set", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    for (let round = 0; round < 10; round++) {
      at.guard.offer(settled([]));
      await at.clock.advance(300);
    }
    expect(sizes(at)).toBe("0");
  });

  test("drops its doubt when the instances are pushed again", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    at.guard.offer(settled([]));
    at.guard.offer(settled(twenty));
    expect(sizes(at)).toBe("20");
    expect(at.clock.pendingTimers).toBe(0);
    expect(at.state.reads).toBe(0);
  });

  test("waits for a confirmation before it says that there were none to begin with, when disturbed", async () => {
    const at = open();
    at.guard.offer(unsettled([]));
    expect(at.guard.current).toBeUndefined();
    await at.clock.advance(1_000);
    expect(sizes(at)).toBe("0");
  });

  test("shows what was known in an earlier life as stale, and guards it", async () => {
    const at = open();
    at.guard.restore(twenty);
    expect(sizes(at)).toBe("20 stale");
    at.guard.offer(unsettled([]));
    expect(sizes(at)).toBe("20 stale");
    at.guard.offer(settled(twenty));
    expect(sizes(at)).toBe("20");
    at.guard.restore([]);
    expect(sizes(at)).toBe("20");
  });

  test("tells no change when nothing has changed, and keeps objects that say the same", () => {
    const at = open();
    at.guard.offer(settled(twenty));
    const before = at.guard.current;
    at.guard.offer(settled(twenty.map((instance) => ({ ...instance, labels: { ...instance.labels } }))));
    expect(at.guard.current).toBe(before);
    expect(at.state.changes).toBe(1);
    at.guard.offer(settled(twenty.map((one, index) => (index === 3 ? { ...one, weight: 2 } : { ...one }))));
    expect(at.guard.current?.instances.filter((one, index) => one !== twenty[index])).toHaveLength(1);
  });

  test("bounds a read that hangs", async () => {
    const at = open({ read: () => new Promise(() => {}) });
    at.guard.offer(settled(twenty));
    at.guard.offer(settled([]));
    await at.clock.advance(60_000);
    expect(sizes(at)).toBe("20 stale");
    await at.guard[Symbol.asyncDispose]();
    await at.guard[Symbol.asyncDispose]();
    expect(at.clock.pendingTimers).toBe(0);
    at.guard.offer(settled([]));
    expect(sizes(at)).toBe("20 stale");
  });

  test("says once in the log that it holds a set back", async () => {
    const at = open();
    at.guard.offer(settled(twenty));
    for (let round = 0; round < 3; round++) at.guard.offer(unsettled([]));
    expect(at.runtime.log.entries).toHaveLength(1);
    expect(at.runtime.log.entries[0]).toMatchObject({
      level: "warn",
      fields: { application: "app", known: 20, heard: 0 },
    });
    await at.guard[Symbol.asyncDispose]();
  });
});
