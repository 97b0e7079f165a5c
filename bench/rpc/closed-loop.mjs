import { quantile } from "../lib/statistics.mjs";

/** Latencies of more calls than this are not kept: enough for a 99th percentile of the longest run. */
const maxSamples = 1 << 20;

/** Keeps `concurrency` calls in flight for `ms`, each started when the one before it has answered. */
export async function closedLoop(call, concurrency, ms) {
  const samples = new Float64Array(maxSamples);
  let calls = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + ms;
  const caller = async () => {
    for (let from = performance.now(); from < end; ) {
      await call();
      const now = performance.now();
      samples[calls % maxSamples] = now - from;
      calls += 1;
      from = now;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const elapsedMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = samples.subarray(0, Math.min(calls, maxSamples)).sort();
  return {
    calls,
    ratePerSecond: (calls / elapsedMs) * 1_000,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    cpuMicros: user + system,
  };
}
