import { anyCheck } from "./any-check.js";
import { type Check, problem, type Problem, under, walkInto } from "./check.js";
import { listCheck, mapCheck, setCheck } from "./collection-checks.js";
import { fieldReader, fieldsOf, isRecord } from "./fields.js";
import type { JavaType, ThrowableNode, TransformNode } from "./java-type.js";
import { isRemoteException } from "./remote-exception.js";
import { enumCheck, scalarChecks } from "./scalar-checks.js";

/**
 * `sent`: by our own program, whose mistakes are told, a mistyped field name too. `received`: by a peer whose
 * classes may be older or newer: unknown fields and fields without a value are let through, as Java does.
 */
export type Side = "sent" | "received";

const compiled: Readonly<Record<Side, WeakMap<JavaType, Check>>> = {
  sent: new WeakMap(),
  received: new WeakMap(),
};

/** The check of `type`, compiled once. */
export function checkOf(type: JavaType, side: Side): Check {
  const known = compiled[side].get(type);
  if (known !== undefined) return known;
  const check = compile(type, side);
  compiled[side].set(type, check);
  return check;
}

function compile(type: JavaType, side: Side): Check {
  switch (type.kind) {
    case "nullable":
      return optional(checkOf(type.type, side));
    case "lazy":
      return (value, walk) => walkInto(value, walk, type, () => checkOf(type.resolve(), side));
    case "transform":
      return side === "sent" ? mapped(type, checkOf(type.type, side)) : unchecked;
    case "list":
    case "array":
      return listCheck(type, checkOf(type.element, side));
    case "set":
      return setCheck(type, checkOf(type.element, side));
    case "map":
      return mapCheck(type, checkOf(type.key, side), checkOf(type.value, side));
    case "object":
      return objectCheck(type.className, fieldsOf(type), side);
    case "throwable":
      return throwableCheck(type, side);
    case "enum":
      return enumCheck(type.names);
    case "message":
      // What a peer sent was decoded by the message's own codec: it has the right shape.
      return side === "sent" ? (value) => found(type.problemIn(value)) : unchecked;
    case "any":
      return anyCheck;
    default:
      return scalarChecks[type.kind] ?? unchecked;
  }
}

// Of void, whatever a method returns is dropped; what a peer's value was transformed to is the program's own.
const unchecked: Check = () => undefined;

function found(wrong: { readonly path: string; readonly why: string } | undefined): Problem | undefined {
  return wrong === undefined ? undefined : { path: wrong.path, why: wrong.why };
}

function optional(check: Check): Check {
  return (value, walk) => (value === null || value === undefined ? undefined : check(value, walk));
}

function mapped(type: TransformNode, check: Check): Check {
  return (value, walk) => {
    let encoded: unknown;
    try {
      encoded = type.encode(value);
    } catch (error) {
      return {
        path: "",
        why: `cannot be encoded: ${error instanceof Error ? error.message : "unknown error"}`,
      };
    }
    return check(encoded, walk);
  };
}

function objectCheck(className: string, fields: ReadonlyMap<string, JavaType>, side: Side): Check {
  const plan = [...fields].map(([name, type]) => ({
    name,
    read: fieldReader(name),
    check: fieldCheck(type, side),
  }));
  const known = { inOrder: [...fields.keys()], names: new Set(fields.keys()) };
  return (value, walk) => {
    if (!isRecord(value)) return problem(className, value);
    for (const { name, read, check } of plan) {
      const found = check(read(value), walk);
      if (found !== undefined) return under(`.${name}`, found);
    }
    return side === "sent" ? unknownField(className, known, value) : undefined;
  };
}

function fieldCheck(type: JavaType, side: Side): Check {
  const check = checkOf(type, side);
  return side === "received" ? optional(check) : check;
}

function unknownField(
  className: string,
  { inOrder, names }: { readonly inOrder: readonly string[]; readonly names: ReadonlySet<string> },
  value: Record<string, unknown>,
): Problem | undefined {
  // Most objects have their fields in the order of the definition: then nothing is looked up.
  let at = 0;
  for (const key in value) {
    if (key === inOrder[at++] || names.has(key)) continue;
    if (Object.hasOwn(value, key) && value[key] !== undefined)
      return { path: `.${key}`, why: `unknown field, ${className} has ${inOrder.join(", ") || "none"}` };
  }
  return undefined;
}

function throwableCheck({ className, fields }: ThrowableNode, side: Side): Check {
  const check = objectCheck(className, new Map(Object.entries(fields)), side);
  return (value, walk) => {
    if (!isRemoteException(value)) return problem(`RemoteException of ${className}`, value);
    const found = check(value.fields, walk);
    return found === undefined ? undefined : under(".fields", found);
  };
}
