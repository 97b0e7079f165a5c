// Triple with protobuf, the same proto as the gRPC target, the provider given by address.
import { fileURLToPath } from "node:url";
import { createApplication, loadProto } from "dubbo-ts";
import { text, users } from "../workload.mjs";
import { freePort } from "./free-port.mjs";

const options = { registry: "memory://", config: { logger: { level: "warn" } } };
const { BenchProto } = await loadProto(fileURLToPath(new URL("../bench.proto", import.meta.url)));

export async function serve() {
  const port = await freePort();
  const config = { ...options.config, protocols: { tri: { port } } };
  const app = await createApplication({ ...options, name: "bench", config });
  await app.export(BenchProto, { Echo: ({ value }) => ({ value }), Users: () => ({ users }) });
  await app.start();
  return { url: `tri://127.0.0.1:${port}` };
}

export async function connect({ url }) {
  const app = await createApplication({ ...options, name: "bench-client" });
  const service = await app.refer(BenchProto, { url });
  return {
    echo: async () => (await service.Echo({ value: text })).value,
    users: async () => (await service.Users({})).users,
  };
}
