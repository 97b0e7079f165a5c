// A provider as a process of its own: prints `ready` when it is registered, stops on SIGTERM.
import { createApplication, defineService, java, method } from "dubbo-ts";

const [registry, name = "worker-app", port = "0", protocol = "dubbo"] = process.argv.slice(2);
const Worker = defineService("org.example.Worker", {
  whoAmI: method([], java.int()),
  work: method([java.int()], java.string()),
});

const app = await createApplication({
  name,
  registry,
  config: {
    protocols: { only: { name: protocol, host: "127.0.0.1", port: Number(port) } },
    logger: { level: "silent" },
    shutdown: { signals: true },
  },
});
const implementation = {
  whoAmI: () => process.pid,
  async work(ms) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return `done by ${process.pid}`;
  },
};
await app.export(Worker, implementation);
await app.start();
console.log("ready");
