import { RunningCalls } from "./running-calls.js";

test("running calls are those that were added and not deleted, whatever the order", () => {
  const calls = new RunningCalls<{ place: number }>();
  const all = Array.from({ length: 10 }, () => ({ place: -1 }));
  calls.delete({ place: -1 });
  for (const call of all) calls.add(call);
  const [first, , third] = all;
  for (const call of [third, first, all.at(-1), third]) if (call !== undefined) calls.delete(call);
  expect(new Set(calls)).toEqual(new Set([...all.slice(1, 2), ...all.slice(3, 9)]));
  for (const call of calls) calls.delete(call);
  expect(calls.size).toBe(0);
});
