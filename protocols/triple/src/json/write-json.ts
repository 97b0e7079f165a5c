import type { JavaType } from "@dubbo-ts/rpc";

const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * A value as Java's triple answers it in JSON (peers J3): numbers of any size as they are, dates as
 * `2000-01-01 00:00:00` in this machine's time zone, bytes as a list of numbers, fields that are null left out.
 */
export function writeJson(type: JavaType, value: unknown): string {
  if (value === null || value === undefined) return "null";
  switch (type.kind) {
    case "nullable":
      return writeJson(type.type, value);
    case "lazy":
      return writeJson(type.resolve(), value);
    case "transform":
      return writeJson(type.type, type.encode(value));
    case "void":
      return "null";
    case "message":
      return JSON.stringify(type.toJson(value));
    case "decimal":
      return jsonNumber.test(value as string) ? (value as string) : JSON.stringify(value);
    case "list":
    case "array":
    case "set":
      return `[${Array.from(value as Iterable<unknown>, (one) => writeJson(type.element, one)).join(",")}]`;
    case "map":
      return writeEntries(entriesOf(value), type.value);
    case "object":
      return writeFields(type, value as Readonly<Record<string, unknown>>);
    default:
      return writeAny(value);
  }
}

function writeFields(type: JavaType & { kind: "object" }, value: Readonly<Record<string, unknown>>): string {
  const fields: string[] = [];
  for (let node: JavaType | undefined = type; node?.kind === "object"; node = node.parent) {
    for (const [name, field] of Object.entries(node.fields)) {
      const one = value[name];
      if (one !== null && one !== undefined) fields.push(`${JSON.stringify(name)}:${writeJson(field, one)}`);
    }
  }
  return `{${fields.join(",")}}`;
}

function writeEntries(entries: Iterable<readonly [unknown, unknown]>, type: JavaType | undefined): string {
  const written: string[] = [];
  for (const [key, value] of entries) {
    const text = type === undefined ? writeAny(value) : writeJson(type, value);
    written.push(`${JSON.stringify(String(key))}:${text}`);
  }
  return `{${written.join(",")}}`;
}

/** What has no declared type: the form follows from the value. */
function writeAny(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return String(value);
    case "number":
      return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "object":
      return value === null ? "null" : writeAnyObject(value);
    default:
      return "null";
  }
}

function writeAnyObject(value: object): string {
  if (value instanceof Date) return JSON.stringify(dateText(value));
  if (value instanceof Uint8Array) return `[${Array.from(value, (byte) => (byte << 24) >> 24).join(",")}]`;
  if (Array.isArray(value)) return `[${value.map(writeAny).join(",")}]`;
  if (value instanceof Set) return `[${Array.from(value as Set<unknown>, writeAny).join(",")}]`;
  if (value instanceof Error) return JSON.stringify(value.message);
  const { fields } = value as { fields?: unknown };
  const isJavaObject =
    typeof (value as { className?: unknown }).className === "string" && typeof fields === "object";
  return writeEntries(entriesOf(isJavaObject && fields !== null ? fields : value), undefined);
}

function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  return value instanceof Map ? (value as Map<unknown, unknown>) : Object.entries(value as object);
}

function dateText(date: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
