// Watches applications as references do, rests, and says what that has cost.
import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { serviceKey } from "@dubbo-ts/core";
import { createServiceDiscovery } from "@dubbo-ts/discovery";
import { openRegistry } from "dubbo-ts";
import { runtime } from "./lib.mjs";

const { url, applications, ms } = JSON.parse(process.argv[2]);
const { registry } = await openRegistry(url, runtime);
const heard = new Set();
const refuse = () => Promise.reject(new Error("there is nothing to fetch"));
const report = {
  fetch: async (application, revision) => ({ application, revision, services: new Map() }),
  readMapping: async () => ({ applications: new Set(), version: "1" }),
  async *watchMapping(_, signal) {
    yield new Set();
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  },
};
const discovery = createServiceDiscovery({
  registries: [registry],
  reports: [report],
  callMetadataService: refuse,
  runtime,
});
const { signal } = new AbortController();
setMaxListeners(0, signal); // one for each application; programs have a handful
await registry.applications(AbortSignal.timeout(30_000));
globalThis.gc();
const before = process.memoryUsage().heapUsed;
for (let at = 0; at < applications; at += 1) void follow(`bench-rest-${at}`);
for (const end = performance.now() + 240_000; heard.size < applications; ) {
  if (performance.now() > end) throw new Error(`only ${heard.size} of ${applications} were heard of`);
  await pause(50);
}
await pause(2_000);
globalThis.gc();
const heapMb = (process.memoryUsage().heapUsed - before) / 2 ** 20;
const start = performance.now();
const from = process.cpuUsage();
await pause(ms);
const { user, system } = process.cpuUsage(from);
console.log(JSON.stringify({ heapMb, cpuPerSecond: (user + system) / (performance.now() - start) }));
process.exit();

async function follow(application) {
  const service = serviceKey("org.example.Service", {});
  for await (const { state } of discovery.watch({ service, providedBy: [application] }, signal))
    if (state === "absent") heard.add(application); // its instances and their metadata are known
}
