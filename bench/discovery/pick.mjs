// D5: what choosing a provider costs, by itself and as a whole call through the cluster to a provider that answers at once.
import { createDirectory, createInvokerPool, failover, loadBalancers } from "@dubbo-ts/cluster";
import { endpoint, serviceKey, silentLogger, systemRuntime } from "@dubbo-ts/core";
import { heapBytes } from "./lib.mjs";

const { ms } = JSON.parse(process.argv[2]);
const runtime = { ...systemRuntime, log: silentLogger };
const service = serviceKey("org.example.Service", {});
const invocation = {
  service,
  method: "find",
  args: [],
  attachments: new Map(),
  responseAttachments: new Map(),
  deadlineMs: Infinity,
};

const answered = Promise.resolve(1);
const ages = { weighted: () => 1_700_000_000_000, "warming up": () => Date.now() - 60_000 };
const cells = [];
for (const [balancer, factory] of Object.entries(loadBalancers))
  for (const [age, startedAtMs] of Object.entries(ages))
    for (const instances of [10, 100, 1_000, 10_000]) {
      const directory = directoryOf(instances, startedAtMs());
      const loadBalancer = factory(runtime);
      const cluster = failover(directory, { runtime, loadBalancer });
      // Otherwise most would count as not open yet: a consumer opens 50 connections a second.
      for (const candidate of directory.invokers) await candidate.invoke(invocation);
      if (age === "weighted")
        cells.push({
          balancer,
          way: "whole call",
          instances,
          ...(await nanosEach(() => cluster.invoke(invocation))),
        });
      cells.push({
        balancer,
        way: age,
        instances,
        ...(await nanosEach(() => loadBalancer(directory.invokers, invocation))),
      });
    }
console.log(JSON.stringify({ cells }));
process.exit();

function directoryOf(count, startedAtMs) {
  const answering = { available: true, invoke: () => answered, async [Symbol.asyncDispose]() {} };
  const pool = createInvokerPool({ refer: () => answering, runtime });
  const directory = createDirectory({ pool, service, runtime });
  const endpoints = Array.from({ length: count }, (_, at) =>
    endpoint({
      protocol: "dubbo",
      host: `10.0.${at >> 8}.${at & 255}`,
      port: 20_880,
      weight: 100 + (at % 3),
      startedAtMs,
    }),
  );
  directory.apply({ state: "resolved", endpoints, params: {} });
  return directory;
}

async function nanosEach(work) {
  const once = async (count) => {
    for (let done = 0; done < count; done += 1) await work();
  };
  let batch = 1;
  for (let took = 0; took < 10; batch *= 2) {
    const start = performance.now();
    await once(batch);
    took = performance.now() - start;
  }
  const floor = await timed((count) => spin(count), batch, ms / 4);
  const all = await timed(once, batch, ms);
  return { nanos: all.nanos - floor.nanos, bytes: Math.max(0, all.bytes - floor.bytes) };
}

/** What the loop itself costs is taken off. */
async function spin(count) {
  for (let done = 0; done < count; done += 1) await undefined;
}

async function timed(run, batch, limitMs) {
  heapBytes();
  const heap = process.memoryUsage().heapUsed;
  await run(batch);
  const bytes = (process.memoryUsage().heapUsed - heap) / batch;
  let best = Infinity;
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    const start = performance.now();
    await run(batch);
    best = Math.min(best, (performance.now() - start) / batch);
  }
  return { nanos: best * 1e6, bytes };
}
