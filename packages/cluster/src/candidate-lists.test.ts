import { type Endpoint, endpoint } from "@dubbo-ts/core";
import { testRuntime } from "@dubbo-ts/testkit";
import fc from "fast-check";
import type { Candidate } from "./candidate.js";
import { createInvokerPool } from "./invoker-pool.js";

/** Two objects for each of many addresses, as after a change of weight. */
const endpoints = Array.from({ length: 60 }, (_, n) =>
  endpoint({ protocol: "dubbo", host: `h${n >> 1}`, port: 20_880, weight: n & 1 ? 50 : 100 }),
);
const one = fc.constantFrom(...endpoints);

const edit = fc.record({
  who: fc.nat(2),
  at: fc.nat(40),
  what: fc.constantFrom(
    "join",
    "join",
    "many",
    "leave",
    "leave",
    "replace",
    "reverse",
    "copy",
    "theirs",
    "empty",
  ),
  it: one,
  many: fc.array(one, { minLength: 10, maxLength: 40 }),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function edited(list: readonly Endpoint[], { at, what, it, many }: Edit): readonly Endpoint[] {
  const index = at % (list.length + 1);
  switch (what) {
    case "join":
      return list.toSpliced(index, 0, it);
    case "many":
      return [...list.slice(0, index), ...many];
    case "leave":
      return list.toSpliced(index, 1);
    case "replace":
      return list.toSpliced(index, 1, it);
    case "reverse":
      return list.toReversed();
    case "empty":
      return [];
    default:
      return [...list];
  }
}

test("lists taken over from the list before are those looked up anew, and every share is given back", async () => {
  const isFirst = ({ key }: Endpoint, at: number, all: readonly Endpoint[]) =>
    all.findIndex((other) => other.key === key) === at;
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 40 }), async (edits) => {
      const pool = createInvokerPool({
        refer: () => {
          throw new Error("nobody calls");
        },
        runtime: testRuntime(),
      });
      const lists: (readonly Endpoint[])[] = [[], [], []];
      const held: (readonly Candidate[])[] = lists.map((list) => pool.acquireAll(list));
      for (const step of edits) {
        const { who } = step;
        const before = held[who] as readonly Candidate[];
        const next =
          step.what === "theirs"
            ? (lists[(who + 1) % 3] as readonly Endpoint[])
            : edited(lists[who] as readonly Endpoint[], step);
        const known = new Map(held.flat().map((candidate) => [candidate.endpoint, candidate]));
        const got = pool.acquireAll(next, before);
        expect(got.length).toBe(next.filter(isFirst).length);
        for (const [at, wanted] of next.filter(isFirst).entries()) {
          expect(got[at]?.endpoint).toBe(wanted);
          if (known.has(wanted)) expect(got[at]).toBe(known.get(wanted));
        }
        await pool.releaseAll(before);
        held[who] = got;
        lists[who] = next;
        for (const [other, list] of lists.entries()) if (list === next) expect(held[other]).toBe(got);
        expect(pool.size.endpoints).toBe(new Set(held.flat().map((it) => it.endpoint.key)).size);
      }
      for (const candidates of held) await pool.releaseAll(candidates);
      expect(pool.size).toEqual({ endpoints: 0, opened: 0 });
    }),
    { seed: 51, numRuns: 300 },
  );
});

test("of two lists that differ little from a third, each keeps its candidates when the other two are given back", () => {
  const [a, b, c, d] = endpoints.filter((_, n) => n % 2 === 0) as [Endpoint, Endpoint, Endpoint, Endpoint];
  const keysOf = (list: readonly Endpoint[]) => list.map(({ key }) => key);
  for (const first of [0, 1]) {
    const pool = createInvokerPool({
      refer: () => {
        throw new Error("nobody calls");
      },
      runtime: testRuntime(),
    });
    const whole = pool.acquireAll([a, b, c]);
    const derived = [pool.acquireAll([a, b], whole), pool.acquireAll([a, b, c, d], whole)];
    void pool.releaseAll(whole);
    const [goes, stays] = first === 0 ? derived : derived.toReversed();
    void pool.releaseAll(goes as readonly Candidate[]);
    const held = (stays as readonly Candidate[]).map(({ endpoint: { key } }) => key);
    expect(held).toEqual(keysOf(first === 0 ? [a, b, c, d] : [a, b]));
    expect(pool.size.endpoints).toBe(held.length);
    void pool.releaseAll(stays as readonly Candidate[]);
    expect(pool.size.endpoints).toBe(0);
  }
});
