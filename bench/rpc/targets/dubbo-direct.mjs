// The provider's address is given by hand: cluster and protocol as ever, without discovery.
import { createApplication } from "dubbo-ts";
import { BenchService, benchImplementation, text } from "../workload.mjs";
import { freePort } from "./free-port.mjs";

const options = { registry: "memory://", config: { logger: { level: "warn" } } };

export async function serve() {
  const port = await freePort();
  const config = { ...options.config, protocols: { dubbo: { port } } };
  const app = await createApplication({ ...options, name: "bench", config });
  await app.export(BenchService, benchImplementation);
  await app.start();
  return { url: `dubbo://127.0.0.1:${port}` };
}

export async function connect({ url }) {
  const app = await createApplication({ ...options, name: "bench-client" });
  const service = await app.refer(BenchService, { url });
  return { echo: () => service.echo(text), users: () => service.users() };
}
