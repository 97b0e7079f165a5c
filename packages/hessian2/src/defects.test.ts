import { RemoteException } from "@dubbo-ts/core";
import { java, type JavaType, lazy } from "@dubbo-ts/rpc";
import { HessianReader } from "./hessian-reader.js";
import { HessianWriter } from "./hessian-writer.js";
import { JavaObject } from "./java-object.js";

function bytesOf(value: unknown): Buffer {
  const writer = new HessianWriter({ maxDepth: 10_000 });
  writer.writeAny(value);
  return writer.finish();
}

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function hex(...parts: (string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "hex") : part)));
}

/** A string of up to 31 characters. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}

/** The best of five: the machine may be busy. */
function fastestMs(run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

describe("what is wrong in hessian.js 2.11 is right here (rpc-protocols 2.6)", () => {
  test("H1: objects of one class with other fields keep all of them", () => {
    const values = [
      new JavaObject("a.O", {}),
      new JavaObject("a.O", { city: "b" }),
      new JavaObject("a.O", { zip: 1 }),
    ];
    expect(new HessianReader(bytesOf(values)).readAny()).toEqual(values);
  });

  test("H2: a class with its fields in another order is read by name, before and after", () => {
    const type = java.object("a.O", { x: java.int(), y: java.int() });
    const xy = hex("43", text("a.O"), "92", text("x"), text("y"), "609192");
    const yx = hex("43", text("a.O"), "92", text("y"), text("x"), "609291");
    for (const bytes of [xy, yx, xy, yx, yx])
      expect(new HessianReader(bytes).read(type)).toEqual({ x: 1, y: 2 });
  });

  test("H3: __proto__, constructor, toString and $map are keys like any other", () => {
    const entries: [string, unknown][] = [
      "__proto__",
      "constructor",
      "toString",
      "$map",
      "hasOwnProperty",
    ].map((key) => [key, { isAdmin: true }]);
    const read = new HessianReader(bytesOf(new Map(entries))).readAny() as Record<string, unknown>;
    expect(Object.getPrototypeOf(read)).toBeNull();
    expect(Object.keys(read)).toEqual(entries.map(([key]) => key));
    expect((read as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test("H3: classes and fields of such names are harmless, declared or not", () => {
    const object = new JavaObject(
      "__proto__",
      Object.assign(Object.create(null) as object, { ["__proto__"]: 1, toString: 2 }),
    );
    const read = new HessianReader(bytesOf(object)).readAny() as JavaObject;
    expect([read.className, Object.entries(read.fields)]).toEqual([
      "__proto__",
      [
        ["__proto__", 1],
        ["toString", 2],
      ],
    ]);
    const type = java.object("constructor", {
      ["__proto__"]: java.int().nullable(),
      constructor: java.int().nullable(),
      x: java.int(),
    });
    const writer = new HessianWriter();
    writer.write(type, { x: 1 });
    const value = new HessianReader(writer.finish()).read(type) as object;
    expect(new Map(Object.entries(value))).toEqual(
      new Map<string, unknown>([
        ["__proto__", null],
        ["constructor", null],
        ["x", 1],
      ]),
    );
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test("H4: nesting has a limit, reading and writing", () => {
    const nested = (levels: number) => Buffer.from(`${"79".repeat(levels)}90`, "hex");
    expect(() => new HessianReader(nested(200)).readAny()).not.toThrow();
    expect(failure(() => new HessianReader(nested(201)).readAny())).toMatchObject({ code: "DECODE_FAILED" });
    expect(failure(() => new HessianReader(nested(100_000)).readAny())).toMatchObject({
      code: "DECODE_FAILED",
    });
    expect(fastestMs(() => failure(() => new HessianReader(nested(100_000)).readAny()))).toBeLessThan(5);
    let value: unknown = 1;
    for (let i = 0; i < 100_000; i++) value = [value];
    expect(failure(() => new HessianWriter().writeAny(value))).toMatchObject({
      code: "ENCODE_FAILED",
      message: expect.stringContaining("nested deeper than 200") as unknown,
    });
  });

  test("H4: so has nesting of declared types, and it may be set", () => {
    interface Node {
      next?: Node | null;
    }
    const Node: JavaType<Node> = java.object("a.Node", { next: lazy(() => Node).nullable() });
    let value: Node = { next: null };
    for (let i = 0; i < 300; i++) value = { next: value };
    expect(failure(() => new HessianWriter().write(Node, value))).toMatchObject({ code: "ENCODE_FAILED" });
    const writer = new HessianWriter({ maxDepth: 500 });
    writer.write(Node, value);
    const bytes = writer.finish();
    expect(failure(() => new HessianReader(bytes).read(Node))).toMatchObject({ code: "DECODE_FAILED" });
    expect(new HessianReader(bytes, { limits: { maxDepth: 500 } }).read(Node)).toEqual(value);
  });

  test("H5: finding references takes linear time", () => {
    const list = (length: number) => Array.from({ length }, (_, i) => ({ i }));
    const [small, large] = [list(2000), list(16_000)];
    const writer = new HessianWriter();
    const time = (value: unknown) =>
      fastestMs(() => {
        writer.reset();
        writer.writeAny(value);
      });
    time(small);
    expect(time(large)).toBeLessThan(8 * 4 * Math.max(time(small), 0.5)); // quadratic would be 64 times
  });

  test("H6: lists of variable length are read", () => {
    expect(new HessianReader(hex("5791925a")).readAny()).toEqual([1, 2]);
    expect(new HessianReader(hex("55", text("a.L"), "91925a")).readAny()).toEqual([1, 2]);
  });

  test("H7: four-byte UTF-8 is read, CESU-8 is written", () => {
    expect(new HessianReader(hex("04", "61", "f09f9880", "62")).readAny()).toBe("a😀b");
    expect(new HessianReader(hex("01", "f09f9880")).readAny()).toBe("😀"); // counted as one, as Go once did
    expect(bytesOf("a😀b").toString("hex")).toBe("0461eda0bdedb88062");
  });

  test("H8: what is cut off, or points nowhere, is an error of one kind", () => {
    const inputs = [
      "",
      "2301",
      "5190",
      "60",
      "4f95",
      "71",
      "490000",
      "4c00",
      "0561",
      "53ffff61",
      "4861",
      "4801",
      "7a91",
    ];
    for (const input of [
      ...inputs,
      "430161",
      "43016191",
      "439161",
      "5805",
      "567005",
      "5149ffffffff",
      "71900090",
      "4a00",
    ]) {
      expect(failure(() => new HessianReader(hex(input)).readAny())).toMatchObject({
        name: "RpcError",
        code: "DECODE_FAILED",
      });
    }
  });

  test("H9: lengths are checked against what is left", () => {
    for (const input of [
      "58497fffffff",
      `56${text("[int").toString("hex")}497fffffff`,
      "58d4ffff90",
      "58498000000090",
    ]) {
      expect(failure(() => new HessianReader(hex(input)).readAny())).toMatchObject({ code: "DECODE_FAILED" });
      expect(fastestMs(() => failure(() => new HessianReader(hex(input)).readAny()))).toBeLessThan(5);
    }
  });

  test("H9: a length is refused before anything is read", () => {
    expect(() => new HessianReader(hex("58497fffffff90")).readAny()).toThrow(
      "a list of 2147483647, 1 bytes left",
    );
    expect(() => new HessianReader(hex("58c8309090")).read(java.list(java.int()))).toThrow(
      "a list of 48, 2 bytes left",
    );
  });

  test("H9: small maps cannot fill the memory", () => {
    const maps = hex("58", "4900100000", "485a".repeat(0x100000));
    const limits = { maxElements: 10_000 };
    expect(failure(() => new HessianReader(maps, { limits }).readAny())).toMatchObject({
      message: expect.stringContaining("more than 10000") as unknown,
    });
  });

  test("H10: $class and $ in a value are keys, not instructions", () => {
    const value = { $class: "java.lang.ProcessBuilder", $: ["rm"] };
    expect(new HessianReader(bytesOf(value)).readAny()).toEqual(value);
    expect(bytesOf(value)[0]).toBe(0x48);
  });

  test("H11: names of classes and types are kept no longer than the stream", () => {
    const writer = new HessianWriter();
    writer.writeAny(new JavaObject("toString", {}));
    writer.reset();
    writer.writeAny(new JavaObject("toString", {}));
    expect(writer.finish()).toEqual(hex("43", text("toString"), "9060"));
  });

  test("H12: a map is a map to Java", () => {
    expect(bytesOf(new Map([["a", 1]])).toString("hex")).toBe("480161915a");
  });

  test("H13: a large buffer is not kept", () => {
    const writer = new HessianWriter();
    writer.writeString("x".repeat(4_000_000));
    const bytes = writer.finish();
    writer.reset();
    writer.writeString("y");
    expect(writer.finish().toString("latin1")).toBe("\u0001y");
    expect(new HessianReader(bytes).readString()).toBe("x".repeat(4_000_000));
  });

  test("H14: a long is a bigint, whatever its size", () => {
    expect(new HessianReader(hex("e1")).readAny()).toBe(1n);
    expect(new HessianReader(hex("4c7fffffffffffffff")).readAny()).toBe(2n ** 63n - 1n);
  });
});

describe("references", () => {
  test("what is shared, or contains itself, is so again", () => {
    const list: unknown[] = [1];
    list.push(list, { list });
    const read = new HessianReader(bytesOf(list)).readAny() as [number, unknown, { list: unknown }];
    expect(read[1]).toBe(read);
    expect(read[2].list).toBe(read);
  });

  test("arguments and attachments share one stream", () => {
    const type = java.list(java.string());
    const shared = ["a"];
    const writer = new HessianWriter();
    writer.write(type, shared);
    writer.writeAny({ x: 1 });
    writer.write(type, shared);
    const bytes = writer.finish();
    expect(bytes.subarray(-2).toString("hex")).toBe("5190");
    const reader = new HessianReader(bytes);
    const first = reader.read(type);
    reader.readStringMap();
    expect(reader.read(type)).toBe(first);
  });

  test("one value under two types is written as each of them", () => {
    const values = [1, 2];
    const writer = new HessianWriter();
    const types = [
      java.list(java.int()),
      java.list(java.long()),
      java.array(java.int()),
      java.list(java.double()),
    ];
    for (const type of [...types, ...types]) writer.write(type, values);
    const once = `7a9192${"7ae1e2"}72${text("[int").toString("hex")}9192${"7a5c5d02"}`;
    expect(writer.finish().toString("hex")).toBe(`${once}${"51905191" + "51925193"}`);
    const reader = new HessianReader(writer.finish());
    expect(types.map((type) => reader.read(type))).toEqual([
      [1, 2],
      [1n, 2n],
      [1, 2],
      [1, 2],
    ]);
    expect(types.map((type) => reader.read(type))).toEqual([
      [1, 2],
      [1n, 2n],
      [1, 2],
      [1, 2],
    ]);
  });

  test("a target in a field that nobody declared is read as what is asked for", () => {
    const Item = java.object("a.Item", { n: java.long(), tags: java.list(java.string()) });
    const Order = java.object("a.Order", { items: java.list(Item) });
    const item = new JavaObject("a.Item", { n: 1n, tags: ["x", "y"] });
    const order = new JavaObject("a.Order", { extra: { deep: [item, ["z"]] }, items: [item, item] });
    const reader = new HessianReader(bytesOf([order, item]));
    const [read, again] = reader.read(java.list(java.any())) as [JavaObject, unknown];
    expect(again).toBe((read.fields["items"] as unknown[])[0]);
    const typed = new HessianReader(bytesOf(order)).read(Order) as { items: unknown[] };
    expect(typed).toEqual({
      items: [
        { n: 1n, tags: ["x", "y"] },
        { n: 1n, tags: ["x", "y"] },
      ],
    });
    expect(typed.items[0]).toBe(typed.items[1]);
  });

  test("so is one that contains itself, and what follows keeps its numbers", () => {
    interface Node {
      next?: Node | null;
      tags: string[];
    }
    const Node: JavaType<Node> = java.object("a.Node", {
      next: lazy(() => Node).nullable(),
      tags: java.list(java.string()),
    });
    const Holder = java.object("a.Holder", { node: Node, tail: java.list(java.any()) });
    const fields: Record<string, unknown> = { tags: ["t"] };
    const node = new JavaObject("a.Node", fields);
    fields["next"] = node;
    const last = ["last"];
    const holder = new JavaObject("a.Holder", { unknown: [node], node, tail: [last, last, node] });
    const read = new HessianReader(bytesOf(holder)).read(Holder) as { node: Node; tail: unknown[] };
    expect(read.node.next).toBe(read.node);
    expect(read.node.tags).toEqual(["t"]);
    expect(read.tail[0]).toEqual(["last"]);
    expect(read.tail[1]).toBe(read.tail[0]);
    expect(read.tail[2]).toBeInstanceOf(JavaObject);
  });

  test("reading again and again is bounded", () => {
    // a list of lists, each level of which is asked for as another type
    const inner = `${"79".repeat(150)}58490001000090${"90".repeat(0xffff)}`;
    const references = Array.from(
      { length: 150 },
      (_, i) => `51c8${(i + 1).toString(16).padStart(2, "0")}`,
    ).join("");
    const bytes = hex(`5849000000c8${inner}${references}`);
    const type = java.list(java.list(java.list(java.any())));
    const start = performance.now();
    failure(() => new HessianReader(bytes, { limits: { maxElements: 100_000 } }).read(type));
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test("exceptions may cause each other", () => {
    const cause = hex(
      "43",
      text("a.BException"),
      "92",
      text("cause"),
      text("detailMessage"),
      "61",
      "5190",
      text("b"),
    );
    const bytes = hex(
      "43",
      text("a.AException"),
      "92",
      text("cause"),
      text("detailMessage"),
      "60",
      cause,
      text("a"),
    );
    const error = new HessianReader(bytes).readThrowable();
    expect(error).toMatchObject({ className: "a.AException", detail: "a" });
    expect(error.cause).toMatchObject({ className: "a.BException", detail: "b" });
    expect((error.cause as Error).cause).toBeUndefined();
  });
});

describe("exceptions", () => {
  function roundTrip(error: unknown): RemoteException {
    const writer = new HessianWriter();
    writer.writeThrowable(error);
    return new HessianReader(writer.finish()).readThrowable();
  }

  test("a RemoteException keeps class, message, fields and causes", () => {
    const cause = new RemoteException(
      "java.io.IOException",
      null,
      {},
      { cause: new TypeError("x is not a function") },
    );
    const error = roundTrip(
      new RemoteException("a.StockException", "none left", { code: 3, items: ["a"] }, { cause }),
    );
    expect(error).toMatchObject({
      className: "a.StockException",
      detail: "none left",
      code: "REMOTE_EXCEPTION",
    });
    expect({ ...error.fields }).toEqual({ code: 3, items: ["a"] });
    expect(error.cause).toMatchObject({ className: "java.io.IOException", detail: null });
    expect((error.cause as Error).cause).toMatchObject({
      className: "java.lang.RuntimeException",
      detail: "TypeError: x is not a function",
    });
  });

  test("whatever else is thrown is a RuntimeException", () => {
    expect(roundTrip(new Error("boom"))).toMatchObject({
      className: "java.lang.RuntimeException",
      detail: "boom",
    });
    expect(roundTrip("text")).toMatchObject({ className: "java.lang.RuntimeException", detail: "text" });
    expect(roundTrip(undefined)).toMatchObject({ detail: "undefined" });
    expect(roundTrip(new RangeError())).toMatchObject({ detail: "RangeError" });
  });

  test("a field that cannot be sent is an error with its path", () => {
    const error = new RemoteException("a.E", "m", { cause: 1, bad: [Symbol("x")] });
    expect(failure(() => roundTrip(error))).toMatchObject({
      code: "ENCODE_FAILED",
      message: expect.stringMatching(/^exception\.bad\[0\]: /) as unknown,
    });
  });

  test("an exception that is its own cause has none", () => {
    const error = new Error("a");
    error.cause = error;
    const read = roundTrip(error);
    expect([read.detail, read.cause]).toEqual(["a", undefined]);
  });
});
