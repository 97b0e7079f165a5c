import { InvalidValueError, RemoteException } from "@dubbo-ts/core";
import { checkArguments, checkMethodArguments, checkResult } from "./check-call.js";
import { defineService } from "./define-service.js";
import { java, lazy } from "./java.js";
import type { JavaType } from "./java-type.js";
import { method } from "./method.js";

/** What is wrong with `value` as the first argument of `m(type)`; "fits" when nothing is. */
function verdict(type: JavaType, value: unknown, side: "sent" | "received" = "sent"): string {
  try {
    checkMethodArguments(method([type], java.void()), "m", [value], side);
  } catch (error) {
    if (error instanceof InvalidValueError && error.code === "INVALID_ARGUMENT") return error.message;
    throw error;
  }
  return "fits";
}

const Gender = java.enum("org.example.Gender", ["MALE", "FEMALE"]);
const User = java.object("org.example.User", {
  id: java.long(),
  name: java.string(),
  gender: Gender,
  birthday: java.date().nullable(),
  tags: java.list(java.string()),
  attrs: java.map(java.string(), java.any()),
});
const user = { id: 1n, name: "Ann", gender: "MALE", tags: ["a", "b"], attrs: new Map([["x", 1]]) };

interface Tree {
  name: string;
  children: Tree[];
}
const Tree: JavaType<Tree> = java.object("org.example.Tree", {
  name: java.string(),
  children: java.list(lazy(() => Tree)),
});

describe("checking arguments", () => {
  const fitting: [string, JavaType, unknown[]][] = [
    ["boolean", java.boolean(), [true, false]],
    ["byte", java.byte(), [-128, 127, -0]],
    ["short", java.short(), [-32_768, 32_767]],
    ["int", java.int(), [-2_147_483_648, 2_147_483_647]],
    ["long", java.long(), [0n, 2n ** 63n - 1n, -(2n ** 63n), 5, Number.MAX_SAFE_INTEGER]],
    ["long as number", java.long({ as: "number" }), [0, -5, 7n]],
    ["float", java.float(), [1.5, Number.NaN, Infinity, 3.4e38]],
    ["double", java.double(), [1.5, Number.NaN, -Infinity, 1e308]],
    ["char", java.char(), ["a", "中", "\ud83d"]],
    ["string", java.string(), ["", "a😀b"]],
    ["bytes", java.bytes(), [Buffer.from("x"), new Uint8Array(2)]],
    ["date", java.date(), [new Date(0)]],
    ["decimal", java.decimal(), ["12.3400", "-1", "+.5", "1e10", "7.", "1E-400"]],
    ["bigInteger", java.bigInteger(), [2n ** 200n]],
    ["localDate", java.localDate(), ["2024-02-29", "2000-02-29", "0000-12-31", "+12345-01-01"]],
    ["localTime", java.localTime(), ["00:00", "23:59:59", "23:59:59.123456789"]],
    ["localDateTime", java.localDateTime(), ["2024-02-29T23:59"]],
    ["enum", Gender, ["MALE", "FEMALE"]],
    ["nullable", java.int().nullable(), [null, undefined, 1]],
    ["list", java.list(java.int()), [[], [1, 2]]],
    ["set", java.set(java.int()), [new Set(), new Set([1])]],
    ["map", java.map(java.string(), java.int()), [new Map([["a", 1]]), { a: 1 }, {}]],
    [
      "object",
      User,
      [user, { ...user, birthday: null, more: undefined }, Object.assign(Object.create(null), user)],
    ],
    ["throwable", java.throwable("a.B", { n: java.int() }), [new RemoteException("a.B", null, { n: 1 })]],
    [
      "any",
      java.any(),
      [null, undefined, 1, "", 5n, new Date(0), [1, [null]], new Map([[1, {}]]), new Set([1]), {}],
    ],
  ];
  test.each(fitting)("%s: values that fit pass", (_name, type, values) => {
    for (const value of values) expect(verdict(type, value)).toBe("fits");
  });

  const refused: [string, JavaType, unknown, string][] = [
    ["boolean", java.boolean(), 1, "expected boolean, got number 1"],
    ["byte", java.byte(), 128, "expected byte, got number 128"],
    ["short", java.short(), -32_769, "expected short, got number -32769"],
    ["int", java.int(), 2_147_483_648, "expected int, got number 2147483648"],
    ["int", java.int(), 1.5, "expected int, got number 1.5"],
    ["int", java.int(), 1n, "expected int, got bigint 1"],
    ["int", java.int(), Number.NaN, "expected int, got number NaN"],
    ["long", java.long(), 1.5, "expected long, got number 1.5"],
    ["long", java.long(), 2 ** 53, "expected long, got number 9007199254740992"],
    ["long", java.long(), 2n ** 63n, "expected long, got bigint 9223372036854775808"],
    ["long", java.long(), 10n ** 5000n, "expected long, got bigint beyond 256 bits"],
    ["float", java.float(), 1e39, "expected float, got number 1e+39"],
    ["double", java.double(), "1", 'expected double, got "1"'],
    ["char", java.char(), "ab", 'expected char, got "ab"'],
    ["char", java.char(), "", 'expected char, got ""'],
    ["string", java.string(), null, "expected string, got null"],
    ["string", java.string(), "x".repeat(3), "fits"],
    ["bytes", java.bytes(), [1], "expected bytes, got array of 1"],
    ["date", java.date(), new Date(Number.NaN), "expected date, got invalid Date"],
    ["date", java.date(), "2024-01-01", 'expected date, got "2024-01-01"'],
    ["decimal", java.decimal(), 1.5, 'expected decimal as text ("12.30"), got number 1.5'],
    ["decimal", java.decimal(), "1,5", 'expected decimal as text ("12.30"), got "1,5"'],
    ["bigInteger", java.bigInteger(), 1, "expected bigint, got number 1"],
    [
      "localDate",
      java.localDate(),
      "2023-02-29",
      'expected local date as text ("2024-02-29"), got "2023-02-29"',
    ],
    [
      "localDate",
      java.localDate(),
      "2023-13-01",
      'expected local date as text ("2024-02-29"), got "2023-13-01"',
    ],
    ["localTime", java.localTime(), "24:00", 'expected local time as text ("23:59:59"), got "24:00"'],
    ["enum", Gender, "OTHER", 'expected one of MALE, FEMALE, got "OTHER"'],
    ["list", java.list(java.int()), new Set([1]), "expected list, got Set"],
    ["array", java.array(java.int()), "x", 'expected array, got "x"'],
    ["set", java.set(java.int()), [1], "expected set, got array of 1"],
    ["map", java.map(java.int(), java.int()), { 1: 1 }, "expected map, got object"],
    ["object", User, [user], "expected org.example.User, got array of 1"],
    ["object", User, new Map(), "expected org.example.User, got Map"],
    ["throwable", java.throwable("a.B"), new Error("x"), "expected RemoteException of a.B, got Error"],
    ["any", java.any(), () => 1, "expected a value that can be sent, got function"],
    ["any", java.any(), Promise.resolve(), "expected a value that can be sent, got Promise"],
  ];
  test.each(refused)("%s: a misfit is told (%#)", (_name, type, value, why) => {
    expect(verdict(type, value)).toBe(why === "fits" ? why : `m.args[0]: ${why}`);
  });

  test("the path leads to the value", () => {
    const cases: [JavaType, unknown][] = [
      [User, { ...user, tags: ["a", "b", null] }],
      [java.list(User), [user, { ...user, id: 1.5 }]],
      [java.map(java.string(), java.list(java.int())), new Map([["k", [1, "2"]]])],
      [java.map(java.string(), java.int()), { k: "1" }],
      [java.map(java.int(), java.int()), new Map([["k", 1]])],
      [java.set(java.int()), new Set([1, 2.5])],
      [User, { ...user, attrs: new Map([["f", { g: [Symbol("s")] }]]) }],
      [User, { ...user, nmae: "typo" }],
      [java.object("a.Empty", {}), { x: 1 }],
      [Tree, { name: "a", children: [{ name: "b", children: [{ name: 1, children: [] }] }] }],
      [java.throwable("a.B", { n: java.int() }), new RemoteException("a.B", null, { n: "1" })],
    ];
    expect(cases.map(([type, value]) => verdict(type, value))).toMatchInlineSnapshot(`
[
  "m.args[0].tags[2]: expected string, got null",
  "m.args[0][1].id: expected long, got number 1.5",
  "m.args[0]["k"][1]: expected int, got "2"",
  "m.args[0]["k"]: expected int, got "1"",
  "m.args[0][key "k"]: expected int, got "k"",
  "m.args[0][…]: expected int, got number 2.5",
  "m.args[0].attrs["f"].g[0]: expected a value that can be sent, got symbol",
  "m.args[0].nmae: unknown field, org.example.User has id, name, gender, birthday, tags, attrs",
  "m.args[0].x: unknown field, a.Empty has none",
  "m.args[0].children[0].children[0].name: expected string, got number 1",
  "m.args[0].fields.n: expected int, got "1"",
]
`);
  });

  test("a method's name, argument and code are in the error", () => {
    const service = defineService("org.example.UserProvider", {
      getUser: method([java.long()], User.nullable()),
      list: method([java.int(), java.list(java.string())], java.list(User)),
      ping: method([], java.void()),
    });
    const failure = (run: () => void) => {
      try {
        run();
      } catch (error) {
        if (error instanceof InvalidValueError) return [error.code, error.path, error.message];
      }
      return [];
    };
    expect([
      failure(() => checkArguments(service, "getUser", [1.5])),
      failure(() => checkArguments(service, "list", [1, ["a", null]])),
      failure(() => checkArguments(service, "list", [1])),
      failure(() => checkArguments(service, "remove", [])),
      failure(() => checkResult(service, "getUser", { ...user, name: null })),
      failure(() => checkResult(service, "list", null)),
      failure(() => checkResult(service, "GetUser", null)),
      failure(() => checkResult(service, "ping", 5)),
    ]).toMatchInlineSnapshot(`
[
  [
    "INVALID_ARGUMENT",
    "getUser.args[0]",
    "getUser.args[0]: expected long, got number 1.5",
  ],
  [
    "INVALID_ARGUMENT",
    "list.args[1][1]",
    "list.args[1][1]: expected string, got null",
  ],
  [
    "INVALID_ARGUMENT",
    "list.args",
    "list.args: expected 2 arguments, got 1",
  ],
  [
    "INVALID_ARGUMENT",
    "remove",
    "remove: no such method in org.example.UserProvider",
  ],
  [
    "INVALID_RESULT",
    "getUser.result.name",
    "getUser.result.name: expected string, got null",
  ],
  [
    "INVALID_RESULT",
    "list.result",
    "list.result: expected list, got null",
  ],
  [],
  [],
]
`);
  });

  test("a subclass is checked with its superclass's fields", () => {
    const Admin = java.object("org.example.Admin", { level: java.int() }, { extends: User });
    expect(verdict(Admin, { ...user, level: 1 })).toBe("fits");
    expect(verdict(Admin, { level: 1 })).toBe("m.args[0].id: expected long, got undefined");
  });

  test("an instance of a class of the program's counts by its properties, getters included", () => {
    class Person {
      id = 1n;
      gender = "MALE";
      tags: string[] = [];
      attrs = {};
      get name() {
        return "Ann";
      }
      greet() {
        return "hello";
      }
    }
    expect(verdict(User, new Person())).toBe("fits");
  });

  test("names that every object inherits are fields only when set", () => {
    const Odd = java.object("org.example.Odd", {
      toString: java.string(),
      constructor: java.int().nullable(),
    });
    expect(verdict(Odd, { toString: "x" })).toBe("fits");
    expect(verdict(Odd, {})).toBe("m.args[0].toString: expected string, got undefined");
  });

  test("a transformed value is checked in the form in which it travels", () => {
    const Amount = java.decimal().transform({
      decode: Number,
      encode: (amount: number) => {
        if (amount < 0) throw new Error("below zero");
        return String(amount);
      },
    });
    expect(verdict(Amount, 1.5)).toBe("fits");
    expect(verdict(Amount, "x")).toContain('got "x"');
    expect(verdict(java.list(Amount), [1, -1])).toBe("m.args[0][1]: cannot be encoded: below zero");
    expect(verdict(Amount, -1, "received")).toBe("fits");
  });

  test("what contains itself passes, and once only", () => {
    const tree: Tree = { name: "root", children: [] };
    tree.children.push(tree, tree, { name: "leaf", children: [tree] });
    expect(verdict(Tree, tree)).toBe("fits");
    const any: unknown[] = [];
    any.push(any, new Map([["self", any]]));
    expect(verdict(java.any(), any)).toBe("fits");
    let reads = 0;
    const shared = Array.from({ length: 40 }).reduce<object>((inner) => ({ a: inner, b: inner }), {
      get leaf() {
        reads += 1;
        return 1;
      },
    });
    expect(verdict(java.any(), shared)).toBe("fits");
    expect(reads).toBe(1);
  });

  test("what is nested too deep is refused before the stack ends", () => {
    const chain = (depth: number) => {
      let tree: Tree = { name: "leaf", children: [] };
      for (let level = 0; level < depth; level += 1) tree = { name: "", children: [tree] };
      return tree;
    };
    expect(verdict(Tree, chain(150))).toBe("fits");
    expect(verdict(Tree, { name: "wide", children: Array.from({ length: 300 }, () => chain(1)) })).toBe(
      "fits",
    );
    expect(verdict(Tree, chain(100_000))).toMatch(/children\[0\]: nested deeper than 200 levels$/);
    expect(verdict(java.any(), chain(100_000))).toMatch(/: nested deeper than 200 levels$/);
  });

  test("a message runs no code of the value's", () => {
    const trap = () => {
      throw new Error("ran");
    };
    const value = { toString: trap, toJSON: trap, [Symbol.toPrimitive]: trap, constructor: { name: trap } };
    expect(verdict(java.string(), value)).toBe("m.args[0]: expected string, got object");
    expect(verdict(java.int(), "\u001b[31m\n".repeat(100)).length).toBeLessThan(600);
    expect(verdict(java.int(), "\u001b[31m\n")).not.toContain("\u001b");
  });

  test("what a peer sent is read as tolerantly as Java reads: new fields, fields that it did not know", () => {
    expect(verdict(User, { id: 1n, name: null, extra: true }, "received")).toBe("fits");
    expect(verdict(User, { id: 1n, name: 5 }, "received")).toBe(
      "m.args[0].name: expected string, got number 5",
    );
    expect(verdict(java.string(), null, "received")).toBe("m.args[0]: expected string, got null");
    expect(verdict(User, { tags: [null] }, "received")).toBe("m.args[0].tags[0]: expected string, got null");
  });
});
