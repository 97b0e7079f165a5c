import { RpcError } from "@dubbo-ts/core";

/** A value, or bytes, that cannot be what they are declared to be. Containers add where, from the inside out. */
export class Misfit extends Error {
  readonly #steps: string[] = [];

  within(step: string): this {
    this.#steps.push(step);
    return this;
  }

  describe(root: string): string {
    return `${root}${this.#steps.reverse().join("")}: ${this.message}`;
  }
}

/** The error as a {@link Misfit} that knows one more step of its path: `.tags` or `[2]`. */
export function within(step: string, error: unknown): Misfit {
  return asMisfit(error).within(step);
}

function asMisfit(error: unknown): Misfit {
  if (error instanceof Misfit) return error;
  return new Misfit(error instanceof Error ? error.message : String(error), { cause: error });
}

/**
 * The error that users see. Nothing has run when encoding fails; when decoding fails, it may have.
 *
 * @param root the name under which the value is known: `User`, `long`.
 */
export function asRpcError(code: "ENCODE_FAILED" | "DECODE_FAILED", root: string, error: unknown): RpcError {
  const misfit = asMisfit(error);
  return new RpcError(code, misfit.describe(root), {
    mayHaveRun: code === "DECODE_FAILED",
    cause: misfit.cause ?? misfit,
  });
}

/** Shows a value in a message, shortly; runs no code of the value's. */
export function show(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid Date" : "Date";
  if (typeof value === "string")
    return `string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === "number") return `number ${value}`;
  if (typeof value === "bigint")
    return BigInt.asIntN(256, value) === value ? `bigint ${value}` : "a huge bigint";
  if (typeof value === "object") return describeClass(value);
  return typeof value;
}

function describeClass(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== "object" || prototype === null) return "object";
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof maker === "function" && maker.name !== "" && maker !== Object ? maker.name : "object";
}
