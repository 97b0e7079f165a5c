import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Endpoint, ServiceInstance } from "@dubbo-ts/core";
import { sampleInstance } from "@dubbo-ts/testkit";
import fc from "fast-check";
import { type InstanceChange, InstanceUnion } from "./instance-union.js";
import { LaneList } from "./lane-list.js";
import { Member } from "./member.js";
import type { Lane } from "./offer.js";
import { missingInstances, reuseInstances, sameInstance } from "./same-instance.js";
import { OfferGroup } from "./offer-group.js";

/** What a registry says of one host. */
const record = fc.record({
  host: fc.nat(5),
  weight: fc.constantFrom(1, 1, 2),
  enabled: fc.constantFrom(true, true, false),
  healthy: fc.constantFrom(true, true, false),
  startedAtMs: fc.constantFrom(undefined, 1, 2),
  revision: fc.constantFrom("r1", "r1", "r2", undefined),
});
type Said = typeof record extends fc.Arbitrary<infer T> ? T : never;

const instanceOf = ({ host, ...fields }: Said): ServiceInstance =>
  sampleInstance({ ...fields, host: `10.0.0.${host}` });

/** One thing that happens to a list: by where, what is said there now. */
const edit = fc.record({
  registry: fc.nat(1),
  at: fc.nat(20),
  what: fc.constantFrom("join", "join", "leave", "leave", "change", "change", "reverse", "again", "copy"),
  said: record,
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

/** The list after `edit`; a registry that reads anew gives new objects for what is the same (`copy`). */
function edited(list: readonly ServiceInstance[], { at, what, said }: Edit): readonly ServiceInstance[] {
  const index = at % (list.length + 1);
  const there = list[index];
  switch (what) {
    case "join":
      return list.toSpliced(index, 0, instanceOf(said));
    case "leave":
      return list.toSpliced(index, 1);
    case "change":
      return there === undefined
        ? list
        : list.with(index, { ...instanceOf(said), host: there.host, id: there.id });
    case "reverse":
      return list.toReversed();
    case "copy":
      return list.map((one) => ({ ...one, ports: { ...one.ports } }));
    default:
      return [...list];
  }
}

/** What {@link InstanceUnion} says it does, in the plainest words. */
function union(lists: readonly (readonly ServiceInstance[])[]): Map<string, ServiceInstance> {
  const ids = new Set(lists.flat().map(({ id }) => id));
  const startOf = (one: ServiceInstance) => one.startedAtMs ?? 0;
  const best = (id: string) => {
    const ofEach = lists.flatMap((list) => {
      const records = list.filter((one) => one.id === id);
      const latest = Math.max(...records.map(startOf));
      return records.findLast((one) => startOf(one) === latest) ?? [];
    });
    return (ofEach.find((one) => one.enabled && one.healthy) ?? ofEach[0]) as ServiceInstance;
  };
  return new Map([...ids].map((id) => [id, best(id)]));
}

const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
const sorted = (map: ReadonlyMap<string, ServiceInstance>) => [...map.values()].sort(byId);

describe("InstanceUnion", () => {
  test.each([1, 2])("of %d registries is what is made anew, and tells each change once", (registries) => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 40 }), (edits) => {
        const it = new InstanceUnion();
        const lists = Array.from({ length: registries }, (): readonly ServiceInstance[] => []);
        const told = new Map<string, ServiceInstance>();
        for (const one of edits) {
          const which = one.registry % registries;
          lists[which] = edited(lists[which] as readonly ServiceInstance[], one);
          const changes = it.update([...lists]);
          for (const change of changes) follow(told, change);
          expect(new Set(changes.map(idOf)).size).toBe(changes.length);
          for (const all of [it.byId, told]) {
            expect(all.size).toBe(union(lists).size);
            for (const [id, instance] of union(lists)) expect(all.get(id)).toBe(instance);
          }
          expect(it.update(lists.map((list) => [...list]))).toEqual([]);
        }
        it.update(lists.map(() => []));
        expect(it.byId.size).toBe(0);
      }),
      { seed: 31, numRuns: 300 },
    );
  });

  test("goes over from one registry to two and back", () => {
    const [a, b] = [sampleInstance({ host: "a" }), sampleInstance({ host: "b" })];
    const ill = { ...a, healthy: false };
    const it = new InstanceUnion();
    it.update([[ill]]);
    expect(it.update([[ill], [a, b]])).toHaveLength(2);
    expect(sorted(it.byId)).toEqual([a, b]);
    it.update([[ill]]);
    expect(sorted(it.byId)).toEqual([ill]);
  });
});

const idOf = ({ before, after }: InstanceChange) => (after ?? before)?.id;

/** Does to `told` what a listener would do; a change says truly what was there before. */
function follow(told: Map<string, ServiceInstance>, { before, after }: InstanceChange): void {
  expect(before).not.toBe(after);
  expect(told.get((after ?? before)?.id as string)).toBe(before);
  if (after !== undefined) told.set(after.id, after);
  else told.delete(before?.id as string);
}

describe("what a registry says again", () => {
  test("is the same object where it says the same, and what is missing is missing from the whole list", () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 30 }), (edits) => {
        let known: readonly ServiceInstance[] = [];
        for (const one of edits) {
          const next = edited(known, one);
          const reused = reuseInstances(known, next);
          expect(reused).toEqual(next);
          const isAlone = (id: string, list: readonly ServiceInstance[]) =>
            list.filter((other) => other.id === id).length === 1;
          for (const [at, instance] of reused.entries()) {
            const before = known.find(({ id }) => id === instance.id);
            if (before === undefined || !isAlone(instance.id, known) || !isAlone(instance.id, next)) continue;
            if (sameInstance(before, next[at] as ServiceInstance)) expect(instance).toBe(before);
          }
          const left = known.filter(({ id }) => !next.some((other) => other.id === id));
          expect(missingInstances(known, next)).toEqual(left);
          known = reused;
        }
      }),
      { seed: 32, numRuns: 500 },
    );
  });
});

const lane = (fields: Partial<Lane> = {}): Lane => ({
  id: "dubbo",
  protocol: "dubbo",
  port: undefined,
  weight: 100,
  warmupMs: 0,
  tag: undefined,
  ...fields,
});

/** What happens to members: `slot` is the record, `host` where it says it is, so that two may name one address. */
const step = fc.record({
  slot: fc.nat(39),
  what: fc.constantFrom("set", "set", "set", "leave", "look", "look"),
  host: fc.option(fc.nat(5), { freq: 6, nil: undefined }),
  said: record,
});

/** The endpoints in their lists, in no order: which of several members shows an address is left open. */
const shape = (lists: { healthy: readonly Endpoint[]; ill: readonly Endpoint[] }) =>
  [lists.healthy, lists.ill].map((list) => list.map((one) => JSON.stringify(one)).sort());

describe("LaneList", () => {
  test("is what is made anew of the members, whatever came, went, changed, and however seldom it is looked at", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const members = new Set<Member>();
        const bySlot = new Map<number, Member>();
        const it = new LaneList(lane(), members);
        let shown = it.endpoints;
        let changes = 0;
        for (const { slot, what, host, said } of steps) {
          const member = bySlot.get(slot);
          const instance = sampleInstance({ ...said, host: `10.0.0.${host ?? slot + 10}`, port: 20_000 });
          if (what === "look") {
            const before = shown;
            shown = it.endpoints;
            const anew = new LaneList(lane(), members).endpoints;
            expect(shape(shown)).toEqual(shape(anew));
            for (const one of [...anew.healthy, ...anew.ill])
              expect([...shown.healthy, ...shown.ill]).toContain(one);
            expect(it.endpoints).toBe(shown);
            for (const kind of ["healthy", "ill"] as const)
              if (changes <= 16 && isSame(before[kind], shown[kind])) expect(shown[kind]).toBe(before[kind]);
            changes = 0;
          } else if (what === "leave" && member !== undefined) {
            bySlot.delete(slot);
            members.delete(member);
            it.touch(member);
            changes += 1;
          } else if (what === "set") {
            const changed = member ?? new Member(instance);
            changed.instance = instance;
            bySlot.set(slot, changed);
            members.add(changed);
            it.touch(changed);
            changes += 1;
          }
        }
      }),
      { seed: 33, numRuns: 400 },
    );
  });

  test("never changes a list that was given out, nor one in which nothing changed", () => {
    const group = new OfferGroup({ key: "k", byInterface: new Map() });
    const members = Array.from({ length: 30 }, (_, n) => new Member(sampleInstance({ host: `h${n}` })));
    for (const member of members) group.add(member);
    const first = group.on(lane());
    const copy = [...first.healthy];
    const [one] = members as [Member];
    one.instance = { ...one.instance, labels: { zone: "b" } };
    group.touch(one);
    expect(group.on(lane())).toBe(first);
    one.instance = { ...one.instance, weight: 2 };
    group.touch(one);
    const second = group.on(lane());
    expect(second.healthy[0]?.weight).toBe(200);
    expect(second.ill).toBe(first.ill);
    expect(second.healthy.slice(1).every((it, at) => it === first.healthy[at + 1])).toBe(true);
    expect(first.healthy).toEqual(copy);
  });

  test("knows when its youngest member started, whoever came, went or started anew", () => {
    const change = fc.record({
      slot: fc.nat(5),
      startedAtMs: fc.constantFrom(undefined, 1, 2, 3),
      leaves: fc.boolean(),
      isLookedAt: fc.boolean(),
    });
    const property = fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const group = new OfferGroup({ key: "k", byInterface: new Map() });
      const bySlot = new Map<number, Member>();
      for (const { slot, startedAtMs, leaves, isLookedAt } of changes) {
        const member = bySlot.get(slot);
        const instance = sampleInstance({ host: `10.0.0.${slot}`, startedAtMs });
        if (member === undefined) {
          bySlot.set(slot, new Member(instance));
          group.add(bySlot.get(slot) as Member);
        } else if (leaves) {
          bySlot.delete(slot);
          group.delete(member);
        } else {
          member.instance = instance;
          group.touch(member);
        }
        const newest = Math.max(0, ...[...bySlot.values()].map((one) => one.instance.startedAtMs ?? 0));
        if (isLookedAt) expect(group.newestStartMs).toBe(newest);
      }
    });
    fc.assert(property, { seed: 5, numRuns: 300 });
  });

  test("holds no member that has left, though nobody asks for it any more", async () => {
    const group = new OfferGroup({ key: "k", byInterface: new Map() });
    const left: WeakRef<Member>[] = [];
    const join = (host: string) => {
      const member = new Member(sampleInstance({ host }));
      group.add(member);
      return member;
    };
    const kept = join("kept");
    (() => {
      const members = Array.from({ length: 100 }, (_, n) => join(`h${n}`));
      group.on(lane());
      for (const member of members) {
        group.delete(member);
        left.push(new WeakRef(member));
      }
    })();
    await collectGarbage();
    expect(left.filter((ref) => ref.deref() !== undefined)).toHaveLength(0);
    expect(group.on(lane()).healthy).toEqual([kept.endpointOn(lane())]);
  });
});

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

/** Whatever nobody holds is gone after this. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve)); // weak references hold till the end of a turn
    collect();
  }
}
