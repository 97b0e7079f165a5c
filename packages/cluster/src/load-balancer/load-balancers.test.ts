import { type Endpoint, endpoint } from "@dubbo-ts/core";
import type { Invocation } from "@dubbo-ts/rpc";
import { fakeClock, seededRandom } from "@dubbo-ts/testkit";
import fc from "fast-check";
import type { Candidate } from "../candidate.js";
import { effectiveWeight } from "./effective-weight.js";
import { loadBalancers } from "./load-balancers.js";
import { random } from "./random.js";
import { roundRobin } from "./round-robin.js";

const startMs = 1_700_000_000_000;

function candidate(host: string, fields: Partial<Endpoint> = {}): Candidate {
  return {
    endpoint: endpoint({ protocol: "dubbo", host, port: 1, ...fields }),
    available: true,
    ejected: false,
    active: 0,
    invoke: () => Promise.reject(new Error("not called")),
  };
}

const weighted = (weights: Readonly<Record<string, number>>) =>
  Object.entries(weights).map(([host, weight]) => candidate(host, { weight }));

const call = (method = "m") => ({ method }) as Invocation;

function runtime(seed = 1) {
  return { clock: fakeClock({ startMs }), random: seededRandom(seed) };
}

function shares(pick: () => Candidate, times: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const { host } = pick().endpoint;
    counts[host] = (counts[host] ?? 0) + 1;
  }
  return counts;
}

describe("warm-up", () => {
  test.each([
    ["told no start", { startedAtMs: undefined }, 100],
    ["started now", { startedAtMs: startMs }, 1],
    ["half way", { startedAtMs: startMs - 300_000 }, 50],
    ["warm", { startedAtMs: startMs - 600_000 }, 100],
    ["a clock before its start", { startedAtMs: startMs + 5_000 }, 1],
    ["started in 1970", { startedAtMs: 1 }, 100],
    ["no warm-up", { startedAtMs: startMs, warmupMs: 0 }, 100],
    ["no traffic", { weight: 0, startedAtMs: startMs - 1 }, 0],
    ["less than none", { weight: -5 }, 0],
  ])("%s weighs %j: %d", (_, fields: Partial<Endpoint>, weight) => {
    expect(effectiveWeight(candidate("a", fields).endpoint, startMs)).toBe(weight);
  });

  test("gives a young provider little, and its share when it is warm", () => {
    const { clock, random: next } = runtime();
    const both = [candidate("old"), candidate("young", { startedAtMs: startMs })];
    const pick = random({ clock, random: next });
    expect(shares(() => pick(both, call()), 10_000)["young"]).toBeLessThan(200);
    clock.stepWall(600_000);
    expect(shares(() => pick(both, call()), 10_000)["young"]).toBeGreaterThan(4_800);
    clock.stepWall(-3_600_000 * 24 * 365 * 60); // 1963: both count as just started, none is left out
    const odd = shares(
      () => pick([candidate("x", { startedAtMs: startMs }), both[1] as Candidate], call()),
      1_000,
    );
    expect(odd["x"]).toBeGreaterThan(400);
  });
});

describe("random", () => {
  test("follows the weights: chi-square of 10,000 picks stays below the 0.1 % bound", () => {
    const list = weighted({ a: 100, b: 200, c: 300, d: 0, e: 400 });
    const pick = random(runtime(7));
    const counts = shares(() => pick(list, call()), 10_000);
    const expected: Record<string, number> = { a: 1_000, b: 2_000, c: 3_000, e: 4_000 };
    const chi = Object.entries(expected).reduce((sum, [k, n]) => sum + ((counts[k] ?? 0) - n) ** 2 / n, 0);
    expect(chi).toBeLessThan(16.27); // 3 degrees of freedom
    expect(counts["d"]).toBeUndefined();
  });

  test("is even when nobody has a weight", () => {
    const list = weighted({ a: 0, b: 0 });
    const pick = random(runtime());
    expect(shares(() => pick(list, call()), 1_000)["a"]).toBeGreaterThan(430);
  });

  test("always gives one of the candidates, never one without traffic beside others", () => {
    const picks = fc.record({
      weights: fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 12 }),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    fc.assert(
      fc.property(picks, ({ weights, at }) => {
        const list = weights.map((weight, index) => candidate(`h${index}`, { weight }));
        const chosen = random({ clock: fakeClock(), random: () => at })(list, call());
        return (
          list.includes(chosen) && (chosen.endpoint.weight > 0 || weights.every((weight) => weight === 0))
        );
      }),
      { seed: 3 },
    );
  });
});

describe("smooth weighted round robin", () => {
  test("gives nginx's sequence", () => {
    const list = weighted({ a: 5, b: 1, c: 1 });
    const pick = roundRobin(runtime());
    const order = Array.from({ length: 14 }, () => pick(list, call()).endpoint.host).join("");
    expect(order).toBe("aabacaaaabacaa");
  });

  test("has turns of their own for each method, and takes turns when nobody has a weight", () => {
    const list = weighted({ a: 0, b: 0 });
    const pick = roundRobin(runtime());
    const order = ["m", "m", "n", "n", "m"].map((method) => pick(list, call(method)).endpoint.host).join("");
    expect(order).toBe("ababa");
  });

  test("leaves out what shall have no traffic, and takes in what comes later", () => {
    const [a, b, c] = weighted({ a: 1, b: 0, c: 1 }) as [Candidate, Candidate, Candidate];
    const pick = roundRobin(runtime());
    expect(shares(() => pick([a, b], call()), 10)).toEqual({ a: 10 });
    expect(shares(() => pick([a, b, c], call()), 10)).toEqual({ a: 5, c: 5 });
  });

  test("in any run of as many picks as the weights add up to, each gets its weight", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const list = weights.map((weight, index) => candidate(`h${index}`, { weight }));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const pick = roundRobin(runtime());
        shares(() => pick(list, call()), total);
        const counts = shares(() => pick(list, call()), total);
        return weights.every((weight, index) => counts[`h${index}`] === weight);
      }),
      { seed: 5 },
    );
  });
});

test("load balancers are found by their names", () => {
  expect(loadBalancers).toEqual({ random, roundrobin: roundRobin });
});
