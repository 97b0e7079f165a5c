import protobuf from "protobufjs";

/** What is wrong with a value, and where in it. */
export interface Misfit {
  readonly path: string;
  readonly why: string;
}

/** As deep as protobufjs goes. */
const maxDepth = 100;

/** What is wrong with a value of one type, `depth` levels within the message. */
type ValueCheck = (value: unknown, depth: number) => Misfit | undefined;

/** How the messages of one type are checked. */
interface MessageCheck {
  readonly fields: ReadonlyMap<string, ValueCheck>;
  readonly oneofs: readonly protobuf.OneOf[];
}

/** Made once for each type, since every message of every call is checked. */
const checks = new WeakMap<protobuf.Type, MessageCheck>();

/**
 * Checks a value that the program made, where protobufjs would convert what does not fit (`"abc"` to 0) or leave out
 * what it does not know. Fields that are undefined or null are not sent.
 */
export function problemIn(type: protobuf.Type, value: unknown, depth = 0): Misfit | undefined {
  const message = recordOf(value);
  if (message === undefined) return misfit(type.fullName.slice(1), value);
  if (depth > maxDepth) return { path: "", why: `nested deeper than ${maxDepth} levels` };
  const { fields, oneofs } = checkOf(type);
  for (const key in message) {
    const field = message[key];
    if (field === undefined || field === null) continue;
    const check = fields.get(key);
    const found = check === undefined ? unknownField(type) : check(field, depth);
    if (found !== undefined && Object.hasOwn(message, key))
      return { path: `.${key}${found.path}`, why: found.why };
  }
  return oneofs.length === 0 ? undefined : twoOfOne(oneofs, message);
}

function checkOf(type: protobuf.Type): MessageCheck {
  let check = checks.get(type);
  if (check === undefined) {
    const fields = new Map(type.fieldsArray.map((field) => [field.name, fieldCheck(field.resolve())]));
    check = { fields, oneofs: type.oneofsArray };
    checks.set(type, check);
  }
  return check;
}

function unknownField(type: protobuf.Type): Misfit {
  const known = Object.keys(type.fields).join(", ") || "none";
  return { path: "", why: `unknown field, ${type.fullName.slice(1)} has ${known}` };
}

function twoOfOne(
  oneofs: readonly protobuf.OneOf[],
  fields: Readonly<Record<string, unknown>>,
): Misfit | undefined {
  for (const { name, fieldsArray } of oneofs) {
    const set = fieldsArray.filter(
      (field) => fields[field.name] !== undefined && fields[field.name] !== null,
    );
    const [first, second] = set;
    if (second !== undefined)
      return { path: `.${second.name}`, why: `oneof ${name} has ${first?.name} already` };
  }
  return undefined;
}

function fieldCheck(field: protobuf.Field): ValueCheck {
  const check = valueCheck(field);
  if (field.map) return (value, depth) => mapProblem(check, value, depth);
  return field.repeated ? (value, depth) => listProblem(check, value, depth) : check;
}

function listProblem(check: ValueCheck, values: unknown, depth: number): Misfit | undefined {
  if (!Array.isArray(values)) return misfit("array", values);
  for (let index = 0; index < values.length; index += 1) {
    const found = check(values[index], depth);
    if (found !== undefined) return { path: `[${index}]${found.path}`, why: found.why };
  }
  return undefined;
}

function mapProblem(check: ValueCheck, value: unknown, depth: number): Misfit | undefined {
  const entries = recordOf(value);
  if (entries === undefined) return misfit("object as map", value);
  for (const [key, entry] of Object.entries(entries)) {
    const found = check(entry, depth);
    if (found !== undefined) return { path: `[${JSON.stringify(key)}]${found.path}`, why: found.why };
  }
  return undefined;
}

function valueCheck({ type, resolvedType }: protobuf.Field): ValueCheck {
  if (resolvedType instanceof protobuf.Type)
    return (value, depth) => problemIn(resolvedType, value, depth + 1);
  if (resolvedType instanceof protobuf.Enum) return (value) => enumProblem(resolvedType, value);
  return (value) => (fitsScalar(type, value) ? undefined : misfit(type, value));
}

function enumProblem({ values }: protobuf.Enum, value: unknown): Misfit | undefined {
  // proto3's enums are open: another peer may have a constant more.
  if (isInteger(value, -(2 ** 31), 2 ** 31 - 1)) return undefined;
  if (typeof value === "string" && Object.hasOwn(values, value)) return undefined;
  return misfit(`one of ${Object.keys(values).slice(0, 20).join(", ")}`, value);
}

function fitsScalar(type: string, value: unknown): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "bool":
      return typeof value === "boolean";
    case "bytes":
      return value instanceof Uint8Array;
    case "double":
    case "float":
      return typeof value === "number";
    case "uint32":
    case "fixed32":
      return isInteger(value, 0, 2 ** 32 - 1);
    case "uint64":
    case "fixed64":
      return typeof value === "bigint"
        ? BigInt.asUintN(64, value) === value
        : isInteger(value, 0, Number.MAX_SAFE_INTEGER);
    case "int64":
    case "sint64":
    case "sfixed64":
      return typeof value === "bigint" ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value);
    default:
      return isInteger(value, -(2 ** 31), 2 ** 31 - 1);
  }
}

function isInteger(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  if (Object.getPrototypeOf(value) === Object.prototype) return value as Readonly<Record<string, unknown>>; // mostly
  if (value instanceof Uint8Array || value instanceof Date || value instanceof Map || value instanceof Set)
    return undefined;
  return value as Readonly<Record<string, unknown>>;
}

function misfit(expected: string, value: unknown): Misfit {
  const kind = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const shown = kind === "string" ? JSON.stringify(String(value).slice(0, 60)) : undefined;
  const text = kind === "number" || kind === "boolean" ? `${kind} ${String(value)}` : (shown ?? kind);
  return { path: "", why: `expected ${expected}, got ${text}` };
}
