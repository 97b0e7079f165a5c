import { java, type JavaType } from "@dubbo-ts/rpc";
import fc from "fast-check";
import { HessianReader } from "./hessian-reader.js";
import { HessianWriter } from "./hessian-writer.js";
import { JavaDecimal, JavaObject } from "./java-object.js";
// @ts-expect-error hessian.js has no types
import hessian from "hessian.js";

const peer = hessian as {
  encode(value: unknown, version: "2.0"): Buffer;
  decode(bytes: Buffer, version: "2.0"): unknown;
};

/** A type and values of it. */
interface Sample {
  readonly type: JavaType;
  readonly values: fc.Arbitrary<unknown>;
}

const text = fc.string({ unit: "binary", maxLength: 60 });
const int = fc.integer();
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const finite = fc.double({ noNaN: true });

const scalars: readonly Sample[] = [
  { type: java.boolean(), values: fc.boolean() },
  { type: java.byte(), values: fc.integer({ min: -128, max: 127 }) },
  { type: java.short(), values: fc.integer({ min: -32_768, max: 32_767 }) },
  { type: java.int(), values: int },
  { type: java.long(), values: long },
  { type: java.long({ as: "number" }), values: fc.maxSafeInteger() },
  { type: java.float(), values: fc.float() },
  { type: java.double(), values: fc.double() },
  { type: java.char(), values: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)) },
  { type: java.string(), values: fc.oneof(text, fc.string({ maxLength: 100 })) },
  { type: java.bytes(), values: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)) },
  { type: java.date(), values: fc.date({ noInvalidDate: true }) },
  {
    type: java.decimal(),
    values: fc.tuple(fc.bigInt(), fc.nat({ max: 999 })).map(([whole, cents]) => `${whole}.${cents}`),
  },
  { type: java.bigInteger(), values: fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }) },
  { type: java.enum("a.Kind", ["A", "B", "C"]), values: fc.constantFrom("A", "B", "C") },
  {
    type: java.localDate(),
    values: fc
      .date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10)),
  },
  {
    type: java.localTime(),
    values: fc
      .tuple(fc.nat({ max: 23 }), fc.nat({ max: 59 }), fc.nat({ max: 59 }), fc.integer({ min: 1, max: 9 }))
      .map(
        ([hour, minute, second, digit]) =>
          `${pad(hour)}:${pad(minute)}:${pad(second)}.${"0".repeat(digit % 8)}${digit}`,
      ),
  },
];

function pad(part: number): string {
  return String(part).padStart(2, "0");
}

/** Types of some depth with values. Names of fields are distinct, order and number are not. */
const samples: fc.Arbitrary<Sample> = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(...scalars),
    tie("sample").map(({ type, values }) => ({ type: type.nullable(), values: fc.option(values) })),
    tie("sample").map(({ type, values }) => ({
      type: java.list(type),
      values: fc.array(values, { maxLength: 9 }),
    })),
    tie("sample").map(({ type, values }) => ({
      type: java.array(type),
      values: fc.array(values, { maxLength: 9 }),
    })),
    fc.constantFrom(...scalars).map(({ type, values }) => ({
      type: java.set(type),
      values: fc.array(values, { maxLength: 5 }).map((list) => new Set(list)),
    })),
    tie("sample").map(({ type, values }) => ({
      type: java.map(java.string(), type),
      values: fc.array(fc.tuple(text, values), { maxLength: 5 }).map((list) => new Map(list)),
    })),
    fc.array(tie("sample"), { maxLength: 6 }).map(objectOf),
  ),
})).sample;

let classes = 0;

function objectOf(parts: readonly Sample[]): Sample {
  const named = parts.map((part, index) => [`f${index}`, part] as const);
  return {
    type: java.object(
      `a.Class${classes++}`,
      Object.fromEntries(named.map(([name, { type }]) => [name, type])),
    ),
    values: fc.record(Object.fromEntries(named.map(([name, { values }]) => [name, values])), {
      noNullPrototype: true,
    }),
  };
}

const typedValues = samples.chain(({ type, values }) => values.map((value) => ({ type, value })));

describe("random values", () => {
  test("of random types come back", () => {
    const writer = new HessianWriter();
    fc.assert(
      fc.property(typedValues, ({ type, value }) => {
        writer.reset();
        writer.write(type, value);
        writer.writeInt(7);
        const reader = new HessianReader(writer.finish());
        expect(reader.read(type)).toEqual(value);
        expect(reader.readInt()).toBe(7);
      }),
      { numRuns: 2000, seed: 42 },
    );
  });

  test("of random types can be read by who does not know them, and skipped", () => {
    const writer = new HessianWriter();
    fc.assert(
      fc.property(typedValues, ({ type, value }) => {
        writer.reset();
        writer.write(type, value);
        writer.writeInt(7);
        const bytes = writer.finish();
        const skipping = new HessianReader(bytes);
        skipping.read(java.void());
        expect(skipping.readInt()).toBe(7);
        const reader = new HessianReader(bytes);
        const again = new HessianWriter();
        again.writeAny(reader.readAny());
        expect(reader.readInt()).toBe(7);
      }),
      { numRuns: 1000, seed: 43 },
    );
  });

  const plain: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      int,
      long,
      finite.filter((value) => !Number.isInteger(value)),
      text,
      fc.date({ noInvalidDate: true }),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      fc.array(tie("value"), { maxLength: 9 }),
      fc.dictionary(text, tie("value"), { maxKeys: 5, noNullPrototype: false }),
      fc.constant(new JavaDecimal("1.50")),
      fc
        .dictionary(fc.constantFrom("a", "b", "c"), tie("value"))
        .map((fields) => new JavaObject("a.O", fields)),
    ),
  })).value;

  test("without a declared type come back", () => {
    const writer = new HessianWriter();
    fc.assert(
      fc.property(plain, (value) => {
        writer.reset();
        writer.writeAny(value);
        expect(new HessianReader(writer.finish()).readAny()).toEqual(value);
      }),
      { numRuns: 2000, seed: 44 },
    );
  });

  // Where hessian.js is right: keys sorted, no bigints, no surrogates in keys, whole doubles are ints.
  const common: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constant(null),
      fc.boolean(),
      int,
      fc.maxSafeInteger(),
      finite.filter((value) => !Number.isInteger(value)),
      text,
      fc.date({ noInvalidDate: true }),
      fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
      fc.array(tie("value"), { maxLength: 9 }),
      fc
        .dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("value"), { maxKeys: 5 })
        .map((record) => Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))),
    ),
  })).value;

  test("are written to the bytes of hessian.js where that is right", () => {
    const writer = new HessianWriter();
    fc.assert(
      fc.property(common, (value) => {
        writer.reset();
        writer.writeAny(value);
        expect(writer.finish().toString("hex")).toBe(peer.encode(value, "2.0").toString("hex"));
      }),
      { numRuns: 1000, seed: 45 },
    );
  });

  test("objects of a declared class are read by hessian.js", () => {
    const type = java.object("a.O", { id: java.int(), name: java.string(), tags: java.list(java.string()) });
    const values = fc.record(
      { id: int, name: text, tags: fc.array(text, { maxLength: 9 }) },
      { noNullPrototype: true },
    );
    const writer = new HessianWriter();
    fc.assert(
      fc.property(values, (value) => {
        writer.reset();
        writer.write(type, value);
        expect(peer.decode(writer.finish(), "2.0")).toEqual(value);
      }),
      { numRuns: 500, seed: 46 },
    );
  });
});
