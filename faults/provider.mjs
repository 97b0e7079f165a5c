// A provider as a process of its own. Takes its configuration as one JSON object; prints `ready` when it is registered.
import { createApplication, defineService, java, method } from "dubbo-ts";

const { config } = JSON.parse(process.argv[2]);
export const Worker = defineService("org.example.Worker", { whoAmI: method([], java.int()) });

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
