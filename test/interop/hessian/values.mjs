// Node's own seeded random values: of declared types, and of what java.any() takes.
import { JavaBigInteger, JavaDecimal, JavaObject } from "@dubbo-ts/hessian2";
import { RemoteException } from "@dubbo-ts/core";
import { typeNamed } from "../../../packages/hessian2/dist/test-support.js";

/** Numbers below 1 from a seed (mulberry32). */
export function seeded(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const types =
  `boolean, byte, short, int, long, float, double, char, string, bytes, date, decimal, bigInteger, localDate, localTime,
  localDateTime, Color, Tree, Everything, Floats, StockException,
  list string, list long, list float, list list double, list Everything, list Tree, list Integer,
  set string, set long, set date, list set int,
  map string long, map int string, map long double, map date any, map Color Everything,
  array boolean, array short, array int, array long, array float, array double,
  array string, array any, array date, array Color, array Tree, array Integer, array decimal,
  array array int, array array Tree, map string array string, list localDate, list bigInteger`.split(/,\s+/);

/** How many kinds of samples there are. */
export const kindCount = types.length + 1;

/** The sample of a number: `type` is undefined for what java.any() takes. */
export function sample(seed, index) {
  const random = seeded(seed * 1_000_003 + index);
  const name = types[index % kindCount];
  if (name === undefined) return { kind: "any", type: undefined, value: anyOf(random, 4) };
  const type = typeNamed(name);
  return { kind: name, type, value: valueOf(type, random, 3) };
}

const below = (random, limit) => Math.floor(random() * limit);
const pick = (random, choices) => choices[below(random, choices.length)];
const times = (count, make) => Array.from({ length: count }, make);

function valueOf(type, random, depth) {
  switch (type.kind) {
    case "nullable":
      return below(random, 3) === 0 ? null : valueOf(type.type, random, depth);
    case "lazy":
      return valueOf(type.resolve(), random, depth);
    case "boolean":
      return random() < 0.5;
    case "byte":
      return below(random, 256) - 128;
    case "short":
      return below(random, 65_536) - 32_768;
    case "int":
      return anInt(random);
    case "long":
      return aLong(random);
    case "float":
      return Math.fround(pick(random, [aDouble(random), below(random, 1_000) / 8, 0.1]));
    case "double":
      return aDouble(random);
    case "char":
      return String.fromCharCode(below(random, 65_536));
    case "string":
      return aString(random);
    case "bytes":
      return bytes(random);
    case "date":
      return aDate(random);
    case "decimal":
      return decimal(random);
    case "bigInteger":
      return (aLong(random) * aLong(random) * aLong(random)) >> BigInt(below(random, 150));
    case "localDate":
      return day(random);
    case "localTime":
      return time(random);
    case "localDateTime":
      return `${day(random)}T${time(random)}`;
    case "enum":
      return pick(random, type.names);
    case "any":
      return depth < 0 ? null : anyOf(random, depth - 2);
    case "list":
    case "array":
      return parts(random, depth, () => valueOf(type.element, random, depth - 1));
    case "set":
      return new Set(parts(random, depth, () => valueOf(type.element, random, depth - 1)));
    case "map": {
      const entry = () => [valueOf(type.key, random, 0), valueOf(type.value, random, depth - 1)];
      return new Map(parts(random, depth, entry));
    }
    case "throwable":
      return exception(type, random);
    case "object":
      return type.className.endsWith("Tree") ? tree(random, depth) : object(type, random, depth);
    default:
      throw new Error(type.kind);
  }
}

const parts = (random, depth, make) => times(depth < 0 ? 0 : below(random, depth > 1 ? 12 : 5), make);

function object(type, random, depth) {
  const fields = { ...type.parent?.fields, ...type.fields };
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, valueOf(field, random, depth - 1)]),
  );
}

function exception(type, random) {
  const cause =
    random() < 0.5 ? undefined : new RemoteException("java.lang.IllegalStateException", "inner", {});
  const message = random() < 0.2 ? null : aString(random);
  return new RemoteException(type.className, message, object(type, random, 1), { cause });
}

/** Knows its parent; some children stand in it twice. */
function tree(random, depth) {
  const root = { name: random() < 0.1 ? null : aString(random), parent: null, children: [] };
  for (let left = depth < 0 ? 0 : below(random, 4); left > 0; left--) {
    const child = tree(random, depth - 1);
    if (random() < 0.7) child.parent = root;
    root.children.push(child);
    if (random() < 0.2) root.children.push(child);
  }
  return root;
}

function anyOf(random, depth) {
  if (depth <= 0 || random() < 0.3) return scalar(random);
  const inner = () => anyOf(random, depth - 1);
  const made = pick(random, [
    () => parts(random, depth, inner),
    () => new Set(parts(random, depth, () => scalarKey(random))),
    () => new Map(parts(random, depth, () => [aString(random), inner()])),
    () => new Map(parts(random, depth, () => [anInt(random), inner()])),
    () => new Map(parts(random, depth, () => [new Date(below(random, 1e9) * 1_000), inner()])),
    () => Object.fromEntries(parts(random, depth, () => [`k${below(random, 99)}`, inner()])),
    () => new JavaObject("org.example.hessian.Tree", { name: aString(random), parent: null, children: [] }),
    () => Int32Array.from(times(below(random, 9), () => anInt(random))),
    () => Float64Array.from(times(below(random, 9), () => aDouble(random))),
    () => BigInt64Array.from(times(below(random, 9), () => aLong(random))),
    () => Int16Array.from(times(below(random, 9), () => anInt(random))),
    () => Float32Array.from(times(below(random, 9), () => aDouble(random))),
    () =>
      new RemoteException("org.example.hessian.StockException", aString(random), {
        articles: null,
        code: 7,
        reason: null,
      }),
    () => new Error(aString(random)),
    () => shared(inner()),
    () => circular(inner()),
  ])();
  return made;
}

const shared = (value) => [value, { value }, value];

function circular(value) {
  const list = [value];
  list.push(new Map([["self", list]]));
  return list;
}

const scalarKey = (random) => pick(random, [aString, anInt, (one) => aLong(one)])(random);

function scalar(random) {
  return pick(random, [
    () => null,
    () => random() < 0.5,
    () => anInt(random),
    () => aLong(random),
    () => finite(random),
    () => aString(random),
    () => aDate(random),
    () => bytes(random),
    () => new JavaDecimal(decimal(random)),
    () => new JavaBigInteger(aLong(random) * aLong(random)),
    () => new JavaObject("org.example.hessian.Color", { name: "GREEN" }),
  ])();
}

/** NaN is refused where java.any() is declared. */
function finite(random) {
  const value = aDouble(random);
  return Number.isNaN(value) ? 0.5 : value;
}

const intEdges = [0, -0x10, 0x2f, -0x800, 0x7ff, -0x40000, 0x3ffff, -0x8000_0000, 0x7fff_ffff];
const longEdges = [-8n, 15n, 1n << 53n, -(1n << 53n), 1n << 32n, -(1n << 63n), (1n << 63n) - 1n];

function anInt(random) {
  if (random() < 0.5) return (random() * 0x1_0000_0000) | 0;
  return (pick(random, intEdges) + below(random, 3) - 1) | 0;
}

function aLong(random) {
  if (random() < 0.3) return BigInt(anInt(random));
  if (random() < 0.5) return BigInt.asIntN(64, pick(random, longEdges) + BigInt(below(random, 3)) - 1n);
  const high = BigInt(anInt(random)) << 32n;
  return BigInt.asIntN(64, high + BigInt((random() * 0x1_0000_0000) >>> 0)) >> BigInt(below(random, 60));
}

const doubles = [
  0,
  -0,
  NaN,
  Infinity,
  -Infinity,
  5e-324,
  Number.MAX_VALUE,
  2 ** 53,
  2 ** 63,
  1e21,
  0.1,
  -(2 ** 31),
];

function aDouble(random) {
  return pick(random, [
    () => pick(random, doubles),
    () => anInt(random),
    () => anInt(random) / 1_000,
    () => (below(random, 256) - 128) * pick(random, [1, 256]),
    () => (random() - 0.5) * 10 ** (below(random, 600) - 300),
  ])();
}

const lengths = [0, 1, 3, 7, 15, 30, 31, 32, 255, 1_022, 1_023, 1_024];
const chunks = [0x7fff, 0x8000, 0x8001, 0xffff, 0x1_0000, 0x1_0001];

function aString(random) {
  const length =
    random() < 0.003 ? pick(random, chunks) : random() < 0.1 ? pick(random, lengths) : below(random, 12);
  const unit = pick(random, [
    () => String.fromCharCode(0x20 + below(random, 0x5f)),
    () => String.fromCharCode(random() < 0.5 ? 0x80 + below(random, 0x700) : 0x4e00 + below(random, 0x5000)),
    () => String.fromCodePoint(0x1f300 + below(random, 0x300)),
    () => String.fromCharCode(below(random, 0x1_0000)), // lone surrogates too
  ]);
  return times(length, unit).join("").slice(0, length);
}

function bytes(random) {
  const edges = [15, 16, 1_023, 1_024, 4_092, 4_093, 4_094, 8_186, 8_187, 0x8000];
  const length = random() < 0.02 ? pick(random, edges) : below(random, 40);
  return Buffer.from(times(length, () => below(random, 256)));
}

function aDate(random) {
  const ms = pick(random, [0, -1, 1, -62_135_769_600_000, 253_402_300_799_999, 8.64e15, -8.64e15]);
  if (random() < 0.3) return new Date(ms);
  return new Date(anInt(random) * pick(random, [1, 1_000, 60_000]));
}

function decimal(random) {
  const digits = `${aLong(random)}`;
  if (random() < 0.2)
    return `${1 + below(random, 9)}.${below(random, 1e6) + 1_000_000}E+${below(random, 30) + 40}`;
  return `${digits === "-0" ? "0" : digits}.${times(1 + below(random, 20), () => below(random, 10)).join("")}`;
}

const two = (part) => String(part).padStart(2, "0");

function day(random) {
  const date = new Date(below(random, 4e12) - 1e12);
  return date.toISOString().slice(0, 10);
}

function time(random) {
  const fraction = pick(random, ["", ".5", ".001", ".999999999", ".000000001"]);
  return `${two(below(random, 24))}:${two(below(random, 60))}:${two(below(random, 60))}${fraction}`;
}
