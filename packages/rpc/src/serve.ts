import { ConfigError, InvalidValueError, type Runtime, systemRuntime } from "@dubbo-ts/core";
import { serveInContext } from "./call-context.js";
import { checkMethodArguments, checkMethodResult, isStreamIn } from "./check-call.js";
import { findMethod } from "./define-service.js";
import { serveGeneric } from "./generic-call.js";
import type { Invocation } from "./invocation.js";
import { applyFilters, type Filter, type Invoker } from "./invoker.js";
import { methodNotFound } from "./method-not-found.js";
import { asCallError, toRemoteException } from "./remote-exception.js";
import type { Implementation, MethodDefinition, ServiceDefinition } from "./service-definition.js";
import { checkedMessages, checkedStream, isAsyncIterable } from "./streams.js";

type Method = (...args: unknown[]) => unknown;

/**
 * Makes an implementation callable: finds the method (either case of its first letter), passes the filters,
 * checks the arguments, runs the method within its {@link callContext} and checks its result. Answers `$echo`,
 * which passes no filter, and generic `$invoke`, which the filters see as the call of the method that it names.
 *
 * The invoker rejects with InvalidValueError (INVALID_ARGUMENT: the method was not run; INVALID_RESULT), RpcError
 * METHOD_NOT_FOUND, or a RemoteException for whatever the method threw.
 *
 * @param filters the first is the outermost.
 * @throws {ConfigError} DEFINITION_INVALID: the implementation lacks a method.
 */
export function serveImplementation<D extends ServiceDefinition>(
  definition: D,
  implementation: Implementation<D>,
  filters: readonly Filter[] = [],
  { clock }: Pick<Runtime, "clock"> = systemRuntime,
): Invoker {
  const methods = methodsOf(definition, implementation);
  const invoker = applyFilters(filters, {
    async invoke(invocation) {
      const found = findMethod(definition, invocation.method);
      const method = methods.get(found?.name ?? "");
      if (found === undefined || method === undefined) throw methodNotFound(invocation);
      checkMethodArguments(found.definition, found.name, invocation.args, "received");
      const args = argumentsOf(found.definition, found.name, invocation.args);
      const run = () => method(...args);
      return resultOf(
        found.definition,
        found.name,
        await serveInContext(invocation, found.name, clock, run).catch(rethrow),
      );
    },
  });
  return { invoke: (invocation) => dispatch(definition, invoker, invocation) };
}

async function dispatch(
  definition: ServiceDefinition,
  invoker: Invoker,
  invocation: Invocation,
): Promise<unknown> {
  try {
    switch (invocation.method) {
      case "$echo":
        return invocation.args[0];
      case "$invoke":
      case "$invokeAsync":
        return await serveGeneric(definition, invoker, invocation);
      default:
        return await invoker.invoke(invocation);
    }
  } catch (error) {
    throw asCallError(error);
  }
}

function rethrow(error: unknown): never {
  throw toRemoteException(error);
}

/** Messages that stream in are checked one by one, when the method reads them. */
function argumentsOf(
  definition: MethodDefinition,
  name: string,
  args: readonly unknown[],
): readonly unknown[] {
  if (!isStreamIn(definition)) return args;
  const [messages] = args;
  if (isAsyncIterable(messages)) return [checkedMessages(definition, name, messages, "received")];
  throw new InvalidValueError("INVALID_ARGUMENT", `${name}.args[0]`, "expected an async iterable");
}

function resultOf(definition: MethodDefinition, name: string, result: unknown): unknown {
  if (definition.kind === "serverStream" || definition.kind === "bidiStream") {
    if (isAsyncIterable(result)) return checkedStream(definition, name, result);
    throw new InvalidValueError("INVALID_RESULT", `${name}.result`, "expected an async iterable");
  }
  checkMethodResult(definition, name, result);
  return definition.result.kind === "void" ? undefined : result;
}

function methodsOf(definition: ServiceDefinition, implementation: object): ReadonlyMap<string, Method> {
  const own = implementation as Readonly<Record<string, unknown>>;
  const methods = new Map<string, Method>();
  const missing: string[] = [];
  for (const name of Object.keys(definition.methods)) {
    const method = own[name];
    if (typeof method === "function") methods.set(name, method.bind(implementation) as Method);
    else missing.push(name);
  }
  if (missing.length > 0)
    throw new ConfigError(
      "DEFINITION_INVALID",
      `the implementation of ${definition.serviceInterface} lacks ${missing.join(", ")}`,
    );
  return methods;
}
