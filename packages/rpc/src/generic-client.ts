import { Caller, type ClientSettings } from "./caller.js";
import { genericService } from "./define-service.js";
import { unwrapGenericException } from "./generic-call.js";
import type { Invoker } from "./invoker.js";
import { echoMethod, genericMethod } from "./method.js";
import type { CallOptions } from "./service-definition.js";

/** Settings of a generic call. */
export interface GenericCallOptions extends CallOptions {
  /** Java names of the parameter types, `["long", "java.lang.String"]`: needed when the method is overloaded. */
  parameterTypes?: readonly string[];
}

/** Calls a service of which only the name is known. */
export interface GenericClient {
  /**
   * Calls `method` by `$invoke`. Arguments are maps, plain objects, lists, texts and numbers, as the provider can
   * realize them; objects in the result are maps with their class name under `class` (rpc-protocols 2.5).
   */
  invoke(method: string, args: readonly unknown[], options?: GenericCallOptions): Promise<unknown>;
  /** Gives back what it got: whether the provider can be reached. */
  $echo(value: unknown, options?: CallOptions): Promise<unknown>;
}

const generic = { generic: "true" } as const;

/** A client for `serviceInterface` without a definition. */
export function createGenericClient(
  serviceInterface: string,
  invoker: Invoker,
  settings: ClientSettings,
): GenericClient {
  const caller = new Caller(genericService(serviceInterface), invoker, settings);
  return {
    async invoke(method, args, { parameterTypes, ...options }: GenericCallOptions = {}) {
      // Where there is nothing to tell, a list: dubbo-go reads no null over triple.
      const types = parameterTypes ?? (args.length === 0 ? [] : null);
      const passed = [method, types, args, options];
      try {
        return await caller.call("$invoke", genericMethod, passed, generic);
      } catch (error) {
        throw unwrapGenericException(error);
      }
    },
    $echo: (value, options) => caller.call("$echo", echoMethod, [value, options]),
  };
}
