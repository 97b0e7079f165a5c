// A provider whose services are decorated classes, made by a container.
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { createApplication } from "dubbo-ts";
import { UserProviderImpl } from "./user-provider.js";

const { values } = parseArgs({
  options: { registry: { type: "string" }, profile: { type: "string" }, port: { type: "string" } },
});
if (values.port !== undefined) process.env["PORT"] = values.port;

const app = await createApplication({
  config: fileURLToPath(new URL("../server.yml", import.meta.url)),
  services: [UserProviderImpl],
  argv: process.argv.slice(2),
  ...(values.profile !== undefined && { profile: values.profile }),
});
await app.start();
console.log(`${app.name} registered, pid ${process.pid}`);
