// A web gateway: GET /users/1, GET /users?gender=MALE, PUT /users/1/name. Runs until SIGTERM.
import { parseArgs } from "node:util";
import { createApplication } from "dubbo-ts";
import { createGateway } from "./gateway.js";

const { values } = parseArgs({
  options: {
    registry: { type: "string" },
    profile: { type: "string" },
    port: { type: "string" },
    host: { type: "string" },
  },
});

const app = await createApplication({
  name: "web-gateway",
  argv: process.argv.slice(2),
});
const web = await createGateway(app);
const { port = "8080", host = "127.0.0.1" } = values;
const address = await web.listen({ port: Number(port), host });
console.log(`listening on ${address}: try curl ${address}/users/1`);

for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.once(signal, () => void web.close().then(() => app.stop()));
