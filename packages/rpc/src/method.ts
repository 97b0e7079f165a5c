import { ConfigError } from "@dubbo-ts/core";
import { java, requireValueType } from "./java.js";
import type { JavaType } from "./java-type.js";
import type { MethodDefinition, MethodKind } from "./service-definition.js";
import { descriptorOf, javaTypeName } from "./type-names.js";

/** What few methods need. */
export interface MethodOptions {
  /** The exceptions that the method declares, built by `java.throwable`: their fields travel by their types. */
  readonly throws?: readonly JavaType[];
}

/**
 * Describes a method: the types of its parameters, in order, and of its result.
 *
 * @throws {ConfigError} DEFINITION_INVALID: a parameter is void, or something is no type.
 */
export function method<const P extends readonly JavaType[], R extends JavaType>(
  params: P,
  result: R,
  options?: MethodOptions,
): MethodDefinition<P, R, "unary"> {
  return describe("unary", params, result, options);
}

/** One request, any number of answers: `AsyncIterable<Result>`. Needs a protocol with streams (triple). */
method.serverStream = <const P extends readonly JavaType[], R extends JavaType>(
  params: P,
  result: R,
  options?: MethodOptions,
): MethodDefinition<P, R, "serverStream"> => describe("serverStream", params, result, options);

/** Any number of messages, one answer. */
method.clientStream = <M extends JavaType, R extends JavaType>(
  message: M,
  result: R,
  options?: MethodOptions,
): MethodDefinition<readonly [M], R, "clientStream"> => describe("clientStream", [message], result, options);

/** Messages both ways. */
method.bidi = <M extends JavaType, R extends JavaType>(
  message: M,
  result: R,
  options?: MethodOptions,
): MethodDefinition<readonly [M], R, "bidiStream"> => describe("bidiStream", [message], result, options);

function describe<P extends readonly JavaType[], R extends JavaType, K extends MethodKind>(
  kind: K,
  params: P,
  result: R,
  { throws }: MethodOptions = {},
): MethodDefinition<P, R, K> {
  if (!Array.isArray(params))
    throw new ConfigError("DEFINITION_INVALID", "method: its parameters are a list of types");
  for (const [index, type] of params.entries()) requireValueType(type, `parameter ${index}`);
  if (result?.kind !== "void") requireValueType(result, "result");
  for (const type of throws ?? [])
    if (type.kind !== "throwable")
      throw new ConfigError("DEFINITION_INVALID", `throws: ${type.kind} is no java.throwable`);
  return Object.freeze({
    kind,
    params: Object.freeze(params),
    result,
    descriptor: params.map(descriptorOf).join(""),
    parameterTypes: Object.freeze(params.map(javaTypeName)),
    ...(throws !== undefined && { throws }),
  });
}

/** `$echo`: gives back what it got. Every service answers it (Java's `EchoFilter`). */
export const echoMethod = method([java.any()], java.any());

/**
 * `$invoke`: method name, names of the parameter types or null, arguments as maps and lists (rpc-protocols 2.5).
 * Every service answers it; `$invokeAsync` is the same.
 */
export const genericMethod = method(
  [java.string(), java.array(java.string()).nullable(), java.array(java.any()).nullable()],
  java.any(),
);
