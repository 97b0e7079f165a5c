import type { Application } from "@dubbo-ts/application";
import { Container, ContainerModule, type Newable } from "inversify";
import { References } from "./reference.js";
import { decoratedService, type ServiceClass } from "./service.js";
import { decoratedFilters } from "./use-filters.js";

/** Tells a container the application that its `@Reference`s belong to. */
export function dubboModule(application: Application): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(References).toConstantValue(new References(application));
  });
}

/** A container that makes classes by itself, one of each: enough for a program that binds nothing. */
export function createContainer(): Container {
  return new Container({ autobind: true, defaultScope: "Singleton" });
}

/** A class that nobody bound is made all the same: its decorators say all that is needed. */
function make(container: Container, target: ServiceClass): Promise<object> {
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
  container: Container,
  classes: readonly ServiceClass[],
): Promise<void> {
  const services = classes.map((target) => ({ target, ...decoratedService(target) }));
  for (const { target, definition, options } of services) {
    const filters = [...(options.filters ?? []), ...decoratedFilters(target)];
    await application.export(definition, (await make(container, target)) as never, { ...options, filters });
  }
  await container.get(References).opened();
}
