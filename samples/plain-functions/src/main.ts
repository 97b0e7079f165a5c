// Provider and consumer in one file, without decorators and without a file of settings.
import { parseArgs } from "node:util";
import { callContext, createApplication, defineService, java, memoryCenters, method } from "dubbo-ts";

const { values } = parseArgs({
  options: { registry: { type: "string" }, profile: { type: "string" }, port: { type: "string" } },
});
const common = {
  registry: values.registry ?? "local://",
  memory: memoryCenters(), // so that `--registry memory://` works too: both are in this program
  ...(values.profile !== undefined && { profile: values.profile }),
};
const logger = { level: "warn" };

const Greeter = defineService("org.example.plain.Greeter", {
  greet: method([java.string()], java.string()),
});

await using provider = await createApplication({
  ...common,
  name: "greeter",
  config: { logger, protocols: { dubbo: { port: Number(values.port ?? 0) } } },
});
await provider.export(Greeter, {
  greet: (name) => `hello ${name}, from ${callContext().attachments.get("from") ?? "somewhere"}`,
});
await provider.start();

await using consumer = await createApplication({
  ...common,
  name: "greeter-client",
  config: { logger, cache: { enabled: false } }, // the last run's provider is no help to this one
});
const greeter = await consumer.refer(Greeter, { timeoutMs: 800, retries: 1 });
console.log(await greeter.greet("world", { attachments: { from: "plain functions" } }));
