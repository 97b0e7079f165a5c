/**
 * Whatever a generic call gives back, in the shape of JSON. A long is a number where JavaScript can hold it and a
 * text beyond; dates are ISO texts, bytes base64, sets arrays; an object of a Java class has its name under
 * `class`. What contains itself shows `[circular]` there.
 */
export function jsonResult(value: unknown): unknown {
  return plain(value, []);
}

function plain(value: unknown, within: readonly unknown[]): unknown {
  switch (typeof value) {
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      if (value === null) return null;
      return within.includes(value) ? "[circular]" : plainObject(value, [...within, value]);
    case "undefined":
      return null;
    default:
      return value;
  }
}

function plainObject(value: object, within: readonly unknown[]): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map((one) => plain(one, within));
  if (value instanceof Set) return [...(value as Set<unknown>)].map((one) => plain(one, within));
  if (value instanceof Map) return plainEntries([...(value as Map<unknown, unknown>)], within);
  const {
    className,
    fields,
    value: only,
  } = value as { className?: unknown; fields?: object; value?: unknown };
  if (typeof className === "string" && typeof fields === "object") {
    const message = value instanceof Error ? [["message", value.message] as const] : [];
    return plainEntries([["class", className], ...message, ...Object.entries(fields)], within);
  }
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype === null || prototype === Object.prototype)
    return plainEntries(Object.entries(value), within);
  // Numbers of java.math.
  return typeof only === "string" || typeof only === "bigint"
    ? String(only)
    : plainEntries(Object.entries(value), within);
}

function plainEntries(entries: readonly (readonly [unknown, unknown])[], within: readonly unknown[]): object {
  return Object.fromEntries(entries.map(([key, one]) => [keyText(key, within), plain(one, within)]));
}

function keyText(key: unknown, within: readonly unknown[]): string {
  const text = plain(key, within);
  return typeof text === "string" ? text : JSON.stringify(text);
}
