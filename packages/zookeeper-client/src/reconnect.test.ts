import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { fakeClock, seededRandom } from "@dubbo-ts/testkit";
import { openZooKeeper } from "./client.js";

/** A server that lets nobody in. */
class DeadSocket extends Duplex {
  setNoDelay(): this {
    return this;
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** Pauses between the end of an attempt and the next one, ms, in the third minute of an absence. */
async function pausesOf(server: "refuses" | "is silent"): Promise<readonly number[]> {
  const clock = fakeClock();
  const pauses: number[] = [];
  let endedMs: number | undefined;
  const client = openZooKeeper({
    servers: "127.0.0.1:1",
    sessionTimeoutMs: 15_000,
    clock,
    random: seededRandom(7),
    connect() {
      if (endedMs !== undefined && endedMs > 120_000) pauses.push(clock.monotonicMs() - endedMs);
      const socket = new DeadSocket();
      socket.on("close", () => {
        endedMs = clock.monotonicMs();
      });
      if (server === "refuses") socket.destroy(new Error("ECONNREFUSED"));
      return socket as unknown as Socket;
    },
  });
  for (let ms = 0; ms < 180_000; ms += 50) await clock.advance(50);
  const closing = client.close();
  await clock.advance(60_000);
  await closing;
  return pauses;
}

test("who is refused for long leaves the others time, who was cut off is back soon", async () => {
  const refused = await pausesOf("refuses");
  expect(refused.length).toBeGreaterThan(5);
  expect(Math.min(...refused)).toBeGreaterThanOrEqual(5_000);
  expect(Math.max(...refused)).toBeLessThanOrEqual(10_100);
  const silent = await pausesOf("is silent");
  expect(silent.length).toBeGreaterThan(5);
  expect(Math.max(...silent)).toBeLessThanOrEqual(1_300);
});
