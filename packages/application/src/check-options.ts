import { ConfigError } from "@dubbo-ts/core";
import type { MethodOptions } from "./options.js";

/**
 * Options that a program gives are checked as those of a file are: `retries: -1` would leave a call no time at all.
 *
 * @param where how messages call the service.
 * @throws {ConfigError} CONFIG_INVALID, naming the option.
 */
export function checkOptions(
  where: string,
  options: MethodOptions & {
    readonly weight?: number | undefined;
    readonly methods?: Readonly<Record<string, MethodOptions>> | undefined;
  },
): void {
  const { weight, methods = {} } = options;
  checkMethod(where, options);
  if (weight !== undefined && !(Number.isInteger(weight) && weight >= 0))
    throw invalid(where, "weight", "a whole number, 0 or more", weight);
  for (const [name, method] of Object.entries(methods)) checkMethod(`${where} methods.${name}`, method);
}

function checkMethod(where: string, { timeoutMs, retries }: MethodOptions): void {
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0))
    throw invalid(where, "timeoutMs", "milliseconds above 0", timeoutMs);
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0))
    throw invalid(where, "retries", "a whole number, 0 or more", retries);
}

function invalid(where: string, option: string, wanted: string, value: unknown): ConfigError {
  return new ConfigError("CONFIG_INVALID", `${where}: ${option} must be ${wanted}, not ${String(value)}`);
}
