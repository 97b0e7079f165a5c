// As an application would use it: two applications, a registry, a typed client.
import { createApplication } from "dubbo-ts";
import { BenchService, benchImplementation, text } from "../workload.mjs";
import { freePort } from "./free-port.mjs";

const quiet = { logger: { level: "warn" } };

export async function serve() {
  const registry = `local://127.0.0.1:${(await freePort()) - 1_000}`;
  const config = { ...quiet, protocols: { dubbo: { port: 0 } } };
  const app = await createApplication({ name: "bench", registry, config });
  await app.export(BenchService, benchImplementation);
  await app.start();
  return { registry };
}

export async function connect({ registry }) {
  const app = await createApplication({ name: "bench-client", registry, config: quiet });
  const service = await app.refer(BenchService, { check: true });
  return { echo: () => service.echo(text), users: () => service.users() };
}
