import { createApplication, defineService, java, memoryCenters, method } from "dubbo-ts";
import { recordingLogger } from "@dubbo-ts/testkit";

const Greeter = defineService("org.example.Greeter", { greet: method([java.string()], java.string()) });

test("`accesslog: true` in the file logs the calls of that service", async () => {
  const log = recordingLogger();
  const shared = { registry: "memory://", memory: memoryCenters(), env: {}, argv: [], log };
  await using provider = await createApplication({
    ...shared,
    name: "greeter-app",
    config: {
      shutdown: { grace: 0 },
      provider: { services: { greeter: { interface: "org.example.Greeter", accesslog: "true" } } },
    },
  });
  await provider.export(Greeter, { greet: (name) => `hello ${name}` });
  await provider.start();
  await using consumer = await createApplication({
    ...shared,
    name: "web",
    config: { shutdown: { grace: 0 } },
  });
  await (await consumer.refer(Greeter)).greet("world");
  expect(log.entries).toContainEqual({
    level: "info",
    message: "call",
    fields: expect.objectContaining({
      service: "org.example.Greeter",
      method: "greet",
      application: "web",
    }) as object,
  });
});
