import { CallTable } from "./call-table.js";
import type { PendingCall } from "./pending-call.js";

const call = (idLow: number) => ({ idLow }) as PendingCall;

function begin(table: CallTable): PendingCall {
  const begun = call(table.nextId());
  table.add(begun);
  return begun;
}

describe("the calls of a connection", () => {
  test("are found by their ids once, in any order, however many there are", () => {
    const table = new CallTable(0x7fff_fff0); // ids turn negative on the way
    const calls = Array.from({ length: 1_000 }, () => begin(table));
    expect(new Set(calls.map(({ idLow }) => idLow)).size).toBe(1_000);
    expect(table.size).toBe(1_000);
    expect(new Set(table)).toEqual(new Set(calls));
    for (const each of calls.toReversed()) expect(table.take(each.idLow)).toBe(each);
    expect(table.take(calls[0]?.idLow ?? 0)).toBeUndefined();
    expect(table.size).toBe(0);
  });

  test("a slow call keeps its place while others come and go", () => {
    const table = new CallTable(7);
    const slow = begin(table);
    for (let turn = 0; turn < 100; turn += 1) expect(table.take(begin(table).idLow)).toBeDefined();
    expect(table.take(slow.idLow + 16)).toBeUndefined();
    expect(table.take(slow.idLow)).toBe(slow);
  });
});
