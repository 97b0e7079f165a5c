import { Caller, type ClientSettings } from "./caller.js";
import type { Invoker } from "./invoker.js";
import { echoMethod } from "./method.js";
import type { CallOptions, Client, MethodDefinition, ServiceDefinition } from "./service-definition.js";
import { isAsyncIterable } from "./streams.js";

/** Under it a client keeps the way to its provider, out of sight of those who list its methods. */
const callerKey = Symbol("caller");

/**
 * The typed client of a service: an object with the definition's methods, each of which makes one invocation.
 * A call with wrong arguments rejects with an InvalidValueError before anything is sent.
 *
 * @throws {InvalidValueError} INVALID_ARGUMENT: an attachment in the settings is no text.
 */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  invoker: Invoker,
  settings: ClientSettings,
): Client<D> {
  const caller = new Caller(definition, invoker, settings);
  const client: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(definition.methods))
    client[name] = callOf(caller, name, method);
  Object.defineProperty(client, callerKey, { value: caller });
  return client as Client<D>;
}

function callOf(caller: Caller, name: string, method: MethodDefinition) {
  if (method.kind === "serverStream" || method.kind === "bidiStream")
    return (...passed: unknown[]) => streamed(caller, name, method, passed);
  return (...passed: unknown[]) => caller.call(name, method, passed);
}

// The call is made when the first message is asked for.
async function* streamed(caller: Caller, name: string, method: MethodDefinition, passed: readonly unknown[]) {
  const messages = await caller.call(name, method, passed);
  if (isAsyncIterable(messages)) yield* messages;
}

/**
 * Asks the provider for `value` back: `$echo`, which every Dubbo service answers. Tells whether it can be reached.
 *
 * @throws {TypeError} `client` was not made by {@link createClient}.
 */
export async function echo<T>(client: object, value: T, options?: CallOptions): Promise<T> {
  const caller = (client as { [callerKey]?: Caller })[callerKey];
  if (caller === undefined) throw new TypeError("echo: not a client of createClient()");
  return (await caller.call("$echo", echoMethod, [value, options])) as T;
}
