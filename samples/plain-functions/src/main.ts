// Provider and consumer in one file, without decorators and without a file of settings.
import { parseArgs } from "node:util";
import { callContext, createApplication, defineService, java, method } from "dubbo-ts";

const { values } = parseArgs({
  options: { registry: { type: "string" }, profile: { type: "string" }, port: { type: "string" } },
});
const registry = values.registry ?? "local://";

const Greeter = defineService("org.example.Greeter", {
  greet: method([java.string()], java.string()),
});

await using provider = await createApplication({
  name: "greeter",
  registry,
  config: { protocols: { dubbo: { port: Number(values.port ?? 0) } } },
});
await provider.export(Greeter, {
  greet: (name) => `hello ${name}, from ${callContext().attachments.get("from") ?? "somewhere"}`,
});
await provider.start();

await using consumer = await createApplication({ name: "greeter-client", registry });
const greeter = await consumer.refer(Greeter, { timeoutMs: 800, retries: 1 });
console.log(await greeter.greet("world", { attachments: { from: "plain functions" } }));
