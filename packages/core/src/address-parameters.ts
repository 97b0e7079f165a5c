import { ConfigError } from "./errors.js";

type Params = Readonly<Record<string, string>>;

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * The parameter `name` of an address as a duration in ms: `15000`, `15000ms`, `15s`, `10m`, `2h`, `2d` (Go writes units, Java
 * does not). Undefined: it is not there, or empty.
 * @param where what an error begins with: the address without secrets.
 * @throws {ConfigError} ADDRESS_INVALID: it is no duration, or 0.
 */
export function durationOfParameter(where: string, params: Params, name: string): number | undefined {
  const text = params[name];
  if (text === undefined || text === "") return undefined;
  const [, amount, unit = "ms"] = /^(\d+)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Number(amount) * (units[unit] ?? 1);
  if (!(ms > 0)) throw invalid(where, name, text, "is no duration");
  return ms;
}

/** The same for `true` and `false`. @throws {ConfigError} ADDRESS_INVALID. */
export function flagOfParameter(where: string, params: Params, name: string): boolean | undefined {
  const text = params[name];
  if (text === undefined || text === "") return undefined;
  if (text !== "true" && text !== "false") throw invalid(where, name, text, "is neither true nor false");
  return text === "true";
}

function invalid(where: string, name: string, text: string, why: string): ConfigError {
  return new ConfigError("ADDRESS_INVALID", `${where}: parameter ${name}=${JSON.stringify(text)} ${why}`);
}
