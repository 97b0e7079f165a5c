import { type Check, problem } from "./check.js";
import type { JavaTypeNode } from "./java-type.js";
import { isDecimal, isLocalDate, isLocalDateTime, isLocalTime } from "./text-forms.js";

/** The checks of types that hold nothing else. */
export const scalarChecks: Partial<Record<JavaTypeNode["kind"], Check>> = {
  boolean: fitting("boolean", (value) => typeof value === "boolean"),
  byte: integer("byte", -128, 127),
  short: integer("short", -32_768, 32_767),
  int: integer("int", -2_147_483_648, 2_147_483_647),
  long: fitting("long", isLong),
  float: fitting("float", isFloat),
  double: fitting("double", (value) => typeof value === "number"),
  char: text("char", (value) => value.length === 1),
  string: fitting("string", (value) => typeof value === "string"),
  bytes: fitting("bytes", (value) => value instanceof Uint8Array),
  date: fitting("date", (value) => value instanceof Date && !Number.isNaN(value.getTime())),
  decimal: text('decimal as text ("12.30")', isDecimal),
  bigInteger: fitting("bigint", (value) => typeof value === "bigint"),
  localDate: text('local date as text ("2024-02-29")', isLocalDate),
  localTime: text('local time as text ("23:59:59")', isLocalTime),
  localDateTime: text('local date and time as text ("2024-02-29T23:59:59")', isLocalDateTime),
};

/** One of an enum's names. */
export function enumCheck(names: readonly string[]): Check {
  const known = new Set<unknown>(names);
  return fitting(`one of ${names.slice(0, 20).join(", ")}`, (value) => known.has(value));
}

function fitting(expected: string, fits: (value: unknown) => boolean): Check {
  return (value) => (fits(value) ? undefined : problem(expected, value));
}

function text(expected: string, fits: (text: string) => boolean): Check {
  return fitting(expected, (value) => typeof value === "string" && fits(value));
}

function integer(name: string, min: number, max: number): Check {
  return fitting(
    name,
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  );
}

// A number is taken where nothing is lost.
function isLong(value: unknown): boolean {
  return typeof value === "bigint" ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value);
}

function isFloat(value: unknown): boolean {
  return typeof value === "number" && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value));
}
