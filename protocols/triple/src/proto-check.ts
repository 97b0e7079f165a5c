import protobuf from "protobufjs";

/** What is wrong with a value, and where in it. */
export interface Misfit {
  readonly path: string;
  readonly why: string;
}

/** As deep as protobufjs goes. */
const maxDepth = 100;

/**
 * Checks a value that the program made, where protobufjs would convert what does not fit (`"abc"` to 0) or leave out
 * what it does not know. Fields that are undefined or null are not sent.
 */
export function problemIn(type: protobuf.Type, value: unknown, depth = 0): Misfit | undefined {
  const fields = recordOf(value);
  if (fields === undefined) return misfit(type.fullName.slice(1), value);
  if (depth > maxDepth) return { path: "", why: `nested deeper than ${maxDepth} levels` };
  for (const key in fields) {
    if (fields[key] === undefined || fields[key] === null || !Object.hasOwn(fields, key)) continue;
    const field = Object.hasOwn(type.fields, key) ? type.fields[key] : undefined;
    if (field === undefined) return unknownField(type, key);
    const found = fieldProblem(field.resolve(), fields[key], depth);
    if (found !== undefined) return { path: `.${key}${found.path}`, why: found.why };
  }
  return twoOfOne(type, fields);
}

function unknownField(type: protobuf.Type, key: string): Misfit {
  const known = Object.keys(type.fields).join(", ") || "none";
  return { path: `.${key}`, why: `unknown field, ${type.fullName.slice(1)} has ${known}` };
}

function twoOfOne(type: protobuf.Type, fields: Readonly<Record<string, unknown>>): Misfit | undefined {
  for (const { name, fieldsArray } of type.oneofsArray) {
    const set = fieldsArray.filter(
      (field) => fields[field.name] !== undefined && fields[field.name] !== null,
    );
    const [first, second] = set;
    if (second !== undefined)
      return { path: `.${second.name}`, why: `oneof ${name} has ${first?.name} already` };
  }
  return undefined;
}

function fieldProblem(field: protobuf.Field, value: unknown, depth: number): Misfit | undefined {
  if (field.map) return mapProblem(field, value, depth);
  if (!field.repeated) return valueProblem(field, value, depth);
  if (!Array.isArray(value)) return misfit("array", value);
  for (const [index, one] of value.entries()) {
    const found = valueProblem(field, one, depth);
    if (found !== undefined) return { path: `[${index}]${found.path}`, why: found.why };
  }
  return undefined;
}

function mapProblem(field: protobuf.Field, value: unknown, depth: number): Misfit | undefined {
  const entries = recordOf(value);
  if (entries === undefined) return misfit("object as map", value);
  for (const [key, entry] of Object.entries(entries)) {
    const found = valueProblem(field, entry, depth);
    if (found !== undefined) return { path: `[${JSON.stringify(key)}]${found.path}`, why: found.why };
  }
  return undefined;
}

function valueProblem(field: protobuf.Field, value: unknown, depth: number): Misfit | undefined {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) return problemIn(resolvedType, value, depth + 1);
  if (resolvedType instanceof protobuf.Enum) return enumProblem(resolvedType, value);
  return fitsScalar(field.type, value) ? undefined : misfit(field.type, value);
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
