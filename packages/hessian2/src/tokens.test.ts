import { java, type JavaType } from "@dubbo-ts/rpc";
import { HessianReader } from "./hessian-reader.js";
import { HessianWriter } from "./hessian-writer.js";
import { maxShortText, readerWithoutCode, shortAscii } from "./short-text.js";
import { JavaBigInteger, JavaDecimal, JavaObject, typed } from "./java-object.js";

function write(type: JavaType, value: unknown): string {
  const writer = new HessianWriter();
  writer.write(type, value);
  return writer.finish().toString("hex");
}

function writeAny(value: unknown): string {
  const writer = new HessianWriter();
  writer.writeAny(value);
  return writer.finish().toString("hex");
}

function reader(hex: string): HessianReader {
  return new HessianReader(Buffer.from(hex, "hex"));
}

function text(value: string): string {
  const head = value.length < 32 ? [value.length] : [0x30, value.length];
  return Buffer.concat([Buffer.from(head), Buffer.from(value)]).toString("hex");
}

describe("short texts", () => {
  test.each([1, 2, 12, 13, maxShortText - 1, maxShortText])(
    "%d units are the same with made code and without",
    (length) => {
      const units = Buffer.from(Array.from({ length }, (_, at) => 0x20 + (at % 0x5f)));
      for (const bytes of [units, Buffer.concat([Buffer.from("é"), units])]) {
        const at = bytes.length - length;
        expect(shortAscii(bytes, at, length)).toBe(units.toString());
        expect(readerWithoutCode(length)(bytes, at)).toBe(units.toString());
      }
      for (const at of [0, length - 1]) {
        const wide = Buffer.from(units);
        wide[at] = 0xc3;
        expect(shortAscii(wide, 0, length)).toBeUndefined();
        expect(readerWithoutCode(length)(wide, 0)).toBeUndefined();
      }
    },
  );
});

const long = java.long();
const double = java.double();

describe("the bytes of values without parts", () => {
  test.each([
    [java.int(), 0, "90"],
    [java.int(), -16, "80"],
    [java.int(), 47, "bf"],
    [java.int(), 48, "c830"],
    [java.int(), -17, "c7ef"],
    [java.int(), -2048, "c000"],
    [java.int(), 2047, "cfff"],
    [java.int(), 2048, "d40800"],
    [java.int(), -2049, "d3f7ff"],
    [java.int(), -262_144, "d00000"],
    [java.int(), 262_143, "d7ffff"],
    [java.int(), 262_144, "4900040000"],
    [java.int(), -262_145, "49fffbffff"],
    [java.int(), 2_147_483_647, "497fffffff"],
    [java.int(), -2_147_483_648, "4980000000"],
    [java.short(), -32_768, "d38000"],
    [java.byte(), -128, "c780"],
    [long, 0n, "e0"],
    [long, -8n, "d8"],
    [long, 15n, "ef"],
    [long, 16n, "f810"],
    [long, -9n, "f7f7"],
    [long, -2048n, "f000"],
    [long, 2047n, "ffff"],
    [long, 2048n, "3c0800"],
    [long, -262_144n, "380000"],
    [long, 262_143n, "3fffff"],
    [long, 262_144n, "5900040000"],
    [long, -2_147_483_648n, "5980000000"],
    [long, 2_147_483_647n, "597fffffff"],
    [long, 2_147_483_648n, "4c0000000080000000"],
    [long, -2_147_483_649n, "4cffffffff7fffffff"],
    [long, 9_007_199_254_740_993n, "4c0020000000000001"],
    [long, -9_007_199_254_740_991n, "4cffe0000000000001"],
    [long, 2n ** 63n - 1n, "4c7fffffffffffffff"],
    [long, -(2n ** 63n), "4c8000000000000000"],
    [double, 0, "5b"],
    [double, 1, "5c"],
    [double, -128, "5d80"],
    [double, 127, "5d7f"],
    [double, 128, "5e0080"],
    [double, -32_768, "5e8000"],
    [double, 32_767, "5e7fff"],
    [double, 32_768, "5f01f40000"],
    [double, 12.25, "5f00002fda"],
    [double, 0.001, "5f00000001"],
    [double, 1e21, "44444b1ae4d6e2ef50"],
    [double, Number.NaN, "447ff8000000000000"],
    [double, Number.POSITIVE_INFINITY, "447ff0000000000000"],
    [double, -0, "448000000000000000"],
    [double, 0.1 + 0.2, "443fd3333333333334"],
    [java.boolean(), true, "54"],
    [java.boolean(), false, "46"],
    [java.char(), "ü", "01c3bc"],
    [java.date(), new Date(0), "4b00000000"],
    [java.date(), new Date(-60_000), "4bffffffff"],
    [java.date(), new Date(1), "4a0000000000000001"],
    [java.date(), new Date(-1), "4affffffffffffffff"],
    [java.date(), new Date(8.64e15), "4a001eb208c2dc0000"],
    [java.string(), "", "00"],
    [java.string(), "hello", "0568656c6c6f"],
    [java.string(), "a😀b", "0461eda0bdedb88062"],
    [java.string(), "\ud800", "01eda080"],
    [java.string(), "€", "01e282ac"],
    [java.bytes(), Buffer.alloc(0), "20"],
    [java.bytes(), Buffer.from([1, 2, 3]), "23010203"],
    [long.nullable(), null, "4e"],
    [java.float().nullable(), 3.4028234663852886e38, "4447efffffe54daff8"],
  ] as [JavaType, unknown, string][])("%# are Java's", (type, value, hex) => {
    expect(write(type, value)).toBe(hex);
    expect(reader(write(type, value)).read(type)).toEqual(value);
  });

  test("the sign of a zero and a NaN survive", () => {
    expect(Object.is(reader("448000000000000000").read(double), -0)).toBe(true);
    expect(reader(write(double, Number.NaN)).read(double)).toBeNaN();
  });

  test("strings of every length and width are cut as Java cuts them", () => {
    for (const unit of ["a", "ü", "€", "😀"])
      for (const length of [1, 31, 32, 33, 100, 1023, 1024, 32_768, 32_769, 65_536, 100_000]) {
        const value = unit.repeat(length);
        const hex = write(java.string(), value);
        expect(reader(hex).readString() === value).toBe(true);
        expect(head(hex)).toBe(expectedHead(value.length));
      }
  });

  function head(hex: string): string {
    return hex.slice(0, ["5", "3"].includes(hex[0] as string) ? 2 : 1);
  }

  function expectedHead(units: number): string {
    if (units > 32_768) return "52";
    if (units > 1023) return "53";
    return units > 31 ? `3${units >> 8}` : units > 15 ? "1" : "0";
  }

  test("no piece of a string ends between two surrogates", () => {
    const value = `a${"😀".repeat(16_384)}`; // a high surrogate would be unit 32,768
    const bytes = Buffer.from(write(java.string(), value), "hex");
    expect(bytes.subarray(0, 3).toString("hex")).toBe("527fff");
    expect(new HessianReader(bytes).readString()).toBe(value);
  });

  test("binaries of every length come back", () => {
    for (const length of [0, 15, 16, 1023, 1024, 4093, 4094, 8186, 8187, 100_000]) {
      const value = Buffer.alloc(length, 7);
      expect(reader(write(java.bytes(), value)).read(java.bytes())).toEqual(value);
    }
    expect(write(java.bytes(), Buffer.alloc(16)).slice(0, 4)).toBe("3410");
    expect(write(java.bytes(), Buffer.alloc(1024)).slice(0, 6)).toBe("420400");
    expect(write(java.bytes(), Buffer.alloc(4094)).slice(0, 6)).toBe("410ffd");
  });
});

describe("the bytes of lists, maps and objects", () => {
  const strings = java.list(java.string());
  test.each([
    [strings, [], "78"],
    [strings, ["a", "b"], "7a01610162"],
    [java.list(java.int()), [1, 2, 3, 4, 5, 6, 7, 8], "58989192939495969798"],
    [java.set(java.string()), new Set(["a"]), `71${text("java.util.HashSet")}0161`],
    [java.array(java.int()), [1], `71${text("[int")}91`],
    [java.array(java.boolean()), [true], `71${text("[boolean")}54`],
    [java.array(java.short()), [1], `71${text("[short")}91`],
    [java.array(long), [1n], `71${text("[long")}e1`],
    [java.array(double), [1], `71${text("[double")}5c`],
    [java.array(java.float()), [Math.fround(0.1)], `71${text("[float")}443fb99999a0000000`],
    [java.array(java.float().nullable()), [Math.fround(0.1)], `71${text("[java.lang.Float")}5f00000064`],
    [java.array(java.string()), ["a"], `71${text("[string")}0161`],
    [java.array(java.any()), [1], `71${text("[object")}91`],
    [java.array(java.date()), [new Date(0)], `71${text("[date")}4b00000000`],
    [java.array(java.int().nullable()), [1, null], `72${text("[java.lang.Integer")}914e`],
    [java.array(java.array(java.int())), [[1], [2]], `72${text("[[int")}71${text("[int")}91719192`],
    [java.array(java.byte()), [1, -1], "2201ff"],
    [java.array(java.char()), ["x", "y"], text("xy")],
    [java.array(java.bytes()), [Buffer.from([1])], `71${text("[[byte")}2101`],
    [java.map(java.string(), java.int()), new Map([["a", 1]]), "480161915a"],
    [java.map(java.int(), java.string()), new Map([[1, "a"]]), "489101615a"],
    [java.decimal(), "12.50", `43${text("java.math.BigDecimal")}91${text("value")}60${text("12.50")}`],
    [java.enum("a.E", ["X", "Y"]), "Y", `43${text("a.E")}91${text("name")}600159`],
    [java.object("a.O", {}), {}, `43${text("a.O")}9060`],
    [
      java.localDate(),
      "2024-02-29",
      `43${text("com.alibaba.com.caucho.hessian.io.java8.LocalDateHandle")}93${text("day")}${text("month")}${text("year")}60ad92cfe8`,
    ],
    [
      java.bigInteger(),
      -5n,
      `43${text("java.math.BigInteger")}92${text("mag")}${text("signum")}6071${text("[int")}958f`,
    ],
  ] as [JavaType, unknown, string][])("%# are Java's", (type, value, hex) => {
    expect(write(type, value)).toBe(hex);
    expect(reader(hex).read(type)).toEqual(value);
  });

  test("a class is defined once a stream, its 17th sibling needs the long form", () => {
    const types = Array.from({ length: 17 }, (_, i) => java.object(`a.C${i}`, { x: java.int() }));
    const writer = new HessianWriter();
    for (const type of types) writer.write(type, { x: 1 });
    writer.write(types[0] as JavaType, { x: 2 });
    writer.write(types[16] as JavaType, { x: 3 });
    const bytes = writer.finish();
    expect(bytes.subarray(-5).toString("hex")).toBe("60924fa093");
    const read = new HessianReader(bytes);
    for (const type of types) expect(read.read(type)).toEqual({ x: 1 });
    expect([read.readAny(), read.readAny()]).toEqual([
      new JavaObject("a.C0", { x: 2 }),
      new JavaObject("a.C16", { x: 3 }),
    ]);
  });

  test("lists of all forms are read, those of variable length too", () => {
    const typed = [`55${text("a.L")}91925a`, `56${text("[int")}929192`, `72${text("a.L")}9192`];
    for (const hex of ["7a9192", "58929192", "5791925a", ...typed])
      expect(reader(hex).read(java.list(java.int()))).toEqual([1, 2]);
    expect(reader("579192575a5a").readAny()).toEqual([1, 2, []]);
    expect(reader(`55${text("java.util.LinkedHashSet")}91915a`).readAny()).toEqual(new Set([1]));
  });

  test("a type is named once a stream", () => {
    const writer = new HessianWriter();
    writer.write(java.array(java.int()), [1]);
    writer.write(java.array(java.int()), [2]);
    writer.write(java.array(long), [3n]);
    writer.write(java.array(long), [4n]);
    const bytes = writer.finish();
    expect(bytes.toString("hex")).toBe(`71${text("[int")}91719092` + `71${text("[long")}e37191e4`);
    const read = new HessianReader(bytes);
    expect([read.readAny(), read.readAny(), read.readAny(), read.readAny()]).toEqual([[1], [2], [3n], [4n]]);
  });

  test("typed maps are maps, whatever their class", () => {
    const hex = `4d${text("java.util.TreeMap")}0161915a`;
    expect(reader(hex).readAny()).toEqual({ a: 1 });
    expect(reader(hex).read(java.map(java.string(), java.int()))).toEqual(new Map([["a", 1]]));
  });
});

describe("what java.any() makes of values", () => {
  test.each([
    [null, "4e"],
    [true, "54"],
    [1, "91"],
    [-0, "90"],
    [2 ** 31, "4c0000000080000000"],
    [1.5, "5f000005dc"],
    [1e300, "447e37e43c8800759c"],
    [1n, "e1"],
    ["a", "0161"],
    [new Date(0), "4b00000000"],
    [Buffer.from([1]), "2101"],
    [new Uint8Array([1]), "2101"],
    [new Int8Array([-1]), "21ff"],
    [[1, "a"], "7a910161"],
    [new Set([1]), `71${text("java.util.HashSet")}91`],
    [{ a: 1, b: undefined }, "480161915a"],
    [new Map([[1, "a"]]), "489101615a"],
    [new Int32Array([1]), `71${text("[int")}91`],
    [new Int16Array([1]), `71${text("[short")}91`],
    [new BigInt64Array([1n]), `71${text("[long")}e1`],
    [new Float64Array([1]), `71${text("[double")}5c`],
    [new Float32Array([1]), `71${text("[float")}5c`],
    [new JavaObject("a.O", { x: 1 }), `43${text("a.O")}91017860 91`],
    [new JavaDecimal("1.0"), write(java.decimal(), "1.0")],
    [new JavaBigInteger(5n), write(java.bigInteger(), 5n)],
    [typed(long, 1n), "e1"],
    [typed(double, 1), "5c"],
    [typed(java.localDate(), "2024-02-29"), write(java.localDate(), "2024-02-29")],
    [{ $class: "java.util.HashSet", $: [1] }, `48${text("$class")}${text("java.util.HashSet")}0124 7991 5a`],
  ] as [unknown, string][])("%#", (value, hex) => {
    expect(writeAny(value)).toBe(hex.replaceAll(" ", ""));
  });

  test.each([
    ["e1", 1n],
    ["4c0020000000000001", 9_007_199_254_740_993n],
    ["5c", 1],
    ["91", 1],
    ["4a0000000000000001", new Date(1)],
    ["489101615a", new Map([[1, "a"]])],
    [`71${text("java.util.TreeSet")}91`, new Set([1])],
    [`70${text("java.util.Collections$EmptyList")}`, []],
    [`70${text("org.example.Settings")}`, []],
    [`43${text("a.E")}91${text("name")}600158`, new JavaObject("a.E", { name: "X" })],
  ] as [string, unknown][])("%s reads as its value", (hex, value) => {
    expect(reader(hex).readAny()).toEqual(value);
  });

  test("keys of several types make a Map, the texts among them included", () => {
    expect(reader("48016191 9101625a".replace(" ", "")).readAny()).toEqual(
      new Map<unknown, unknown>([
        ["a", 1],
        [1, "b"],
      ]),
    );
  });

  test.each([
    [undefined, "undefined"],
    [Number.NaN, "NaN"],
    [() => 1, "function"],
    [Symbol("x"), "symbol"],
    [/x/, "RegExp"],
    [new Date(Number.NaN), "invalid Date"],
    [2n ** 63n, "larger bigint"],
    [Promise.resolve(), "Promise"],
    [new Uint16Array(1), "Uint16Array"],
    [new WeakMap(), "WeakMap"],
  ] as [unknown, string][])("%# is refused: Java has no such thing", (value, why) => {
    const refused = (wrap: unknown) => {
      try {
        writeAny(wrap);
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(refused(value)).toMatchObject({
      code: "ENCODE_FAILED",
      message: expect.stringContaining(why) as unknown,
    });
    expect(refused([1, { a: new Map([["b", value]]) }])).toMatchObject({
      message: expect.stringMatching(/^value\[1\]\[string "a"\]\[string "b"\]: /) as unknown,
    });
  });
});

describe("a writer", () => {
  test("leaves headroom, reserves, and is used again", () => {
    const writer = new HessianWriter({ headroom: 4 });
    expect(writer.position).toBe(4);
    writer.writeString("a");
    writer.reserve(2);
    writer.writeInt(1);
    const first = writer.finish();
    expect(first.subarray(4).toString("hex")).toBe("0161000091");
    writer.reset();
    writer.writeString("b");
    expect(writer.finish().subarray(4).toString("hex")).toBe("0162");
    expect(first.subarray(4).toString("hex")).toBe("0161000091");
  });

  test("forgets definitions, types and references with a stream", () => {
    const writer = new HessianWriter();
    const type = java.list(java.object("a.O", { x: java.array(java.int()) }));
    const value = [{ x: [1] }, { x: [1] }];
    writer.write(type, value);
    const first = writer.finish();
    writer.reset();
    writer.write(type, value);
    expect(writer.finish()).toEqual(first);
  });

  test("refuses what is no int", () => {
    for (const value of [1.5, 2 ** 31, Number.NaN])
      expect(() => new HessianWriter().writeInt(value)).toThrow("expected int");
  });

  test("writes null, a null string and a map of strings", () => {
    const writer = new HessianWriter();
    writer.writeNull();
    writer.writeString(null);
    writer.writeStringMap([["a", "b"]]);
    expect(writer.finish().toString("hex")).toBe("4e4e48016101625a");
    expect(() => new HessianWriter().writeStringMap([["a", 1 as unknown as string]])).toThrow(
      "[a]: expected string",
    );
  });
});

describe("a reader", () => {
  test("reads a part of the bytes", () => {
    const bytes = Buffer.from("ffff0161910162ffff", "hex");
    const part = new HessianReader(bytes, { offset: 2, end: 7 });
    expect([part.readString(), part.readInt(), part.position, part.end]).toEqual(["a", 1, 5, 7]);
    expect(part.readString()).toBe("b");
    expect(() => part.readString()).toThrow("the bytes end at 7");
    expect(() => new HessianReader(bytes, { offset: 5, end: 6 }).readString()).toThrow(
      "1 characters, 0 bytes left",
    );
  });

  test("makes texts of all attachments, and drops nulls", () => {
    const writer = new HessianWriter();
    writer.writeAny({ s: "x", b: true, i: 1, l: 2n, d: 1.5, n: null, o: { a: 1n }, c: [1] });
    const read = new HessianReader(writer.finish()).readStringMap();
    expect(Object.fromEntries(read)).toEqual({
      s: "x",
      b: "true",
      i: "1",
      l: "2",
      d: "1.5",
      o: '{"a":"1"}',
      c: "[1]",
    });
    expect(reader("4e").readStringMap().size).toBe(0);
    expect(() => reader("91").readStringMap()).toThrow("expected map, got int");
  });

  test("makes an exception of whatever stands where one should", () => {
    const made = (value: unknown) => {
      const writer = new HessianWriter();
      writer.writeAny(value);
      const { className, detail } = new HessianReader(writer.finish()).readThrowable();
      return [className, detail];
    };
    expect(made("text")).toEqual(["java.lang.RuntimeException", "text"]);
    expect(made(null)).toEqual(["java.lang.RuntimeException", null]);
    expect(made(5)).toEqual(["java.lang.RuntimeException", "no exception: number 5"]);
    expect(made(new JavaObject("a.Fault", { message: "m" }))).toEqual(["a.Fault", "m"]);
    expect(made(new JavaObject("a.GenericException", { exceptionMessage: "m" }))).toEqual([
      "a.GenericException",
      "m",
    ]);
  });
});
