// A provider as a process of its own. Takes its configuration as one JSON object; prints `ready` when it is registered.
import { createApplication } from "dubbo-ts";
import { Worker } from "./worker.mjs";

const { config } = JSON.parse(process.argv[2]);

const app = await createApplication({
  config: {
    protocols: { dubbo: { name: "dubbo", host: "127.0.0.1", port: 0 } },
    logger: { level: "warn" },
    shutdown: { signals: true },
    ...config,
  },
  env: {},
});
await app.export(Worker, { whoAmI: () => process.pid });
await app.start();
console.log("ready");
