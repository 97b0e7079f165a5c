import {
  callContext,
  createApplication,
  createContainer,
  defineService,
  dubboModule,
  hasCode,
  type Implementation,
  inject,
  injectable,
  java,
  memoryCenters,
  method,
  runningApplication,
  Service,
} from "dubbo-ts";

const Greeter = defineService("org.example.Greeter", { greet: method([java.string()], java.string()) });

@injectable("Singleton")
class Phrases {
  of(name: string): string {
    return `hello ${name}, called by ${callContext().peer?.application}`;
  }
}

@Service(Greeter)
class GreeterImpl implements Implementation<typeof Greeter> {
  constructor(@inject(Phrases) private readonly phrases: Phrases) {}
  greet(name: string): string {
    return this.phrases.of(name);
  }
}

test("a container starts the application with what it serves, and stops it", async () => {
  const shared = {
    config: { logger: { level: "silent" }, shutdown: { grace: 0 } },
    registry: "memory://",
    memory: memoryCenters(),
    env: {},
    argv: [],
  };
  const provider = await createApplication({ ...shared, name: "greeter-app" });
  const container = createContainer();
  const module = dubboModule(provider, [GreeterImpl]);
  container.load(module);
  expect(await container.getAsync(runningApplication)).toBe(provider);
  await using consumer = await createApplication({ ...shared, name: "web" });
  const greeter = await consumer.refer(Greeter);
  expect(await greeter.greet("Ada")).toBe("hello Ada, called by web");
  await container.unloadAsync(module);
  const after = await greeter.greet("Ada").catch((error: unknown) => error);
  expect(hasCode(after, "NO_PROVIDER", "CONNECT_FAILED", "CONNECTION_LOST")).toBe(true);
  await expect(provider.start()).rejects.toMatchObject({ code: "APPLICATION_CLOSED" });
});
