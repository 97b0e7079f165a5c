import { createApplication, defineService, java, memoryCenters, method } from "dubbo-ts";

const Greeter = defineService("org.example.Greeter", {
  greet: method([java.string()], java.string()),
});

test("a consumer finds a provider by its interface and gets an answer", async () => {
  const memory = memoryCenters();
  const quiet = {
    config: { logger: { level: "silent" }, shutdown: { grace: 0 } },
    registry: "memory://",
    memory,
    env: {},
  };
  await using provider = await createApplication({ ...quiet, name: "greeter-app" });
  await provider.export(Greeter, { greet: (name) => `hello ${name}` });
  await provider.start();
  await using consumer = await createApplication({ ...quiet, name: "greeter-client" });
  const greeter = await consumer.refer(Greeter);
  expect(await greeter.greet("world")).toBe("hello world");
});
