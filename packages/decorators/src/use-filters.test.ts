import type { Application, ServiceOptions } from "@dubbo-ts/application";
import { applyFilters, defineService, type Filter, type Implementation, java, method } from "@dubbo-ts/rpc";
import { createContainer, dubboModule, exportDecorated } from "./container.js";
import { Service } from "./service.js";
import { UseFilters } from "./use-filters.js";

const Greeter = defineService("a.Greeter", {
  hello: method([], java.string()),
  bye: method([], java.string()),
});

test("filters of options, class and method run in this order, a method's for that method only", async () => {
  const order: string[] = [];
  const named =
    (name: string): Filter =>
    (next) => ({
      invoke: (invocation) => (order.push(`${name} ${invocation.method}`), next.invoke(invocation)),
    });

  @Service(Greeter, { filters: [named("option")] })
  @UseFilters(named("class"), named("class 2"))
  class GreeterImpl implements Implementation<typeof Greeter> {
    @UseFilters(named("method"))
    hello() {
      return "hello";
    }
    bye() {
      return "bye";
    }
  }

  let exported: ServiceOptions = {};
  const application = {
    export: (_definition: unknown, _implementation: unknown, options: ServiceOptions) => {
      exported = options;
      return Promise.resolve();
    },
  } as unknown as Application;
  const container = createContainer();
  container.load(dubboModule(application));
  await exportDecorated(application, container, [GreeterImpl]);
  const chain = applyFilters(exported.filters ?? [], { invoke: () => Promise.resolve("done") });
  for (const name of ["hello", "bye"]) await chain.invoke({ method: name } as never);
  expect(order).toEqual([
    "option hello",
    "class hello",
    "class 2 hello",
    "method hello",
    "option bye",
    "class bye",
    "class 2 bye",
  ]);
});
