import { setMaxListeners } from "node:events";
import { InvalidValueError } from "@dubbo-ts/core";
import type { CallOptions } from "./service-definition.js";
import { describeValue } from "./text-forms.js";

const names: ReadonlySet<string> = new Set(["timeoutMs", "attachments", "signal", "onAttachments"]);

/**
 * Reads what stands in the place of the options, after the last argument.
 *
 * @param name how messages call the method.
 * @throws {InvalidValueError} INVALID_ARGUMENT: no options, or an option that is none. Told, since one argument
 * too many arrives here, and a mistyped `timeout` would otherwise be ignored.
 */
export function readOptions(name: string, value: unknown): CallOptions | undefined {
  if (value === undefined || value === null) return undefined;
  const path = `${name}.options`;
  if (typeof value !== "object") throw misfit(path, "call options", value);
  for (const key of Object.keys(value))
    if (!names.has(key))
      throw new InvalidValueError(
        "INVALID_ARGUMENT",
        path,
        `unknown option ${describeValue(key)}; there are ${[...names].join(", ")}`,
      );
  const { timeoutMs, attachments, signal, onAttachments } = value as CallOptions;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0))
    throw misfit(`${path}.timeoutMs`, "milliseconds above 0", timeoutMs);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw misfit(`${path}.signal`, "AbortSignal", signal);
  // Hundreds of calls may share one: each listens, and none stays when it is over. Node would take that for a leak.
  if (signal !== undefined) setMaxListeners(0, signal);
  if (onAttachments !== undefined && typeof onAttachments !== "function")
    throw misfit(`${path}.onAttachments`, "function", onAttachments);
  if (attachments !== undefined) requireAttachments(`${path}.attachments`, attachments);
  return value;
}

/** @throws {InvalidValueError} INVALID_ARGUMENT: a value is no text; other kinds do not travel over every protocol. */
export function requireAttachments(path: string, attachments: Readonly<Record<string, string>>): void {
  if (typeof attachments !== "object") throw misfit(path, "object of texts", attachments);
  for (const [key, text] of Object.entries(attachments))
    if (typeof text !== "string") throw misfit(`${path}[${describeValue(key)}]`, "string", text);
}

function misfit(path: string, expected: string, value: unknown): InvalidValueError {
  return new InvalidValueError("INVALID_ARGUMENT", path, `expected ${expected}, got ${describeValue(value)}`);
}
