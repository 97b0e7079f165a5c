import type { Application } from "@dubbo-ts/application";
import { Container, ContainerModule, type Newable, type ServiceIdentifier } from "inversify";
import { References } from "./reference.js";
import { decoratedService, type ServiceClass } from "./service.js";
import { decoratedFilters } from "./use-filters.js";

/** Under it a container hands out the running application: see {@link dubboModule}. */
export const runningApplication: ServiceIdentifier<Application> = Symbol.for("dubbo-ts:running-application");

/**
 * Puts an application into a container: `@Reference`s belong to it, and the container starts and stops it. Who asks
 * for {@link runningApplication} gets it with `services` exported and started; `container.unloadAsync(module)`, or
 * `unbindAllAsync()`, stops it then.
 *
 * @param services classes with `@Service`, to be exported before the start.
 */
export function dubboModule(
  application: Application,
  services: readonly ServiceClass[] = [],
): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(References).toConstantValue(new References(application));
    bind(runningApplication)
      .toDynamicValue(async (context) => {
        await exportDecorated(application, context, services);
        await application.start();
        return application;
      })
      .inSingletonScope()
      .onDeactivation((running) => running.stop());
  });
}

/** What is needed of a container, or of its context while it resolves something. */
type Resolver = Pick<Container, "get" | "getAsync">;

/** A container that makes classes by itself, one of each: enough for a program that binds nothing. */
export function createContainer(): Container {
  return new Container({ autobind: true, defaultScope: "Singleton" });
}

/** A class that nobody bound is made all the same: its decorators say all that is needed. */
function make(container: Resolver, target: ServiceClass): Promise<object> {
  return container.getAsync(target as Newable<object>, { autobind: true });
}

/**
 * Has `container` make each of `classes`, and exports it as its `@Service` says. Resolves when the references that
 * they were given have their providers. The container must have loaded {@link dubboModule}.
 *
 * @throws {ConfigError} DEFINITION_INVALID: a class without `@Service`; and what `export` and `refer` throw.
 */
export async function exportDecorated(
  application: Application,
  container: Resolver,
  classes: readonly ServiceClass[],
): Promise<void> {
  const services = classes.map((target) => ({ target, ...decoratedService(target) }));
  for (const { target, definition, options } of services) {
    const filters = [...(options.filters ?? []), ...decoratedFilters(target)];
    await application.export(definition, (await make(container, target)) as never, { ...options, filters });
  }
  await container.get(References).opened();
}
