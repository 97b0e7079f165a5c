import { hasCode } from "@dubbo-ts/core";
import { java, type JavaType, lazy } from "@dubbo-ts/rpc";
import fc from "fast-check";
import { HessianReader } from "./hessian-reader.js";
import { HessianWriter } from "./hessian-writer.js";
import { JavaDecimal, JavaObject } from "./java-object.js";

/** `FUZZ_BODIES=1000000 FUZZ_SEED=1 npx jest packages/hessian2/src/hostile` is the long run. */
const bodyCount = Number(process.env["FUZZ_BODIES"] ?? 20_000);
const seed = Number(process.env["FUZZ_SEED"] ?? 20_240_229);

interface Part {
  name: string;
  sub?: Part | null;
}
const Part: JavaType<Part> = java.object("a.Part", { name: java.string(), sub: lazy(() => Part).nullable() });

const Order = java.object("a.Order", {
  id: java.long(),
  total: java.decimal(),
  day: java.localDateTime(),
  parts: java.list(Part),
  by: java.map(java.string(), java.any()),
  tags: java.set(java.string()),
  raw: java.bytes(),
  kind: java.enum("a.Kind", ["A", "B"]),
  numbers: java.array(java.int()),
  price: java.double(),
  sum: java.bigInteger(),
  at: java.date(),
});

const part: Part = { name: "p", sub: { name: "süb€", sub: null } };
const order = {
  id: 5n,
  total: "12.50",
  day: "2024-02-29T10:20:30.5",
  parts: [part, part],
  by: new Map<string, unknown>([
    ["x", [1, 2n, "😀", new JavaDecimal("1")]],
    ["y", new JavaObject("a.Other", { a: { b: 1 } })],
  ]),
  tags: new Set(["t"]),
  raw: Buffer.alloc(40, 1),
  kind: "A",
  numbers: [1, 2, 3],
  price: 12.25,
  sum: 2n ** 70n,
  at: new Date(1),
};

function orderBytes(): Buffer {
  const writer = new HessianWriter();
  writer.write(Order, order);
  writer.writeThrowable(new Error("e", { cause: new Error("c") }));
  writer.writeStringMap([["k", "v".repeat(50)]]);
  return writer.finish();
}

/** Everything one may read from a body; undefined, or what was thrown. */
function readAll(bytes: Buffer, typed: boolean): unknown {
  const reader = new HessianReader(bytes);
  try {
    if (typed) reader.read(Order);
    else reader.readAny();
    reader.readThrowable();
    reader.readStringMap();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Reads what is hostile: nothing but a DECODE_FAILED may come of it, and that soon. */
function expectRefused(bytes: Buffer, maxMs = 50): void {
  for (const read of [
    (r: HessianReader) => r.readAny(),
    (r: HessianReader) => r.read(Order),
    (r: HessianReader) => r.readStringMap(),
  ]) {
    const [thrown, tookMs] = timed(() => {
      try {
        return read(new HessianReader(bytes));
      } catch (error) {
        return error;
      }
    }, maxMs);
    expect(thrown).toMatchObject({ code: "DECODE_FAILED" });
    expect(tookMs).toBeLessThan(maxMs);
  }
}

/** The result, and how long it took in time or in CPU: when that is long, the best of ten, since the machine may be busy. */
function timed<T>(run: () => T, enoughMs = 50): [T, number] {
  let best = Infinity;
  for (let tries = 0; ; tries += 1) {
    const [start, cpu] = [performance.now(), process.cpuUsage()];
    const result = run();
    const { user, system } = process.cpuUsage(cpu);
    best = Math.min(best, performance.now() - start, (user + system) / 1_000);
    if (best < enoughMs || tries === 9) return [result, best];
  }
}

describe("hostile bodies", () => {
  test("what was written is read", () => {
    expect(readAll(orderBytes(), true)).toBeUndefined();
    expect(readAll(orderBytes(), false)).toBeUndefined();
    expect(new HessianReader(orderBytes()).read(Order)).toEqual(order);
  });

  test("a body that is cut off anywhere is refused", () => {
    const bytes = orderBytes();
    for (let end = 0; end < bytes.length; end++)
      for (const typed of [true, false])
        expect(readAll(bytes.subarray(0, end), typed)).toMatchObject({ code: "DECODE_FAILED" });
  });

  test(
    "mutated bodies give a value or a DECODE_FAILED, in bounded time and memory",
    () => {
      const bytes = orderBytes();
      const place = fc.nat({ max: bytes.length - 1 });
      const change = fc.record({
        at: place,
        byte: fc.nat({ max: 255 }),
        cut: fc.nat({ max: 3 }),
        repeat: fc.nat({ max: 3 }),
      });
      const wrong: unknown[] = [];
      let slowest = 0;
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, typed) => {
          let mutated = Buffer.from(bytes);
          for (const { at, byte, cut, repeat } of changes) {
            mutated[at % mutated.length] = byte;
            const middle = mutated.subarray(at + cut, at + cut + 8);
            const again = Array.from({ length: repeat }, () => middle);
            mutated = Buffer.concat([mutated.subarray(0, at), ...again, mutated.subarray(at + cut)]);
          }
          const [error, tookMs] = timed(() => readAll(mutated, typed));
          slowest = Math.max(slowest, tookMs);
          if (error !== undefined && !hasCode(error, "DECODE_FAILED")) wrong.push(error);
        }),
        { numRuns: bodyCount, seed },
      );
      expect(wrong).toEqual([]);
      expect(slowest).toBeLessThan(200); // a body takes 20 microseconds, a collection of garbage a thousand times that
      expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
    },
    60_000 + bodyCount,
  );

  test("random bytes give a value or a DECODE_FAILED", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, typed) => {
        const error = readAll(Buffer.from(bytes), typed);
        return error === undefined || hasCode(error, "DECODE_FAILED");
      }),
      { numRuns: 5000, seed: 1 },
    );
  });

  const name = "0161";
  test.each([
    ["a list of 2^31 - 1", "58497fffffff90"],
    ["a typed list of 2^31 - 1", "56035b696e74497fffffff90"],
    ["a negative length", "5849ffffffff90"],
    ["100,000 nested lists", "79".repeat(100_000)],
    ["100,000 nested maps", `48${name}`.repeat(100_000)],
    ["100,000 nested objects", `43${name}91${name}60${"60".repeat(100_000)}`],
    ["a class with 1,000,000 fields", `43${name}49000f4240${"0161".repeat(1_000_000)}`],
    ["a class with 2^31 - 1 fields", `43${name}497fffffff`],
    ["a class with fewer than no fields", `43${name}8f60`],
    ["a class with a number for its name", "439190"],
    ["definitions without end", `43${name}90`.repeat(100_000)],
    ["an object of no class", "4f497fffffff"],
    ["an object of class -1", "4f8f"],
    ["a string of empty pieces", "520000".repeat(100_000)],
    ["a string of pieces without end", `520001${"61"}`.repeat(100_000)],
    ["a binary of empty pieces", "410000".repeat(100_000)],
    ["a reference to nothing", "5190"],
    ["a reference to -1", "518f"],
    ["a type that is not there", "7190"],
    ["a string for a length", "580161"],
    ["a map without end", `48${"9090".repeat(1000)}`],
    ["a map with a key alone", "48905a"],
    ["an end that ends nothing", "5a"],
    ["bytes that start nothing", "4040"],
    ["text with a wrong continuation", "02c3c3"],
    ["text beyond Unicode", "01f7bfbfbf"],
    ["a date beyond JavaScript", "4a7fffffffffffffff"],
  ])("%s", (_, hex) => {
    expectRefused(Buffer.from(hex, "hex"));
  });

  test("a million keys are a million entries: there is a limit", () => {
    const keys = Array.from({ length: 1_100_000 }, (_, i) => {
      const bytes = Buffer.alloc(6, 0x91);
      bytes[0] = 0x49;
      bytes.writeInt32BE(i, 1);
      return bytes;
    });
    const bytes = Buffer.concat([Buffer.from("48", "hex"), ...keys, Buffer.from("5a", "hex")]);
    expect(() => new HessianReader(bytes).readAny()).toThrow("more than 1000000");
  });

  test("a peer that defines a class over and over makes nothing grow", () => {
    const type = java.object("a.Grown", { x: java.int() });
    for (let i = 0; i < 500; i++) {
      const writer = new HessianWriter();
      writer.writeAny(new JavaObject("a.Grown", { [`f${i}`]: i, x: i }));
      expect(new HessianReader(writer.finish()).read(type)).toEqual({ x: i });
    }
  });
});
