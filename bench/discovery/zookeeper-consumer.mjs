// A consumer as users have it, in a process of its own: an application with references, told by its parent when to look.
import { createApplication } from "dubbo-ts";
import { cpuSince, heapBytes } from "./lib.mjs";

const { url, interfaces, instances, warmUp } = JSON.parse(process.argv[2]);
let told = 0;
let routable = 0;
const log = {
  debug(fields, message) {
    if (message !== "the providers of a service changed") return;
    told += 1;
    routable = fields.now;
  },
  info() {},
  warn: (fields, message) => console.error(message, String(fields.err ?? "")),
  error: (fields, message) => console.error(message, String(fields.err ?? "")),
};

const app = await createApplication({ name: "bench-consumer", registry: url, log });
// What is loaded and compiled once is no matter of the workload.
await app.refer(warmUp, { check: true });
const before = await memory();
const cpu = process.cpuUsage();
const start = performance.now();
await Promise.all(interfaces.map((name) => app.refer(name, { check: false })));
while (told <= interfaces.length || routable < instances)
  await new Promise((resolve) => setTimeout(resolve, 5));
const elapsedMs = performance.now() - start;
const cpuMs = cpuSince(cpu) / 1_000;
const after = await memory();

const answers = {
  look: () => ({ cpuUs: cpuSince(), told, routable, atMs: performance.now() }),
  end: () => process.exit(0),
};
process.on("message", ({ question }) => process.send(answers[question]()));
process.send({ elapsedMs, cpuMs, heap: after.heap - before.heap, buffers: after.buffers - before.buffers });

/** When what was just read is no longer on the way, and is written to the disk cache. */
async function memory() {
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const heap = heapBytes();
  return { heap, buffers: process.memoryUsage().arrayBuffers };
}
