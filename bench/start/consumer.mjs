// From nothing to the first answer, then out.
import { createApplication, defineService, java, method } from "dubbo-ts";

const [way, address] = process.argv.slice(2);
const { url, registry } = JSON.parse(address);
const Echo = defineService("org.example.bench.BenchService", {
  echo: method([java.string()], java.string()),
});
const config = { logger: { level: "warn" } };
const app = await createApplication({
  name: "bench-client",
  registry: way === "direct" ? "memory://" : registry,
  config,
});
const service = await app.refer(Echo, way === "direct" ? { url } : {});
if ((await service.echo("x")) !== "x") process.exit(1);
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ cpuMs: (user + system) / 1_000, rssMb: process.memoryUsage.rss() / 2 ** 20 }));
process.exit();
