import { InvalidValueError, RemoteException } from "@dubbo-ts/core";
import fc from "fast-check";
import { checkOf } from "./check-value.js";
import { copyValue, copyValues } from "./copy-value.js";
import { generalize } from "./generalize.js";
import { java, lazy } from "./java.js";
import type { JavaType } from "./java-type.js";
import { realize } from "./realize.js";
import { Walk } from "./walk.js";

const Gender = java.enum("org.example.Gender", ["MALE", "FEMALE"]);
const User = java.object("org.example.User", {
  id: java.long(),
  gender: Gender,
  birthday: java.date().nullable(),
  tags: java.list(java.string()),
  attrs: java.map(java.string(), java.any()),
});

interface Tree {
  name: string;
  children: Tree[];
}
const Tree: JavaType<Tree> = java.object("org.example.Tree", {
  name: java.string(),
  children: java.list(lazy(() => Tree)),
});
const Amount = java.decimal().transform({
  decode: (text) => ({ cents: BigInt(text.replace(".", "")) }),
  encode: ({ cents }) => `${cents / 100n}.${String(cents % 100n).padStart(2, "0")}`,
});

describe("copying a value by its type", () => {
  test("shares nothing that can change", () => {
    const user = {
      id: 1n,
      gender: "MALE" as const,
      birthday: new Date(5),
      tags: ["a"],
      attrs: new Map<string, unknown>([["list", [{ deep: new Set([1]) }]]]),
    };
    const copy = copyValue(User, user);
    expect(copy).toEqual(user);
    copy.birthday?.setTime(9);
    copy.tags.push("b");
    (copy.attrs.get("list") as { deep: Set<number> }[])[0]?.deep.add(2);
    copy.attrs.set("more", 1);
    expect(user.birthday.getTime()).toBe(5);
    expect(user.tags).toEqual(["a"]);
    expect(user.attrs).toEqual(new Map([["list", [{ deep: new Set([1]) }]]]));
  });

  test("gives what a reader at the other end would have", () => {
    const loose = { id: 7, gender: "MALE", tags: [], attrs: { x: undefined }, more: 1 } as never;
    expect(copyValue(User, loose)).toEqual({
      id: 7n,
      gender: "MALE",
      birthday: null,
      tags: [],
      attrs: new Map([["x", null]]),
    });
    expect(copyValue(java.long({ as: "number" }), 5n as never)).toBe(5);
    expect(copyValue(java.float(), 0.1)).toBe(Math.fround(0.1));
    expect(copyValue(java.string().nullable(), undefined as never)).toBeNull();
    expect(copyValue(java.void(), 5 as never)).toBeUndefined();
    expect(copyValue(java.set(java.int()), new Set([1, 2]))).toEqual(new Set([1, 2]));
    expect(copyValue(java.array(java.array(java.int())), [[1], [2]])).toEqual([[1], [2]]);
    expect(copyValue(Amount, { cents: 1250n })).toEqual({ cents: 1250n });
  });

  test("bytes are copied into a Buffer", () => {
    const bytes = new Uint8Array([1, 2]);
    const copy = copyValue(java.bytes(), bytes);
    bytes[0] = 9;
    expect(copy).toEqual(Buffer.from([1, 2]));
  });

  test("what is shared or contains itself does so in the copy", () => {
    const tree: Tree = { name: "root", children: [] };
    tree.children.push(tree, { name: "leaf", children: [] });
    const copy = copyValue(Tree, tree);
    expect(copy).not.toBe(tree);
    expect(copy.children[0]).toBe(copy);
    const map = new Map<string, unknown>();
    map.set("self", map);
    const [first, second] = copyValues([java.any(), java.any()], [map, [map]]) as [
      Map<string, unknown>,
      unknown[],
    ];
    expect(first.get("self")).toBe(first);
    expect(second[0]).toBe(first);
    const set = new Set<unknown>();
    set.add(set);
    const copied = copyValue(java.any(), set) as Set<unknown>;
    expect(copied.has(copied)).toBe(true);
  });

  test("a key __proto__ stays a key", () => {
    const value: unknown = JSON.parse('{"__proto__":{"admin":true}}');
    const copy = copyValue(java.any(), value) as Record<string, unknown>;
    expect(Object.keys(copy)).toEqual(["__proto__"]);
    expect(copy["admin"]).toBeUndefined();
  });

  test("an exception keeps its class, message and fields", () => {
    const type = java.throwable("org.example.NotEnough", { left: java.list(java.int()) });
    const fields = { left: [1] };
    const copy = copyValue(type, new RemoteException("org.example.NotEnough", "no", fields) as never);
    expect(copy).toMatchObject({ className: "org.example.NotEnough", detail: "no", fields: { left: [1] } });
    expect(copy.fields.left).not.toBe(fields.left);
  });
});

describe("realizing untyped values", () => {
  const cases: [string, JavaType, unknown, unknown][] = [
    ["an int from a text", java.int(), "42", 42],
    ["an int from a bigint", java.int(), 42n, 42],
    ["a long from a number", java.long(), 42, 42n],
    ["a long from a text", java.long(), "9007199254740993", 9007199254740993n],
    ["a long as number from a bigint", java.long({ as: "number" }), 42n, 42],
    ["a double from a text", java.double(), "1.5", 1.5],
    ["a boolean from a text", java.boolean(), "true", true],
    ["a text from a number", java.string(), 42, "42"],
    ["a decimal from a number", java.decimal(), 1.5, "1.5"],
    ["a decimal from Java's object", java.decimal(), { value: "12.50" }, "12.50"],
    ["a bigInteger from Java's object", java.bigInteger(), { value: 7n }, 7n],
    ["a bigInteger from a text", java.bigInteger(), "123456789012345678901", 123456789012345678901n],
    ["a date from milliseconds", java.date(), 5n, new Date(5)],
    ["a date from a text", java.date(), "2024-02-29T00:00:00Z", new Date("2024-02-29T00:00:00Z")],
    ["a date from Java's text", java.date(), "2024-02-29 10:11:12", new Date("2024-02-29T10:11:12")],
    ["a date", java.date(), new Date(5), new Date(5)],
    ["a local date", java.localDate(), "2024-02-29", "2024-02-29"],
    ["bytes from numbers", java.bytes(), [1, 2], Buffer.from([1, 2])],
    ["an enum from its name", Gender, "MALE", "MALE"],
    ["an enum from its object form", Gender, new Map([["name", "MALE"]]), "MALE"],
    ["null where it may be", java.int().nullable(), undefined, null],
    ["any as it is", java.any(), new Map([["class", "x"]]), new Map([["class", "x"]])],
    ["a list from a set", java.list(java.int()), new Set(["1"]), [1]],
    ["a set from a list", java.set(java.long()), [1, 2], new Set([1n, 2n])],
    ["a map from an object", java.map(java.string(), java.long()), { a: 1 }, new Map([["a", 1n]])],
    ["a map with number keys", java.map(java.int(), Gender), { 1: "MALE" }, new Map([[1, "MALE"]])],
    ["a transformed value", Amount, "12.50", { cents: 1250n }],
    [
      "an object from a map with class, unknown keys left out",
      User,
      new Map<string, unknown>([
        ["class", "org.example.User"],
        ["id", 1],
        ["gender", "FEMALE"],
        ["more", 1],
        ["attrs", { x: [1] }],
      ]),
      { id: 1n, gender: "FEMALE", birthday: null, tags: null, attrs: new Map([["x", [1]]]) },
    ],
    [
      "the defaults of primitives",
      java.object("a.B", {
        i: java.int(),
        l: java.long(),
        n: java.long({ as: "number" }),
        b: java.boolean(),
        c: java.char(),
        box: java.int().nullable(),
        a: Amount,
      }),
      {},
      { i: 0, l: 0n, n: 0, b: false, c: "\0", box: null, a: null },
    ],
  ];
  test.each(cases)("%s", (_name, type, value, expected) => {
    expect(realize(type, value, "m.args[0]")).toEqual(expected);
  });

  test("a list of trees keeps its levels", () => {
    const tree = { name: "a", children: [new Map<string, unknown>([["name", "b"]])] };
    expect(realize(Tree, tree, "m.args[0]")).toEqual({
      name: "a",
      children: [{ name: "b", children: null }],
    });
  });

  test("an exception from a map", () => {
    const type = java.throwable("org.example.NotEnough", { left: java.int() });
    const value = realize(type, { detailMessage: "no", left: "3" }, "m.args[0]");
    expect(value).toMatchObject({ className: "org.example.NotEnough", detail: "no", fields: { left: 3 } });
  });

  test("what cannot be read is refused with its path", () => {
    const failure = (type: JavaType, value: unknown) => {
      try {
        return realize(type, value, "m.args[0]");
      } catch (error) {
        return error instanceof InvalidValueError ? `${error.code} ${error.message}` : error;
      }
    };
    const cyclic: Record<string, unknown> = { name: "x" };
    cyclic["children"] = [cyclic];
    expect([
      failure(java.int(), "many"),
      failure(java.int(), null),
      failure(java.long(), 1.5),
      failure(java.long(), "1".repeat(1000)),
      failure(User, "Ann"),
      failure(User, { tags: ["a", {}] }),
      failure(User, { gender: "OTHER" }),
      failure(java.list(java.int()), { 0: 1 }),
      failure(java.map(java.int(), java.int()), { a: 1 }),
      failure(Amount, "1,5"),
      failure(java.date(), "soon"),
      String(failure(Tree, cyclic)).replace(/^.*: /, ""),
    ]).toMatchInlineSnapshot(`
[
  "INVALID_ARGUMENT m.args[0]: expected int, got "many"",
  "INVALID_ARGUMENT m.args[0]: expected int, got null",
  "INVALID_ARGUMENT m.args[0]: expected long, got number 1.5",
  "INVALID_ARGUMENT m.args[0]: expected long, got "111111111111111111111111111111111111111111111111111111111111…"",
  "INVALID_ARGUMENT m.args[0]: expected org.example.User, got "Ann"",
  "INVALID_ARGUMENT m.args[0].tags[1]: expected string, got object",
  "INVALID_ARGUMENT m.args[0].gender: expected one of MALE, FEMALE, got "OTHER"",
  "INVALID_ARGUMENT m.args[0]: expected list, got object",
  "INVALID_ARGUMENT m.args[0]["a"]: expected int, got "a"",
  "INVALID_ARGUMENT m.args[0]: expected decimal as text ("12.30"), got "1,5"",
  "INVALID_ARGUMENT m.args[0]: expected date, got invalid Date",
  "nested deeper than 200 levels",
]
`);
  });
});

describe("generalizing a result", () => {
  test("objects become maps with their class, enums their names, dates stay", () => {
    const birthday = new Date(5);
    const user = { id: 1n, gender: "MALE", birthday, tags: ["a"], attrs: { x: 1 } };
    const general = new Map<string, unknown>([
      ["class", "org.example.User"],
      ["id", 1n],
      ["gender", "MALE"],
      ["birthday", birthday],
      ["tags", ["a"]],
      ["attrs", new Map([["x", 1]])],
    ]);
    expect(generalize(User, user)).toEqual(general);
    expect(generalize(java.list(User).nullable(), [user])).toEqual([general]);
    expect(generalize(java.set(User), new Set([user]))).toEqual(new Set([general]));
    expect(generalize(java.map(java.string(), User), { a: user })).toEqual(new Map([["a", general]]));
    expect(generalize(Amount, { cents: 1250n })).toBe("12.50");
    expect(generalize(java.void(), undefined)).toBeNull();
    expect(generalize(User.nullable(), undefined)).toBeNull();
  });

  test("what contains itself does so in the result", () => {
    const tree: Tree = { name: "root", children: [] };
    tree.children.push(tree);
    const general = generalize(Tree, tree) as Map<string, unknown>;
    expect((general.get("children") as unknown[])[0]).toBe(general);
  });
});

describe("values of any kind", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    maxDepth: 4,
  });
  const types = [
    java.int(),
    java.long(),
    java.decimal(),
    java.localDateTime(),
    java.date(),
    java.any(),
    Gender,
    User,
    Tree,
    java.list(java.any()),
    java.map(java.string(), java.list(java.int().nullable())),
    java.throwable("org.example.NotEnough", { left: java.int() }),
  ];

  test("are refused or fit; what fits can be copied and generalized, and its copy fits", () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), anything, (type, value) => {
        for (const side of ["sent", "received"] as const) {
          const found = checkOf(type, side)(value, new Walk());
          if (found !== undefined || side === "received") continue;
          generalize(type, value);
          expect(checkOf(type, side)(copyValue(type, value), new Walk())).toBeUndefined();
        }
      }),
      { seed: 3, numRuns: 3_000 },
    );
  });

  test("are realized so that they fit, or are refused", () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), anything, (type, value) => {
        try {
          const real = realize(type, value, "v");
          if (type.kind !== "any") expect(checkOf(type, "received")(real, new Walk())?.path ?? "").toBe("");
        } catch (error) {
          if (!(error instanceof InvalidValueError)) throw error;
        }
      }),
      { seed: 3, numRuns: 3_000 },
    );
  });
});
