/** Texts that stand for Java values. Each tells whether `text` is one. */

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,10})?$/;
const date = /^([+-]?\d{4,9})-(\d{2})-(\d{2})$/;
const time = /^([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?$/;

/** What the constructor of `java.math.BigDecimal` reads. */
export function isDecimal(text: string): boolean {
  return decimal.test(text);
}

/** `2024-02-29`: a day that exists. */
export function isLocalDate(text: string): boolean {
  const parts = date.exec(text);
  if (parts === null) return false;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  return month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
}

/** `23:59`, `23:59:59` or with a fraction of up to nine digits. */
export function isLocalTime(text: string): boolean {
  return time.test(text);
}

/** `2024-02-29T23:59:59`. */
export function isLocalDateTime(text: string): boolean {
  const middle = text.indexOf("T");
  return middle > 0 && isLocalDate(text.slice(0, middle)) && isLocalTime(text.slice(middle + 1));
}

function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/**
 * A value as an error message shows it. Runs no code of the value's (`toString`, getters), which may come from
 * a stranger.
 */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    case "number":
    case "boolean":
      return `${typeof value} ${String(value)}`;
    case "bigint":
      return describeBigint(value);
    case "object":
      return describeObject(value);
    default:
      return typeof value;
  }
}

// A hostile bigint has millions of digits, and printing them takes seconds.
function describeBigint(value: bigint): string {
  return BigInt.asIntN(256, value) === value ? `bigint ${value}` : "bigint beyond 256 bits";
}

function describeObject(value: object | null): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `array of ${value.length}`;
  for (const known of [Date, Map, Set, Uint8Array, Error, Promise])
    if (value instanceof known)
      return value instanceof Date && Number.isNaN(value.getTime()) ? "invalid Date" : known.name;
  return "object";
}
