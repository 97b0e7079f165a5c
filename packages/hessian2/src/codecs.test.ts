import { RemoteException } from "@dubbo-ts/core";
import { java, type JavaType, lazy } from "@dubbo-ts/rpc";
import { HessianReader } from "./hessian-reader.js";
import { HessianWriter } from "./hessian-writer.js";
import { JavaObject, typed } from "./java-object.js";

function write(type: JavaType, value: unknown): Buffer {
  const writer = new HessianWriter();
  writer.write(type, value);
  return writer.finish();
}

function anyBytes(value: unknown): Buffer {
  const writer = new HessianWriter();
  writer.writeAny(value);
  return writer.finish();
}

/** The value as a peer sends it that knows nothing of our type, read as our type. */
function readAs(type: JavaType, value: unknown): unknown {
  return new HessianReader(anyBytes(value)).read(type);
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message}`;
  }
  return "nothing was thrown";
}

const Item = java.object("a.Item", { tags: java.list(java.string()), n: java.int() });

describe("values that do not fit", () => {
  test.each([
    [java.int(), 1.5, "int: expected int, got number 1.5"],
    [java.int(), 2 ** 31, "int: expected int, got number 2147483648"],
    [java.int(), null, "int: expected int, got null"],
    [java.int(), "1", 'int: expected int, got string "1"'],
    [java.byte(), 128, "byte: expected byte, got number 128"],
    [java.short(), -32_769, "short: expected short, got number -32769"],
    [java.long(), 1.5, "long: expected long, got number 1.5"],
    [java.long(), 2 ** 53, "long: expected long, got number 9007199254740992"],
    [java.long(), 2n ** 63n, "long: expected long of 64 bits, got a larger bigint"],
    [java.long({ as: "number" }), "1", 'long: expected long, got string "1"'],
    [java.double(), 1n, "double: expected double, got bigint 1"],
    [java.float(), 1e300, "float: expected float, got number 1e+300"],
    [java.boolean(), 0, "boolean: expected boolean, got number 0"],
    [java.char(), "ab", 'char: expected char, got string "ab"'],
    [java.string(), undefined, "string: expected string, got undefined"],
    [java.string(), 1, "string: expected string, got number 1"],
    [java.bytes(), [1], "bytes: expected bytes, got array"],
    [java.date(), new Date(Number.NaN), "date: expected date, got invalid Date"],
    [java.date(), 0, "date: expected date, got number 0"],
    [java.decimal(), "1,5", 'decimal: expected decimal, got string "1,5"'],
    [java.decimal(), 1.5, "decimal: expected decimal, got number 1.5"],
    [java.bigInteger(), 1, "bigInteger: expected bigInteger, got number 1"],
    [java.localDate(), "2023-02-29", 'localDate: expected local date, got string "2023-02-29"'],
    [java.localTime(), "24:00", 'localTime: expected local time, got string "24:00"'],
    [
      java.localDateTime(),
      "2024-01-01",
      'localDateTime: expected local date and time, got string "2024-01-01"',
    ],
    [java.enum("a.Color", ["RED", "GREEN"]), "BLUE", 'Color: expected one of RED, GREEN, got string "BLUE"'],
    [java.list(java.int()), new Set([1]), "list: expected list, got Set"],
    [java.list(java.int()), [1, "2"], 'list[1]: expected int, got string "2"'],
    [java.set(java.int()), [1], "set: expected set, got array"],
    [java.map(java.string(), java.int()), [["a", 1]], "map: expected map, got array"],
    [java.map(java.long(), java.int()), { a: 1 }, "map: expected map, got object"],
    [java.map(java.string(), java.int()), { a: "b" }, 'map[string "a"]: expected int, got string "b"'],
    [java.array(java.byte()), [1, 200], "array: expected byte, got number 200"],
    [java.array(java.char()), ["ab"], 'array: expected char, got string "ab"'],
    [Item, { tags: ["a", "b", 3], n: 1 }, "Item.tags[2]: expected string, got number 3"],
    [Item, { tags: [] }, "Item.n: expected int, got undefined"],
    [Item, new Map(), "Item: expected a.Item, got Map"],
    [Item, null, "Item: expected a.Item, got null"],
    [
      java.list(Item),
      [
        { tags: ["a"], n: 1 },
        { tags: [null], n: 1 },
      ],
      "list[1].tags[0]: expected string, got null",
    ],
    [java.throwable("a.E", { n: java.int() }), {}, "E: expected a.E, got object"],
    [java.throwable("a.E", { n: java.int() }), new Error("x"), "E.n: expected int, got undefined"],
    [java.any(), { a: [undefined] }, 'any[string "a"][0]: expected a value that can be sent, got undefined'],
  ] as [JavaType, unknown, string][])(
    "%# are refused before they are sent, with their path",
    (type, value, message) => {
      expect(messageOf(() => write(type, value))).toBe(`ENCODE_FAILED ${message}`);
    },
  );

  test.each([
    [java.int(), "1", "int: expected int, got string"],
    [java.int(), 2n ** 40n, "int: expected int, got bigint 1099511627776"],
    [java.int(), 1.5, "int: expected int, got number 1.5"],
    [java.byte(), 200, "byte: expected byte, got number 200"],
    [java.long(), 1.5, "long: expected long, got number 1.5"],
    [java.long({ as: "number" }), 2n ** 53n, "long: expected long within 2^53, got 9007199254740992"],
    [
      java.double(),
      2n ** 62n + 1n,
      "double: expected double, got long 4611686018427387905, which none equals",
    ],
    [java.string(), 1, "string: expected string, got int"],
    [java.boolean(), 1, "boolean: expected boolean, got int"],
    [java.char(), "ab", 'char: expected char, got string "ab"'],
    [java.bytes(), "ab", "bytes: expected binary, got string"],
    [java.date(), 0, "date: expected date, got int"],
    [
      java.decimal(),
      new JavaObject("java.math.BigDecimal", { value: "x" }),
      'decimal: expected decimal, got string "x"',
    ],
    [
      java.enum("a.Color", ["RED"]),
      new JavaObject("a.Color", { name: "BLUE" }),
      'Color: expected one of RED, got string "BLUE"',
    ],
    [java.list(java.int()), { a: 1 }, "list: expected list, got map"],
    [java.set(java.int()), 1, "set: expected set, got int"],
    [java.map(java.string(), java.int()), [1], "map: expected map, got list"],
    [
      java.localDate(),
      new JavaObject("x", { year: 2023, month: 2, day: 29 }),
      'localDate: expected local date, got string "2023-02-29"',
    ],
    [Item, new JavaObject("a.Item", { tags: ["a", "b", 3], n: 1 }), "Item.tags[2]: expected string, got int"],
    [Item, [1], "Item: expected a.Item, got list"],
    [Item, { n: "x" }, "Item.n: expected int, got string"],
    [java.throwable("a.E"), 1, "E: expected a.E, got int"],
  ] as [JavaType, unknown, string][])(
    "%# are refused when they come, with their path",
    (type, value, message) => {
      expect(messageOf(() => readAs(type, value))).toBe(`DECODE_FAILED ${message}`);
    },
  );

  test("nothing has run when a value cannot be sent", () => {
    try {
      write(java.int(), "x");
    } catch (error) {
      expect(error).toMatchObject({ name: "RpcError", mayHaveRun: false });
    }
    expect.assertions(1);
  });
});

describe("values that fit leniently", () => {
  test.each([
    [java.int(), 5n, 5],
    [java.int(), typed(java.double(), 5), 5],
    [java.long(), 5, 5n],
    [java.long(), typed(java.double(), 5), 5n],
    [java.long({ as: "number" }), 5n, 5],
    [java.double(), 5, 5],
    [java.double(), 5n, 5],
    [java.float(), 0.1, Math.fround(0.1)],
    [java.decimal(), "1.50", "1.50"],
    [java.decimal(), 15, "15"],
    [java.bigInteger(), 5n, 5n],
    [java.bigInteger(), "123456789012345678901234567890", 123_456_789_012_345_678_901_234_567_890n],
    [java.date(), new JavaObject("java.sql.Timestamp", { value: new Date(5) }), new Date(5)],
    [java.enum("a.Color", ["RED"]), "RED", "RED"],
    [java.localDate(), "2024-02-29", "2024-02-29"],
    [java.localDateTime(), "2024-02-29T10:20", "2024-02-29T10:20"],
    [java.list(java.int()), new Set([1]), [1]],
    [java.set(java.int()), [1, 1], new Set([1])],
    [
      Item,
      new JavaObject("a.SpecialItem", { more: { deep: [1] }, n: 1, tags: ["a"] }),
      { tags: ["a"], n: 1 },
    ],
    [Item, { class: "a.Item", n: 1, other: 2 }, { tags: null, n: 1 }],
    [Item, new JavaObject("a.Item", {}), { tags: null, n: 0 }],
  ] as [JavaType, unknown, unknown][])("%#", (type, value, expected) => {
    expect(readAs(type, value)).toEqual(expected);
  });

  test("null is null to references and zero to primitives, as in Java", () => {
    const zeros: [JavaType, unknown][] = [
      [java.int(), 0],
      [java.long(), 0n],
      [java.long({ as: "number" }), 0],
      [java.double(), 0],
      [java.float(), 0],
      [java.boolean(), false],
      [java.char(), "\0"],
      [java.int().nullable(), null],
    ];
    for (const [type, zero] of zeros) expect(readAs(type, null)).toBe(zero);
    const names = [
      "string",
      "bytes",
      "date",
      "decimal",
      "bigInteger",
      "localDate",
      "localTime",
      "localDateTime",
    ] as const;
    for (const name of names) expect(readAs(java[name](), null)).toBeNull();
    const parts = [
      java.list(Item),
      java.set(Item),
      java.map(Item, Item),
      java.array(Item),
      Item,
      java.array(java.byte()),
    ];
    for (const type of parts) expect(readAs(type, null)).toBeNull();
  });

  test("a field that is missing is null, or the zero of a primitive", () => {
    const All = java.object("a.All", {
      b: java.boolean(),
      i: java.int(),
      l: java.long(),
      c: java.char(),
      s: java.string(),
      boxed: java.int().nullable(),
      mapped: java.int().transform({ decode: (n) => n + 1, encode: (n) => n - 1 }),
      url: java.string().transform({ decode: (text) => new URL(text), encode: String }),
    });
    const expected = { b: false, i: 0, l: 0n, c: "\0", s: null, boxed: null, mapped: 1, url: null };
    expect(readAs(All, new JavaObject("a.All", { unknown: 1 }))).toEqual(expected);
    expect(readAs(All, {})).toEqual(expected);
  });

  test("numbers and bigints are taken for whole numbers where they are exact", () => {
    expect(write(java.long(), 5)).toEqual(write(java.long(), 5n));
    expect(write(java.int(), 5n)).toEqual(write(java.int(), 5));
    expect(write(java.long(), Number.MIN_SAFE_INTEGER)).toEqual(
      write(java.long(), BigInt(Number.MIN_SAFE_INTEGER)),
    );
  });

  test("a field that may be null may be left out, and inherited names are not fields", () => {
    const Odd = java.object("a.Odd", {
      toString: java.string().nullable(),
      constructor: java.any(),
      x: java.int(),
    });
    expect(messageOf(() => write(Odd, { x: 1 }))).toContain(
      "Odd.constructor: expected a value that can be sent, got undefined",
    );
    const bytes = write(Odd, { constructor: null, x: 1 });
    expect(Object.entries(new HessianReader(bytes).read(Odd) as object)).toEqual([
      ["toString", null],
      ["constructor", null],
      ["x", 1],
    ]);
  });

  test("fields may be getters of a class", () => {
    class Point {
      get x() {
        return 1;
      }
    }
    const bytes = write(java.object("a.Point", { x: java.int() }), new Point());
    expect(new HessianReader(bytes).readAny()).toEqual(new JavaObject("a.Point", { x: 1 }));
  });
});

describe("types made of others", () => {
  test("a superclass comes first in the object, and where Java puts it on the wire", () => {
    const Base = java.object("a.Base", { id: java.long(), note: java.any() });
    const Sub = java.object("a.Sub", { name: java.string(), list: java.list(java.int()) }, { extends: Base });
    const bytes = write(Sub, { id: 1n, note: null, name: "n", list: [] });
    expect(new HessianReader(bytes).readAny()).toMatchObject({ className: "a.Sub" });
    const names = Object.keys((new HessianReader(bytes).readAny() as JavaObject).fields);
    expect(names).toEqual(["note", "list", "id", "name"]);
    expect(Object.keys(new HessianReader(bytes).read(Sub) as object)).toEqual(["id", "note", "name", "list"]);
    expect(new HessianReader(bytes).read(Base)).toEqual({ id: 1n, note: null });
  });

  test("types that refer to themselves read and write cycles", () => {
    interface Tree {
      name: string;
      parent?: Tree | null;
      children: Tree[];
    }
    const Tree: JavaType<Tree> = java.object("a.Tree", {
      name: java.string(),
      parent: lazy(() => Tree).nullable(),
      children: java.list(lazy(() => Tree)),
    });
    const root: Tree = { name: "root", parent: null, children: [] };
    root.children.push({ name: "leaf", parent: root, children: [] });
    const read = new HessianReader(write(Tree, root)).read(Tree) as Tree;
    expect(read.children[0]?.parent).toBe(read);
  });

  test("a mapping decodes and encodes; what it throws has a path", () => {
    const Url = java.string().transform({ decode: (text) => new URL(text), encode: (url: URL) => url.href });
    const type = java.list(Url);
    const bytes = write(type, [new URL("http://a/")]);
    expect(new HessianReader(bytes).read(type)).toEqual([new URL("http://a/")]);
    expect(messageOf(() => readAs(type, ["no url"]))).toMatch(/^DECODE_FAILED list\[0\]: /);
    expect(readAs(Url, null)).toBeNull();
    const OrEmpty = java
      .string()
      .nullable()
      .transform({ decode: (text) => text ?? "", encode: (text) => text });
    expect(readAs(OrEmpty, null)).toBe("");
  });

  test("arrays of mapped bytes are still byte[]", () => {
    const Bit = java.byte().transform({ decode: (n) => n === 1, encode: (bit: boolean) => (bit ? 1 : 0) });
    const type = java.array(lazy(() => Bit));
    expect(write(type, [true, false]).toString("hex")).toBe("220100");
    expect(new HessianReader(write(type, [true, false])).read(type)).toEqual([true, false]);
  });

  test("a map takes a plain object where keys are texts", () => {
    const type = java.map(java.string(), java.int());
    expect(write(type, { a: 1 })).toEqual(write(type, new Map([["a", 1]])));
    expect(new HessianReader(write(type, { a: 1 })).read(type)).toEqual(new Map([["a", 1]]));
    const ByColor = java.map(java.enum("a.Color", ["RED"]), java.int());
    expect(new HessianReader(write(ByColor, { RED: 1 })).read(ByColor)).toEqual(new Map([["RED", 1]]));
  });

  test("void is null, and whatever comes is left", () => {
    expect(write(java.void(), undefined).toString("hex")).toBe("4e");
    const reader = new HessianReader(
      Buffer.concat([anyBytes({ a: [1, new Set(["x"])] }), Buffer.from([0x91])]),
    );
    expect(reader.read(java.void())).toBeUndefined();
    expect(reader.readInt()).toBe(1);
  });

  test("declared exceptions are RemoteExceptions with typed fields", () => {
    const type = java.throwable("a.StockException", { left: java.long(), items: java.list(java.string()) });
    const error = new RemoteException("a.StockException", "none", { left: 1, items: ["a"] });
    const read = new HessianReader(write(type, error)).read(type) as RemoteException;
    expect(read).toMatchObject({ className: "a.StockException", detail: "none" });
    expect({ ...read.fields }).toEqual({ left: 1n, items: ["a"] });
    const other = new RemoteException("a.OtherException", "other", { x: 1 });
    expect(new HessianReader(write(type, other)).read(type)).toMatchObject({ className: "a.OtherException" });
    const shared = java.list(type);
    const both = new HessianReader(write(shared, [error, error])).read(shared) as unknown[];
    expect(both[0]).toBe(both[1]);
    expect(readAs(type, null)).toBeNull();
  });

  test("where no code may be made from text, a loop does the same", () => {
    const made = jest.spyOn(globalThis, "Function").mockImplementation(() => {
      throw new EvalError("Code generation from strings disallowed for this context");
    });
    const type = java.object("a.Item", {
      tags: java.list(java.string()),
      n: java.int(),
      toString: java.any(),
    });
    const value = { tags: ["a"], n: 1, toString: null };
    const more = new JavaObject("a.Item", { n: 1, other: [2], tags: ["a"], toString: null });
    try {
      expect(new HessianReader(write(type, value)).read(type)).toEqual(value);
      expect(readAs(type, more)).toEqual(value);
      expect(messageOf(() => write(type, { tags: [1] }))).toBe(
        "ENCODE_FAILED Item.toString: expected a value that can be sent, got undefined",
      );
      expect(messageOf(() => readAs(type, { n: "x" }))).toContain("Item.n: expected int, got string");
      expect(messageOf(() => readAs(type, new JavaObject("a.Item", { n: "x" })))).toContain(
        "Item.n: expected int",
      );
      expect(made).toHaveBeenCalled();
    } finally {
      made.mockRestore();
    }
  });
});
