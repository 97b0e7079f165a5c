// D2: one instance of ten thousand changes, another one goes. What registries parse is left out: a scripted one pushes.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createDirectory, createInvokerPool } from "@dubbo-ts/cluster";
import { silentLogger, systemRuntime } from "@dubbo-ts/core";
import { createServiceDiscovery } from "@dubbo-ts/discovery";
import { ScriptedRegistry } from "@dubbo-ts/testkit";
import { median } from "../lib/statistics.mjs";
import { cpuSince, followAll, heapBytes, instanceOf, metadataText, scriptedReport } from "./lib.mjs";

const { instances: count, services, changes } = JSON.parse(process.argv[2]);
const application = "application";
const interfaces = Array.from({ length: services }, (_, at) => `org.example.Service${at}`);
const { revision, text } = metadataText(application, interfaces, 1_000);
const registry = new ScriptedRegistry();
const runtime = { ...systemRuntime, log: silentLogger };
const report = scriptedReport(
  new Map([[`${application} ${revision}`, text]]),
  new Map([[application, interfaces]]),
);
const pool = createInvokerPool({ refer: () => undefined, runtime });
const discovery = createServiceDiscovery({
  registries: [registry],
  reports: [report],
  callMetadataService: () => Promise.reject(new Error("metadata comes from the report")),
  runtime,
});

let instances = Array.from({ length: count }, (_, index) => instanceOf(application, index, revision));
let applied = 0;
let onAll = () => {};
registry.push(application, instances);
const directories = followAll(
  discovery,
  interfaces,
  (service) => createDirectory({ pool, service, runtime }),
  ({ invokers }) => {
    if (invokers.length > 0 && ++applied === services) onAll();
  },
);
await everyService();

for (let done = 0; done < 10; done += 1) await measured(changeOne);
const delay = monitorEventLoopDelay({ resolution: 1 });
heapBytes();
delay.enable();
const changed = [];
for (let done = 0; done < changes; done += 1) {
  if (done % 20 === 0) heapBytes();
  if (done === 1) delay.reset();
  changed.push(await measured(changeOne));
}
heapBytes();
delay.reset();
const removed = [];
for (let done = 0; done < changes; done += 1) removed.push(await measured(removeOne));
delay.disable();

const middle = (samples, key) => median(samples.map((sample) => sample[key]));
console.log(
  JSON.stringify({
    instances: count,
    services,
    changeMs: middle(changed, "ms"),
    changeCpuMs: middle(changed, "cpuMs"),
    changeKb: middle(changed, "bytes") / 1_024,
    removalMs: middle(removed, "ms"),
    removalCpuMs: middle(removed, "cpuMs"),
    stallMs: delay.max / 1e6,
    routable: directories.every(({ invokers }) => invokers.length === count - changes),
  }),
);
process.exit();

function changeOne() {
  const at = Math.floor(Math.random() * instances.length);
  const next = { ...instances[at], startedAtMs: (instances[at].startedAtMs ?? 0) + 1_000 };
  instances = instances.with === undefined ? withOne(instances, at, next) : instances.with(at, next);
}

function removeOne() {
  const at = Math.floor(Math.random() * instances.length);
  instances = instances.filter((_, index) => index !== at);
}

function withOne(list, at, value) {
  const copy = list.slice();
  copy[at] = value;
  return copy;
}

/** From the push until the last service routes by it. */
async function measured(change) {
  // A turn of the event loop, so that its longest stall is seen; allocated before that is not counted.
  await new Promise((resolve) => setTimeout(resolve, 2));
  change();
  const heap = process.memoryUsage().heapUsed;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const all = everyService();
  registry.push(application, instances);
  await all;
  const ms = performance.now() - start;
  return { ms, cpuMs: cpuSince(cpu) / 1_000, bytes: process.memoryUsage().heapUsed - heap };
}

function everyService() {
  applied = 0;
  return new Promise((resolve) => {
    onAll = resolve;
  });
}
