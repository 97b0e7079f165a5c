import { RemoteException } from "@dubbo-ts/core";
import { fieldReader, fieldsOf, isRecord } from "./fields.js";
import type { JavaType, ListNode, MapNode, ThrowableNode } from "./java-type.js";
import { isRemoteException } from "./remote-exception.js";

/** The copies made so far, so that what is shared, or contains itself, is so in the copy too. */
type Copies = Map<object, unknown>;

type Copy = (value: unknown, copies: Copies) => unknown;

const compiled = new WeakMap<JavaType, Copy>();

/**
 * A copy of `value` that shares nothing changeable with it: what a peer would read had it travelled. Objects keep
 * their declared fields only, a field left out is null, a long is what its type says, bytes are a Buffer.
 *
 * @param value fits `type`, see `checkArguments`; null is null in any type.
 */
export function copyValue<T>(type: JavaType<T>, value: T): T {
  return copierOf(type)(value, new Map()) as T;
}

/** The copies of a call's arguments: what two of them share, their copies share. */
export function copyValues(types: readonly JavaType[], values: readonly unknown[]): unknown[] {
  const copies: Copies = new Map();
  return values.map((value, index) => {
    const type = types[index];
    return type === undefined ? value : copierOf(type)(value, copies);
  });
}

function copierOf(type: JavaType): Copy {
  let copier = compiled.get(type);
  if (copier === undefined) {
    const copy = compile(type);
    copier = (value, copies) => (value === null || value === undefined ? null : copy(value, copies));
    compiled.set(type, type.kind === "void" ? copy : copier);
  }
  return copier;
}

function compile(type: JavaType): Copy {
  switch (type.kind) {
    case "nullable":
      return copierOf(type.type);
    case "lazy":
      return (value, copies) => copierOf(type.resolve())(value, copies);
    case "transform": {
      const copy = copierOf(type.type);
      return (value, copies) => type.decode(copy(type.encode(value), copies));
    }
    case "long":
      return type.as === "bigint" ? (value) => BigInt(value as bigint | number) : Number;
    case "float":
      return (value) => Math.fround(value as number);
    case "void":
      return () => undefined;
    case "list":
    case "array":
      return listCopier(type);
    case "set":
      return setCopier(type);
    case "map":
      return mapCopier(type);
    case "object":
      return objectCopier(fieldsOf(type));
    case "throwable":
      return throwableCopier(type);
    case "message":
      return (value) => type.decode(type.encode(value));
    case "any":
    case "date":
    case "bytes":
      return copyAny;
    default:
      return (value) => value;
  }
}

function remember<C>(value: unknown, copies: Copies, copy: C): C {
  copies.set(value as object, copy);
  return copy;
}

// A copy that exists is used again; `fill` runs after the empty copy is known, so that cycles end.
function container<C>(make: () => C, fill: (copy: C, value: unknown, copies: Copies) => void): Copy {
  return (value, copies) => {
    const known = copies.get(value as object);
    if (known !== undefined) return known;
    const copy = remember(value, copies, make());
    fill(copy, value, copies);
    return copy;
  };
}

function listCopier({ element }: ListNode): Copy {
  const copyElement = copierOf(element);
  return container(
    (): unknown[] => [],
    (copy, value, copies) => {
      for (const one of value as unknown[]) copy.push(copyElement(one, copies));
    },
  );
}

function setCopier({ element }: ListNode): Copy {
  const copyElement = copierOf(element);
  return container(
    () => new Set<unknown>(),
    (copy, value, copies) => {
      for (const one of value as Set<unknown>) copy.add(copyElement(one, copies));
    },
  );
}

function mapCopier({ key, value: entry }: MapNode): Copy {
  const copyKey = copierOf(key);
  const copyEntry = copierOf(entry);
  return container(
    () => new Map<unknown, unknown>(),
    (copy, value, copies) => {
      const entries =
        value instanceof Map ? (value as Map<unknown, unknown>) : Object.entries(value as object);
      for (const [one, other] of entries) copy.set(copyKey(one, copies), copyEntry(other, copies));
    },
  );
}

function objectCopier(fields: ReadonlyMap<string, JavaType>): Copy {
  const plan = [...fields].map(([name, type]) => ({ name, read: fieldReader(name), copy: copierOf(type) }));
  return container(
    (): Record<string, unknown> => ({}),
    (target, value, copies) => {
      for (const { name, read, copy } of plan)
        target[name] = copy(read(value as Record<string, unknown>), copies);
    },
  );
}

function throwableCopier({ className, fields }: ThrowableNode): Copy {
  const copyFields = objectCopier(new Map(Object.entries(fields)));
  return (value, copies) => {
    const { detail, fields: values, cause } = value as RemoteException;
    return new RemoteException(
      className,
      detail,
      copyFields(values, copies) as Record<string, unknown>,
      cause === undefined ? undefined : { cause },
    );
  };
}

// What is declared `any` keeps its kind: maps are maps, plain objects plain objects.
function copyAny(value: unknown, copies: Copies): unknown {
  if (typeof value !== "object" || value === null) return value === undefined ? null : value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) return copyAnyList(value, copies);
  if (value instanceof Set) return copyAnySet(value, copies);
  if (value instanceof Map) return copyAnyMap(value, copies);
  if (value instanceof Date) return remember(value, copies, new Date(value.getTime()));
  if (value instanceof Uint8Array) return remember(value, copies, Buffer.from(value));
  if (isRemoteException(value) || !isRecord(value)) return value;
  return copyRecord(value, copies);
}

const copyAnyList = container(
  (): unknown[] => [],
  (copy, value, copies) => {
    for (const one of value as unknown[]) copy.push(copyAny(one, copies));
  },
);

const copyAnySet = container(
  () => new Set<unknown>(),
  (copy, value, copies) => {
    for (const one of value as Set<unknown>) copy.add(copyAny(one, copies));
  },
);

const copyAnyMap = container(
  () => new Map<unknown, unknown>(),
  (copy, value, copies) => {
    for (const [key, entry] of value as Map<unknown, unknown>)
      copy.set(copyAny(key, copies), copyAny(entry, copies));
  },
);

// Defined, not assigned: `__proto__` is a key like any other.
const copyRecord = container(
  (): Record<string, unknown> => ({}),
  (copy, value, copies) => {
    for (const [key, entry] of Object.entries(value as object))
      Object.defineProperty(copy, key, {
        value: copyAny(entry, copies),
        enumerable: true,
        writable: true,
        configurable: true,
      });
  },
);
