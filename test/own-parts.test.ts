import {
  createApplication,
  defineService,
  java,
  type LoadBalancerFactory,
  memoryCenters,
  method,
} from "dubbo-ts";
import { memoryMetadataReport, MemoryMetadataStore } from "@dubbo-ts/metadata";
import { waitFor } from "@dubbo-ts/testkit";
import { memoryRegistry, MemoryRegistryStore } from "@dubbo-ts/discovery";

const Greeter = defineService("org.example.Greeter", { greet: method([java.string()], java.string()) });
const quiet = { config: { logger: { level: "silent" }, shutdown: { grace: 0 } }, env: {}, argv: [] };

test("a program brings a load balancer of its own, and names it in its file", async () => {
  let picks = 0;
  const lowestPort: LoadBalancerFactory = () => (candidates) => {
    picks += 1;
    return [...candidates].sort((a, b) => a.endpoint.port - b.endpoint.port)[0]!;
  };
  const shared = { ...quiet, registry: "memory://", memory: memoryCenters() };
  await using provider = await createApplication({ ...shared, name: "greeter-app" });
  await using second = await createApplication({ ...shared, name: "greeter-app" });
  for (const app of [provider, second]) {
    await app.export(Greeter, { greet: (name) => `hello ${name}` });
    await app.start();
  }
  await using consumer = await createApplication({
    ...shared,
    name: "web",
    config: { ...quiet.config, consumer: { loadbalance: "lowestport" } },
    loadBalancers: { lowestport: lowestPort },
  });
  const greeter = await consumer.refer(Greeter);
  await waitFor(async () => (await greeter.greet("world")) === "hello world" && picks > 0);
});

test("a program brings a registry of its own, by its scheme", async () => {
  const instances = new MemoryRegistryStore();
  const metadata = new MemoryMetadataStore();
  const registries = {
    mine: async () => ({
      registry: memoryRegistry(instances),
      metadataReport: memoryMetadataReport(metadata),
      loopbackOnly: true,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  };
  const shared = { ...quiet, registry: "mine://somewhere:1", registries };
  await using provider = await createApplication({ ...shared, name: "greeter-app" });
  await provider.export(Greeter, { greet: (name) => `hello ${name}` });
  await provider.start();
  expect(instances.names).toEqual(["greeter-app"]);
  await expect(createApplication({ ...quiet, name: "x", registry: "yours://h:1" })).rejects.toMatchObject({
    code: "UNKNOWN_REGISTRY",
  });
});
