import { ConfigError } from "@dubbo-ts/core";
import { echoMethod, genericMethod } from "./method.js";
import type { MethodDefinition, Methods, ServiceDefinition } from "./service-definition.js";
import { requireClassName, requireIdentifier } from "./type-names.js";

/**
 * Defines a service: its Java interface, and its methods by name. Make it once, at module level.
 *
 * @throws {ConfigError} DEFINITION_INVALID: a name that Java could not have; `then`, which would make clients
 * thenables; a name with `$` in front, which Dubbo keeps for itself.
 */
export function defineService<M extends Methods>(serviceInterface: string, methods: M): ServiceDefinition<M> {
  requireClassName(serviceInterface);
  for (const [name, definition] of Object.entries(methods)) requireMethod(serviceInterface, name, definition);
  return Object.freeze({ serviceInterface, methods: Object.freeze({ ...methods }) });
}

function requireMethod(serviceInterface: string, name: string, definition: MethodDefinition): void {
  requireIdentifier(name, serviceInterface);
  if (name.startsWith("$") || name === "then" || name === "constructor")
    throw new ConfigError("DEFINITION_INVALID", `${serviceInterface}: no method can be named ${name}`);
  if (!Array.isArray(definition?.params) || typeof definition.descriptor !== "string")
    throw new ConfigError("DEFINITION_INVALID", `${serviceInterface}.${name}: not built by method()`);
}

/** A service of which only the name is known: it answers `$invoke` and `$echo`. */
export function genericService(serviceInterface: string): ServiceDefinition<Record<never, MethodDefinition>> {
  return defineService(serviceInterface, {});
}

/** A method and the name that its definition has for it. */
export interface FoundMethod {
  readonly name: string;
  readonly definition: MethodDefinition;
}

const implicit: ReadonlyMap<string, FoundMethod> = new Map([
  ["$echo", { name: "$echo", definition: echoMethod }],
  ["$invoke", { name: "$invoke", definition: genericMethod }],
  ["$invokeAsync", { name: "$invokeAsync", definition: genericMethod }],
]);

const tables = new WeakMap<ServiceDefinition, ReadonlyMap<string, FoundMethod>>();

/**
 * The method that a caller means by `name`: a declared one, the same with the other case of its first letter
 * (Go's names begin with a capital, rpc-protocols 3.1), or one of `$echo`, `$invoke`, `$invokeAsync`.
 */
export function findMethod(definition: ServiceDefinition, name: string): FoundMethod | undefined {
  let table = tables.get(definition);
  if (table === undefined) {
    table = tableOf(definition);
    tables.set(definition, table);
  }
  return table.get(name);
}

function tableOf({ methods }: ServiceDefinition): ReadonlyMap<string, FoundMethod> {
  const table = new Map(implicit);
  for (const [name, definition] of Object.entries(methods)) {
    const found = { name, definition };
    table.set(name, found);
    const other = otherCase(name);
    if (!Object.hasOwn(methods, other)) table.set(other, found);
  }
  return table;
}

function otherCase(name: string): string {
  const first = name.charAt(0);
  const upper = first.toUpperCase();
  return (first === upper ? first.toLowerCase() : upper) + name.slice(1);
}
