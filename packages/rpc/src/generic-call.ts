import { InvalidValueError, RemoteException } from "@dubbo-ts/core";
import { findMethod } from "./define-service.js";
import { generalize } from "./generalize.js";
import type { Invocation } from "./invocation.js";
import type { Invoker } from "./invoker.js";
import { realize } from "./realize.js";
import { isRemoteException } from "./remote-exception.js";
import { methodNotFound } from "./method-not-found.js";
import type { MethodDefinition, ServiceDefinition } from "./service-definition.js";

/** What Java's generic consumers are thrown: class and message of the exception as fields (rpc-protocols 1.11). */
export const genericException = "org.apache.dubbo.rpc.service.GenericException";

/**
 * Serves `$invoke`: realizes the untyped arguments as the named method's types, calls it through `invoker`, and
 * generalizes its result (rpc-protocols 2.5, Java's `GenericFilter`). Modes other than `true` and `raw.return`
 * are refused.
 */
export async function serveGeneric(
  definition: ServiceDefinition,
  invoker: Invoker,
  invocation: Invocation,
): Promise<unknown> {
  const raw = requireMode(invocation) === "raw.return";
  const [name, , args] = invocation.args;
  const method = String(name);
  const found = method.startsWith("$") ? undefined : findMethod(definition, method);
  if (found === undefined) throw methodNotFound({ ...invocation, method });
  try {
    const result = await invoker.invoke({
      ...invocation,
      definition,
      method: found.name,
      methodDefinition: found.definition,
      args: realizeArguments(found.definition, found.name, args),
    });
    return raw ? result : generalize(found.definition.result, result);
  } catch (error) {
    throw isRemoteException(error) ? generalizeException(error) : error;
  }
}

function requireMode({ attachments }: Invocation): string {
  const mode = attachments.get("generic") ?? "true";
  if (mode === "" || mode === "true" || mode === "raw.return") return mode;
  throw new InvalidValueError(
    "INVALID_ARGUMENT",
    "$invoke.attachments.generic",
    `mode ${JSON.stringify(mode.slice(0, 60))} is not supported, only "true" and "raw.return"`,
  );
}

function realizeArguments({ params }: MethodDefinition, name: string, args: unknown): unknown[] {
  const list: readonly unknown[] = Array.isArray(args) ? args : [];
  if (list.length !== params.length)
    throw new InvalidValueError(
      "INVALID_ARGUMENT",
      `${name}.args`,
      `expected ${params.length} arguments, got ${list.length}`,
    );
  return params.map((type, index) => realize(type, list[index], `${name}.args[${index}]`));
}

function generalizeException(error: RemoteException): RemoteException {
  const fields = { exceptionClass: error.className, exceptionMessage: error.detail };
  return new RemoteException(genericException, error.detail, fields, { cause: error });
}

/** The exception within a GenericException of either name; others as they are. */
export function unwrapGenericException(error: unknown): unknown {
  if (!isRemoteException(error) || !error.className.endsWith(".rpc.service.GenericException")) return error;
  const { exceptionClass, exceptionMessage } = error.fields;
  if (typeof exceptionClass !== "string") return error;
  const detail = typeof exceptionMessage === "string" ? exceptionMessage : null;
  return new RemoteException(exceptionClass, detail, {}, { cause: error });
}
