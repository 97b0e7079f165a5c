import type { Application, ReferenceOptions, ServiceOptions } from "@dubbo-ts/application";
import { NoProviderError, serviceKey, systemRuntime } from "@dubbo-ts/core";
import {
  type Client,
  createClient,
  defineService,
  echo,
  type Implementation,
  java,
  localInvoker,
  method,
  type ServiceDefinition,
  serveImplementation,
} from "@dubbo-ts/rpc";
import { Container, inject, injectable } from "inversify";
import { createContainer, dubboModule, exportDecorated } from "./container.js";
import { Reference } from "./reference.js";
import { decoratedService, Service, type ServiceClass } from "./service.js";

const Greeter = defineService("org.example.Greeter", {
  greet: method([java.string()], java.string()),
});
const Counter = defineService("org.example.Counter", { next: method([], java.long()) });

@injectable()
class Store {
  readonly names = ["Ada"];
}

@Service(Greeter, { version: "1.0.0", group: "blue", weight: 50 })
class GreeterImpl implements Implementation<typeof Greeter> {
  @Reference(Counter, { timeoutMs: 700 })
  readonly again!: Client<typeof Counter>;

  constructor(
    @inject(Store) private readonly store: Store,
    @Reference(Counter) private readonly counter: Client<typeof Counter>,
  ) {}

  async greet(name: string): Promise<string> {
    return `${await this.counter.next()} ${await this.again.next()} ${name} ${this.store.names.join()}`;
  }
}

/** An application that remembers what it is told, and serves {@link Counter} to whoever refers to it. */
class FakeApplication {
  readonly exported: { definition: ServiceDefinition; implementation: object; options: ServiceOptions }[] =
    [];
  readonly referred: ReferenceOptions[] = [];
  failure: Error | undefined;
  #count = 0n;

  async export(
    definition: ServiceDefinition,
    implementation: object,
    options: ServiceOptions,
  ): Promise<void> {
    this.exported.push({ definition, implementation, options });
  }

  async refer(_definition: ServiceDefinition, options: ReferenceOptions): Promise<object> {
    this.referred.push(options);
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    const key = serviceKey(Counter.serviceInterface);
    const invoker = serveImplementation(Counter, { next: () => (this.#count += 1n) }, [], systemRuntime);
    const settings = { service: key, runtime: systemRuntime, timeoutMs: () => 1_000 };
    return createClient(
      Counter,
      localInvoker({ key, definition: Counter, invoker }, systemRuntime),
      settings,
    );
  }

  get real(): Application {
    return this as unknown as Application;
  }
}

async function exportAll(
  container: Container,
  classes: readonly ServiceClass[],
  app = new FakeApplication(),
) {
  container.load(dubboModule(app.real));
  await exportDecorated(app.real, container, classes);
  return app;
}

describe("@Service", () => {
  test("exports an object that the container has made, with the options of the decorator", async () => {
    const app = await exportAll(createContainer(), [GreeterImpl]);
    const [{ definition, implementation, options }] = app.exported as [(typeof app.exported)[number]];
    expect(definition).toBe(Greeter);
    expect(options).toEqual({ version: "1.0.0", group: "blue", weight: 50, filters: [] });
    expect(await (implementation as GreeterImpl).greet("Alan")).toBe("1 2 Alan Ada");
    expect(app.referred).toEqual(expect.arrayContaining([{}, { timeoutMs: 700 }]));
  });

  test.each([
    ["knows nothing of the class", (_container: Container) => {}],
    [
      "has bound everything but the references",
      (container: Container) => {
        container.bind(Store).toSelf();
        container.bind(GreeterImpl).toSelf();
      },
    ],
  ])("works with a container of the program's own that %s", async (_, prepare) => {
    const container = new Container();
    prepare(container);
    const app = await exportAll(container, [GreeterImpl]);
    const implementation = app.exported[0]?.implementation as GreeterImpl;
    expect(implementation).toBeInstanceOf(GreeterImpl);
    expect(await implementation.greet("Alan")).toBe("1 2 Alan Ada");
    expect(container.get(GreeterImpl)).toBe(implementation);
  });

  test("takes what the program's own container puts in a place", async () => {
    const container = new Container();
    container.bind(Store).toConstantValue({ names: ["Grace"] });
    const app = await exportAll(container, [GreeterImpl]);
    expect(await (app.exported[0]!.implementation as GreeterImpl).greet("Alan")).toBe("1 2 Alan Grace");
  });

  test("is missed on a class without it, before anything is made; a subclass needs its own", async () => {
    const app = new FakeApplication();
    class Plain {}
    const plain = exportAll(createContainer(), [GreeterImpl, Plain], app);
    await expect(plain).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: "class Plain has no @Service decorator",
    });
    expect(app.exported).toEqual([]);
    class Special extends GreeterImpl {}
    expect(() => decoratedService(Special)).toThrow("class Special has no @Service");
  });

  test("has its methods checked by the compiler", () => {
    @Service(Greeter)
    class Right {
      greet(name: string): string {
        return name;
      }
    }
    // @ts-expect-error a method is missing
    @Service(Greeter)
    class Missing {
      other(): void {}
    }
    // @ts-expect-error a parameter of another type
    @Service(Greeter)
    class WrongParameter {
      greet(name: number): string {
        return String(name);
      }
    }
    // @ts-expect-error a result of another type
    @Service(Greeter)
    class WrongResult {
      greet(name: string): number {
        return name.length;
      }
    }
    // @ts-expect-error a private method is none
    @Service(Greeter)
    class Private {
      private greet(name: string): string {
        return name;
      }
    }
    // @ts-expect-error weight is a number
    const wrong = () => Service(Greeter, { weight: "1" });
    expect([Right, Missing, WrongParameter, WrongResult, Private, wrong]).toHaveLength(6);
  });
});

describe("@Reference", () => {
  @injectable()
  class Page {
    constructor(@Reference(Counter) readonly counter: Client<typeof Counter>) {}
  }

  test("opens one reference however many ask, and may be used before it is open", async () => {
    const app = new FakeApplication();
    const container = createContainer();
    container.load(dubboModule(app.real));
    const page = container.get(Page);
    expect(await Promise.all([page.counter.next(), page.counter.next()])).toEqual([1n, 2n]);
    expect(container.get(Page).counter).toBe(page.counter);
    expect(await page.counter.next()).toBe(3n);
    expect(await echo(page.counter, "x")).toBe("x");
    expect(app.referred).toHaveLength(1);
    const other = new Container();
    other.load(dubboModule(new FakeApplication().real));
    expect(other.get(Page, { autobind: true }).counter).not.toBe(page.counter);
  });

  test("fails the start when its provider is missing, and opens again with the next call", async () => {
    const app = new FakeApplication();
    const details = { service: "org.example.Counter", applications: [], nearMisses: [] };
    app.failure = new NoProviderError("NO_PROVIDER", "none", details);
    const container = createContainer();
    await expect(exportAll(container, [GreeterImpl], app)).rejects.toMatchObject({ code: "NO_PROVIDER" });
    const { counter } = container.get(Page);
    await expect(counter.next()).rejects.toMatchObject({ code: "NO_PROVIDER" });
    app.failure = undefined;
    expect(await counter.next()).toBe(1n);
  });

  test("needs a container that knows the application", () => {
    expect(() => createContainer().get(Page)).toThrow();
  });
});
