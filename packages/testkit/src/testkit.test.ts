import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { fakeClock } from "./fake-clock.js";
import { faultsOf } from "./faults.js";
import { noLeaks } from "./no-leaks.js";
import { seededRandom } from "./seeded-random.js";
import { waitFor } from "./wait-for.js";

describe("fakeClock", () => {
  test("fires timers in the order of their times, then of their making, and lets promises run in between", async () => {
    const clock = fakeClock();
    const seen: string[] = [];
    clock.setTimeout(() => seen.push(`b ${clock.monotonicMs()}`), 20);
    clock.setTimeout(() => seen.push("c"), 20);
    clock.setTimeout(() => {
      seen.push(`a ${clock.monotonicMs()}`);
      void Promise.resolve().then(() => clock.setTimeout(() => seen.push("a2"), 5));
    }, 10);
    clock.setTimeout(() => seen.push("never"), 15).cancel();
    await clock.advance(19);
    expect(seen).toEqual(["a 10", "a2"]);
    await clock.advance(1);
    expect(seen).toEqual(["a 10", "a2", "b 20", "c"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("steps the wall without any time passing", () => {
    const clock = fakeClock({ startMs: 1_000 });
    clock.stepWall(3_600_000);
    expect([clock.wallMs(), clock.monotonicMs()]).toEqual([3_601_000, 0]);
  });
});

test("seededRandom gives the same numbers for the same seed, evenly spread", () => {
  const numbers = Array.from({ length: 10_000 }, seededRandom(3));
  expect(numbers.slice(0, 5)).toEqual(Array.from({ length: 5 }, seededRandom(3)));
  expect(numbers.every((one) => one >= 0 && one < 1)).toBe(true);
  expect(numbers.reduce((sum, one) => sum + one, 0) / numbers.length).toBeCloseTo(0.5, 1);
});

test("waitFor gives what the condition gave, and names what it waited for in vain", async () => {
  let asked = 0;
  expect(await waitFor(() => (++asked === 3 ? "third" : false))).toBe("third");
  const failing = waitFor(
    () => {
      throw new Error("not there");
    },
    { timeoutMs: 20, what: "a sign" },
  );
  await expect(failing).rejects.toMatchObject({ message: /a sign/, cause: { message: "not there" } });
});

test("noLeaks names what stayed open", async () => {
  const [quick, check] = [noLeaks({ timeoutMs: 50 }), noLeaks()];
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await expect(quick()).rejects.toThrow(/TCPServerWrap/);
  server.close();
  await check();
  const timer = wait(30);
  await check();
  await timer;
});

test("a fault that a harness has neither made possible nor declared missing fails the test", () => {
  const harness = { open: async () => ({}), [Symbol.asyncDispose]: async () => {} };
  expect(() => faultsOf(harness, "kill")).toThrow(/killServer.*lacks: \["kill"\]/);
});
