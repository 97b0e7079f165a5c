import fc from "fast-check";
import { changedSpan } from "./changed-span.js";

const objects = Array.from({ length: 6 }, (_, name) => ({ name }));
const list = fc.array(fc.constantFrom(...objects), { maxLength: 12 });

describe("changedSpan", () => {
  test("finds what must be replaced to make the one list of the other, and not an item more at either end", () => {
    fc.assert(
      fc.property(list, list, (before, after) => {
        const { from, beforeEnd, afterEnd } = changedSpan(before, after);
        expect(from <= beforeEnd && from <= afterEnd).toBe(true);
        expect(before.length - beforeEnd).toBe(after.length - afterEnd);
        expect(before.toSpliced(from, beforeEnd - from, ...after.slice(from, afterEnd))).toEqual(after);
        if (from === beforeEnd || from === afterEnd) return; // only added or only taken away
        expect(before[from]).not.toBe(after[from]);
        expect(before[beforeEnd - 1]).not.toBe(after[afterEnd - 1]);
      }),
      { seed: 21, numRuns: 2_000 },
    );
  });

  test("is empty for equal lists, and one item for one that came, went or was replaced", () => {
    const other = { name: -1 };
    fc.assert(
      fc.property(fc.shuffledSubarray(objects), fc.nat(), (before, seed) => {
        const at = seed % (before.length + 1);
        expect(changedSpan(before, [...before])).toEqual({
          from: before.length,
          beforeEnd: before.length,
          afterEnd: before.length,
        });
        const joined = before.toSpliced(at, 0, other);
        expect(changedSpan(before, joined)).toEqual({ from: at, beforeEnd: at, afterEnd: at + 1 });
        expect(changedSpan(joined, before)).toEqual({ from: at, beforeEnd: at + 1, afterEnd: at });
        if (at === before.length) return;
        const replaced = before.with(at, other);
        expect(changedSpan(before, replaced)).toEqual({ from: at, beforeEnd: at + 1, afterEnd: at + 1 });
      }),
      { seed: 22, numRuns: 300 },
    );
  });
});
