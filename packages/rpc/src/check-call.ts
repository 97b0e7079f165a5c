import { InvalidValueError } from "@dubbo-ts/core";
import type { Check } from "./check.js";
import { checkOf, type Side } from "./check-value.js";
import { findMethod } from "./define-service.js";
import type { MethodDefinition, ServiceDefinition } from "./service-definition.js";
import { Walk } from "./walk.js";

const compiled: Readonly<Record<Side, WeakMap<MethodDefinition, readonly Check[]>>> = {
  sent: new WeakMap(),
  received: new WeakMap(),
};

function checksOf(definition: MethodDefinition, side: Side): readonly Check[] {
  const known = compiled[side].get(definition);
  if (known !== undefined) return known;
  const checks = isStreamIn(definition) ? [] : definition.params.map((type) => checkOf(type, side));
  compiled[side].set(definition, checks);
  return checks;
}

/** True when the one argument is a stream, whose messages are checked as they pass. */
export function isStreamIn({ kind }: MethodDefinition): boolean {
  return kind === "clientStream" || kind === "bidiStream";
}

/**
 * Checks arguments against a method's parameters.
 *
 * @param name how messages call the method.
 * @param side see {@link Side}: what a peer sent is read as tolerantly as Java reads it.
 * @throws {InvalidValueError} INVALID_ARGUMENT with the path: `getUser.args[0]: expected long, got number 1.5`.
 */
export function checkMethodArguments(
  definition: MethodDefinition,
  name: string,
  args: readonly unknown[],
  side: Side,
): void {
  const count = definition.params.length;
  if (args.length !== count)
    throw new InvalidValueError(
      "INVALID_ARGUMENT",
      `${name}.args`,
      `expected ${count} arguments, got ${args.length}`,
    );
  const checks = checksOf(definition, side);
  const walk = new Walk();
  for (let index = 0; index < checks.length; index += 1) {
    const found = checks[index]?.(args[index], walk);
    if (found !== undefined)
      throw new InvalidValueError("INVALID_ARGUMENT", `${name}.args[${index}]${found.path}`, found.why);
  }
}

/**
 * Checks what a method gave back, or one message of its stream.
 *
 * @throws {InvalidValueError} INVALID_RESULT with the path: `getUser.result.name: expected string, got null`.
 */
export function checkMethodResult(definition: MethodDefinition, name: string, result: unknown): void {
  const found = checkOf(definition.result, "sent")(result, new Walk());
  if (found !== undefined)
    throw new InvalidValueError("INVALID_RESULT", `${name}.result${found.path}`, found.why);
}

/**
 * {@link checkMethodArguments} of a method by name, as a caller would send them.
 *
 * @throws {InvalidValueError} INVALID_ARGUMENT: also when there is no such method.
 */
export function checkArguments(definition: ServiceDefinition, name: string, args: readonly unknown[]): void {
  checkMethodArguments(requireMethod(definition, name, "INVALID_ARGUMENT"), name, args, "sent");
}

/** {@link checkMethodResult} of a method by name. */
export function checkResult(definition: ServiceDefinition, name: string, result: unknown): void {
  checkMethodResult(requireMethod(definition, name, "INVALID_RESULT"), name, result);
}

function requireMethod(
  definition: ServiceDefinition,
  name: string,
  code: "INVALID_ARGUMENT" | "INVALID_RESULT",
): MethodDefinition {
  const found = findMethod(definition, name);
  if (found === undefined)
    throw new InvalidValueError(code, name, `no such method in ${definition.serviceInterface}`);
  return found.definition;
}
