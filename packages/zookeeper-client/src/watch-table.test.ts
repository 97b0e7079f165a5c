import fc from "fast-check";
import type { NodeEvent } from "./records.js";
import { type Watcher, type WatchKind, WatchTable } from "./watch-table.js";

const kinds: readonly WatchKind[] = ["data", "exist", "child"];
const paths = ["/a", "/a/b", "/c"];
const watchers: readonly Watcher[] = Array.from({ length: 4 }, () => ({ onEvent() {} }));

/** Which watches an event of ZooKeeper uses up; a session's own event (`unknown`) all of the path. */
const usedUp: Readonly<Record<NodeEvent["type"], readonly WatchKind[]>> = {
  created: ["data", "exist"],
  deleted: kinds,
  data: ["data", "exist"],
  children: ["child"],
  unknown: kinds,
};

const kind = fc.constantFrom(...kinds);
const path = fc.constantFrom(...paths);
const who = fc.nat(watchers.length - 1);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: kind, path, who }) },
  { weight: 1, arbitrary: fc.record({ remove: who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      take: fc.constantFrom("created", "deleted", "data", "children", "unknown"),
      path,
    }),
  },
);

test("whatever is watched, forgotten and happens, each watcher is told once, and nothing stays that nobody waits for", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new WatchTable();
      let naive: { readonly kind: WatchKind; readonly path: string; readonly watcher: Watcher }[] = [];
      for (const one of steps) {
        if ("add" in one) {
          const watcher = watchers[one.who] as Watcher;
          table.add(one.add, one.path, watcher);
          naive.push({ kind: one.add, path: one.path, watcher });
        } else if ("remove" in one) {
          table.remove(watchers[one.remove] as Watcher);
          naive = naive.filter(({ watcher }) => watcher !== watchers[one.remove]);
        } else {
          const isTaken = (it: (typeof naive)[number]) =>
            it.path === one.path && usedUp[one.take].includes(it.kind);
          const taken = table.take({ type: one.take, path: one.path } as NodeEvent);
          expect(taken).toEqual(new Set(naive.filter(isTaken).map(({ watcher }) => watcher)));
          naive = naive.filter((it) => !isTaken(it));
        }
        const watched = new Set(naive.map((it) => `${it.kind} ${it.path}`));
        expect(table.size).toBe(watched.size);
        expect(table.paths()).toEqual(new Set(naive.map((it) => it.path)));
        expect([...table.setWatches(1n)]).toHaveLength(watched.size > 0 ? 1 : 0);
      }
      for (const watcher of watchers) table.remove(watcher);
      expect(table.size).toBe(0);
    }),
    { seed: 41, numRuns: 500 },
  );
});
