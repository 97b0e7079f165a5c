import { ConfigError } from "@dubbo-ts/core";
import { java, requireValueType } from "./java.js";
import type { JavaType } from "./java-type.js";
import type { MethodDefinition, MethodKind } from "./service-definition.js";
import { descriptorOf, javaTypeName } from "./type-names.js";

/**
 * Describes a method: the types of its parameters, in order, and of its result.
 *
 * @throws {ConfigError} DEFINITION_INVALID: a parameter is void, or something is no type.
 */
export function method<const P extends readonly JavaType[], R extends JavaType>(
  params: P,
  result: R,
): MethodDefinition<P, R, "unary"> {
  return describe("unary", params, result);
}

/** One request, any number of answers: `AsyncIterable<Result>`. Needs a protocol with streams (triple). */
method.serverStream = <const P extends readonly JavaType[], R extends JavaType>(
  params: P,
  result: R,
): MethodDefinition<P, R, "serverStream"> => describe("serverStream", params, result);

/** Any number of messages, one answer. */
method.clientStream = <M extends JavaType, R extends JavaType>(
  message: M,
  result: R,
): MethodDefinition<readonly [M], R, "clientStream"> => describe("clientStream", [message], result);

/** Messages both ways. */
method.bidi = <M extends JavaType, R extends JavaType>(
  message: M,
  result: R,
): MethodDefinition<readonly [M], R, "bidiStream"> => describe("bidiStream", [message], result);

function describe<P extends readonly JavaType[], R extends JavaType, K extends MethodKind>(
  kind: K,
  params: P,
  result: R,
): MethodDefinition<P, R, K> {
  if (!Array.isArray(params))
    throw new ConfigError("DEFINITION_INVALID", "method: its parameters are a list of types");
  for (const [index, type] of params.entries()) requireValueType(type, `parameter ${index}`);
  if (result?.kind !== "void") requireValueType(result, "result");
  return Object.freeze({
    kind,
    params: Object.freeze([...params]) as readonly JavaType[] as P,
    result,
    descriptor: params.map(descriptorOf).join(""),
    parameterTypes: Object.freeze(params.map(javaTypeName)),
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
