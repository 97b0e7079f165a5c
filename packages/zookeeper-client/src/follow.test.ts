import { fakeClock } from "@dubbo-ts/testkit";
import type { Pass } from "./alarm.js";
import type { ZooKeeperClient } from "./client.js";
import { follow } from "./follow.js";
import type { NodeEvent, SessionEvent } from "./index.js";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Readings of {@link follow} with the times at which they began, and what makes them due. */
function following(restMs: number) {
  const clock = fakeClock();
  const ending = new AbortController();
  let onSession: ((event: SessionEvent) => void) | undefined;
  let last: Pass | undefined;
  const client = {
    environment: { clock, random: () => 0 },
    sessionTimeoutMs: 15_000,
    listen(listener: typeof onSession) {
      onSession = listener;
      return () => {};
    },
    unwatch() {},
  };
  const readings: string[] = [];
  const read = async (pass: Pass) => {
    last = pass;
    const why = pass.full ? "full" : pass.resync ? "resync" : [...pass.changed].join(" ");
    readings.push(`${clock.monotonicMs()} ${why}`);
    return readings.length;
  };
  const values = follow(client as unknown as ZooKeeperClient, read, {
    signal: ending.signal,
    restMs: () => restMs,
  });
  const reading = (async () => {
    for await (const _ of values) continue;
  })();
  cleanups.push(async () => {
    ending.abort();
    await reading;
    expect(clock.pendingTimers).toBe(0);
  });
  return {
    readings,
    advance: (ms: number) => clock.advance(ms),
    change: (path: string) => last?.watcher.onEvent({ type: "data", path } as NodeEvent),
    reconnect: () => onSession?.({ type: "connected" } as SessionEvent),
  };
}

test("a change after a rest is read at once, those of a train together", async () => {
  const { readings, advance, change } = following(100);
  await advance(1_000);
  change("/a");
  for (const path of ["/b", "/c", "/d"]) {
    await advance(25);
    change(path);
  }
  await advance(25);
  await advance(500);
  change("/e");
  await advance(0);
  expect(readings).toEqual(["0 full", "1000 /a", "1100 /b /c /d", "1600 /e"]);
});

test("a reconnect waits for no rest, and without one every change is read at once", async () => {
  const resting = following(100);
  await resting.advance(1_000);
  resting.change("/a");
  await resting.advance(10);
  resting.change("/b");
  await resting.advance(10);
  resting.reconnect();
  await resting.advance(10);
  expect(resting.readings).toEqual(["0 full", "1000 /a", "1020 full"]);
  const restless = following(0);
  await restless.advance(1_000);
  restless.change("/a");
  await restless.advance(0);
  restless.change("/b");
  await restless.advance(0);
  expect(restless.readings).toEqual(["0 full", "1000 /a", "1000 /b"]);
});

test("a look is taken each minute, whatever was told", async () => {
  const { readings, advance } = following(100);
  await advance(120_000);
  expect(readings).toEqual(["0 full", "60000 resync", "120000 resync"]);
});
