import { silentLogger, systemRuntime } from "@dubbo-ts/core";
import { openRegistry } from "dubbo-ts";

export const runtime = { ...systemRuntime, log: silentLogger };
export const within = (ms) => AbortSignal.timeout(ms);

/** A connection of its own, as each process has one. */
export function connect(store, server) {
  return openRegistry(store.url(server.address), runtime);
}

/** Runs `work` for each number below `count`, so many at once. */
export async function eachOf(count, atOnce, work) {
  for (let from = 0; from < count; from += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, count - from) }, (_, at) => work(from + at)));
}
