import { randomUUID } from "node:crypto";
import { UsageError } from "../exit-codes.js";

const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Reads one argument of the command line as JSON. Whole numbers that a JavaScript number cannot hold become
 * bigints: no digit is lost on the way to a `long`.
 *
 * @param where how messages call it: `argument 1`.
 * @throws {UsageError} it is no JSON.
 */
export function jsonArgument(text: string, where: string): unknown {
  // `JSON.parse` would round them; a mark that nobody can foresee carries their digits past it.
  const mark = randomUUID();
  const marked = text.replace(tokens, (token) => (isLarge(token) ? `"${mark}${token}"` : token));
  try {
    return JSON.parse(marked, (_, value: unknown) =>
      typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
    );
  } catch {
    const hint = /^[\p{L}_][^"{}[\]]*$/u.test(text) ? `; a text needs quotes: '${JSON.stringify(text)}'` : "";
    throw new UsageError(`${where} is no JSON: ${text.slice(0, 80)}${hint}`);
  }
}

function isLarge(token: string): boolean {
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));
}
