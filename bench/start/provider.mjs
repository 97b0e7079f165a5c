// Serves until its parent ends it; says where.
import { createApplication } from "dubbo-ts";
import { BenchService, benchImplementation } from "../rpc/workload.mjs";
import { freePort } from "../rpc/targets/free-port.mjs";

const port = await freePort();
const registry = `local://127.0.0.1:${(await freePort()) - 1_000}`;
const config = { logger: { level: "warn" }, protocols: { dubbo: { port } } };
const app = await createApplication({ name: "bench", registry, config });
await app.export(BenchService, benchImplementation);
await app.start();
console.log(JSON.stringify({ url: `dubbo://127.0.0.1:${port}`, registry }));
// The parent is gone.
process.stdin.on("end", () => process.exit()).resume();
