const decimal = /^-?\d+$/;

/**
 * What JSON cannot say, said by the Java type: a whole number for a `long` is sent as one, ISO text for a date as a
 * date, base64 for `byte[]` as bytes. All else is left to the provider, which fits maps, texts and numbers itself.
 */
export function fitArgument(value: unknown, type: string): unknown {
  switch (type) {
    case "long":
    case "java.lang.Long":
      return isWhole(value) ? BigInt(value) : value;
    case "java.util.Date":
      return typeof value === "string" && isIsoDate(value) ? new Date(value) : value;
    case "byte[]":
    case "[B":
      return typeof value === "string" ? Buffer.from(value, "base64") : value;
    default:
      return value;
  }
}

function isWhole(value: unknown): value is number | string {
  return typeof value === "string" ? decimal.test(value) : Number.isSafeInteger(value);
}

function isIsoDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text));
}
