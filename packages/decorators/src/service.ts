import "reflect-metadata";
import type { ServiceOptions } from "@dubbo-ts/application";
import { ConfigError } from "@dubbo-ts/core";
import type { Implementation, ServiceDefinition } from "@dubbo-ts/rpc";
import { injectable } from "inversify";

/** A class that a container can make: what `@Service` stands on. */
export type ServiceClass = new (...args: never[]) => object;

/** What `@Service` records on a class. */
export interface DecoratedService {
  readonly definition: ServiceDefinition;
  readonly options: ServiceOptions;
}

const recordKey = Symbol.for("dubbo-ts:service");

/**
 * Marks a class as the provider of `definition`. The compiler checks its methods against the definition: a missing
 * or a wrong one is an error. The class is injectable, so its constructor may ask for what it needs, and there is one
 * object of it: what a container hands out is what is exported.
 */
export function Service<D extends ServiceDefinition>(definition: D, options: ServiceOptions = {}) {
  return <C extends new (...args: never[]) => Implementation<D>>(target: C): void => {
    injectable("Singleton")(target);
    Reflect.defineMetadata(recordKey, { definition, options } satisfies DecoratedService, target);
  };
}

/**
 * What `@Service` recorded.
 * @throws {ConfigError} DEFINITION_INVALID: the class has no `@Service`.
 */
export function decoratedService(target: ServiceClass): DecoratedService {
  const record = Reflect.getOwnMetadata(recordKey, target) as DecoratedService | undefined;
  if (record === undefined)
    throw new ConfigError(
      "DEFINITION_INVALID",
      `class ${target.name || "(anonymous)"} has no @Service decorator`,
    );
  return record;
}
