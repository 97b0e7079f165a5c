import { RemoteException, serviceKey } from "@dubbo-ts/core";
import { type GenericCallOptions } from "@dubbo-ts/rpc";
import type { ReferenceOptions } from "@dubbo-ts/application";
import { UsageError } from "../exit-codes.js";
import { greeter, World } from "../test-support.js";
import { fitArgument } from "./fit-argument.js";
import { jsonArgument } from "./json-argument.js";
import { jsonResult } from "./json-result.js";
import { methodsIn } from "./published-types.js";

describe("an argument", () => {
  test("is JSON, and keeps every digit of a number that is too large for JavaScript", () => {
    expect(jsonArgument("1", "argument 1")).toBe(1);
    expect(jsonArgument("-12.5e3", "argument 1")).toBe(-12_500);
    expect(jsonArgument("9007199254740993", "argument 1")).toBe(9_007_199_254_740_993n);
    expect(
      jsonArgument('{"id":-9223372036854775808,"text":"9007199254740993 \\"1\\" \\\\"}', "argument 1"),
    ).toEqual({
      id: -9_223_372_036_854_775_808n,
      text: '9007199254740993 "1" \\',
    });
    expect(jsonArgument('["9007199254740993",9007199254740993,1.0]', "argument 1")).toEqual([
      "9007199254740993",
      9_007_199_254_740_993n,
      1,
    ]);
  });

  test("that is no JSON says which one, and that a text needs quotes", () => {
    expect(() => jsonArgument("Ada", "argument 2")).toThrow(
      new UsageError(`argument 2 is no JSON: Ada; a text needs quotes: '"Ada"'`),
    );
    expect(() => jsonArgument("{a:1}", "argument 1")).toThrow("argument 1 is no JSON: {a:1}");
    expect(() => jsonArgument("", "argument 1")).toThrow(UsageError);
    expect(() => jsonArgument("12 34", "argument 1")).toThrow(UsageError);
  });

  test("becomes what its Java type needs, and is left alone otherwise", () => {
    expect(fitArgument(1, "long")).toBe(1n);
    expect(fitArgument("12", "java.lang.Long")).toBe(12n);
    expect(fitArgument(1.5, "long")).toBe(1.5);
    expect(fitArgument(null, "java.lang.Long")).toBeNull();
    expect(fitArgument(1, "int")).toBe(1);
    expect(fitArgument("2026-01-02T03:04:05Z", "java.util.Date")).toEqual(new Date("2026-01-02T03:04:05Z"));
    expect(fitArgument("2026-01-02 03:04:05", "java.util.Date")).toBe("2026-01-02 03:04:05");
    expect(fitArgument("aGk=", "byte[]")).toEqual(Buffer.from("hi"));
  });
});

describe("a result", () => {
  test("is JSON whatever it is made of", () => {
    const bare = Object.assign(Object.create(null) as object, { class: "org.example.User", id: 1n });
    expect(jsonResult(bare)).toEqual({ class: "org.example.User", id: 1 });
    expect(jsonResult(9_007_199_254_740_993n)).toBe("9007199254740993");
    expect(jsonResult([null, undefined, true, "x", Number.NaN, -Infinity])).toEqual([
      null,
      null,
      true,
      "x",
      "NaN",
      "-Infinity",
    ]);
    expect(jsonResult(new Date(0))).toBe("1970-01-01T00:00:00.000Z");
    expect(jsonResult(new Date(Number.NaN))).toBeNull();
    expect(jsonResult(Buffer.from("hi"))).toBe("aGk=");
    expect(jsonResult(new Set([1, 2]))).toEqual([1, 2]);
    expect(
      jsonResult(
        new Map<unknown, unknown>([
          [1n, "a"],
          [{ x: 1 }, "b"],
          [null, "c"],
        ]),
      ),
    ).toEqual({ 1: "a", '{"x":1}': "b", null: "c" });
  });

  test("shows Java's objects by class and fields, and its large numbers as texts", () => {
    class JavaObject {
      constructor(
        readonly className: string,
        readonly fields: object,
      ) {}
    }
    class JavaDecimal {
      readonly value = "12.3400";
    }
    const user = new JavaObject("org.example.User", {
      price: new JavaDecimal(),
      gender: new JavaObject("G", { name: "F" }),
    });
    expect(jsonResult(user)).toEqual({
      class: "org.example.User",
      price: "12.3400",
      gender: { class: "G", name: "F" },
    });
    expect(jsonResult(new RemoteException("org.example.Taken", "Ada is taken", { by: 2n }))).toEqual({
      class: "org.example.Taken",
      message: "Ada is taken",
      by: 2,
    });
  });

  test("that contains itself ends there; what is there twice is shown twice", () => {
    const user: Record<string, unknown> = { name: "Ada" };
    user["self"] = user;
    const shared = [1];
    expect(jsonResult({ user, a: shared, b: shared })).toEqual({
      user: { name: "Ada", self: "[circular]" },
      a: [1],
      b: [1],
    });
    const own = jsonResult(new Map([["__proto__", 1]])) as object;
    expect(Object.keys(own)).toEqual(["__proto__"]);
  });
});

// As Dubbo for Java 3.3.6 publishes it, without annotations and types.
const definition = JSON.stringify({
  canonicalName: greeter,
  methods: [
    { name: "hello", parameterTypes: ["java.lang.String"], returnType: "java.lang.String" },
    { name: "save", parameterTypes: ["long", "java.util.List<java.lang.String>"], returnType: "void" },
    { name: "both", parameterTypes: ["int"], returnType: "void" },
    { name: "both", parameterTypes: ["long"], returnType: "void" },
    { name: "broken", parameterTypes: "int" },
    null,
  ],
});

test("a published definition that cannot be read has no methods", () => {
  expect(methodsIn(definition).map(({ name }) => name)).toEqual(["hello", "save", "both", "both"]);
  for (const text of [undefined, "", "{", "null", "[]", '{"methods":3}']) expect(methodsIn(text)).toEqual([]);
});

describe("the call", () => {
  let world: World;
  let opened: { name: string; registry: string }[];
  let referred: [string, ReferenceOptions][];
  let invoked: [string, readonly unknown[], GenericCallOptions][];
  let closed: number;
  let result: () => unknown;

  beforeEach(() => {
    world = new World();
    [opened, referred, invoked, closed] = [[], [], [], 0];
    result = () => "done";
    world.openApplication = async (options) => {
      opened.push(options);
      return {
        refer: async (name: string, settings: ReferenceOptions) => {
          referred.push([name, settings]);
          const invoke = async (method: string, args: readonly unknown[], call: GenericCallOptions) => {
            invoked.push([method, args, call]);
            return result();
          };
          return { invoke };
        },
        [Symbol.asyncDispose]: async () => void (closed += 1),
      } as never;
    };
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const call = (...args: string[]) => world.run(["call", greeter, ...args]);

  test("goes over the whole framework with what the options say, and closes it", async () => {
    const line = `hello "Ada" -1 --app a,b --app c --group eu --version 1.0.0 --protocol dubbo --attachment k=v=w`;
    const ran = await call(...`${line} --attachment l= --timeout 3s`.split(" "));
    expect(ran).toMatchObject({ code: 0, out: '"done"', err: "" });
    expect(opened).toEqual([{ name: "dubbo-ts-cli", registry: "memory://" }]);
    expect(referred).toEqual([
      [
        greeter,
        {
          signal: expect.any(AbortSignal) as unknown,
          check: false,
          providedBy: ["a", "b", "c"],
          group: "eu",
          version: "1.0.0",
          protocol: ["dubbo"],
          attachments: { k: "v=w", l: "" },
        },
      ],
    ]);
    expect(invoked).toEqual([
      ["hello", ["Ada", -1], { signal: expect.any(AbortSignal) as unknown, timeoutMs: 3_000 }],
    ]);
    expect(closed).toBe(1);
  });

  test("to addresses given by hand asks no registry", async () => {
    await call("hello", "--url", "dubbo://h:1,dubbo://h:2", "--registry", "memory://?namespace=never");
    expect(opened[0]?.registry).toBe("memory://");
    expect(referred[0]?.[1].url).toEqual(["dubbo://h:1", "dubbo://h:2"]);
    expect(world.places.size).toBe(0);
  });

  test("sends the types that were named, else those of the published definition, else none", async () => {
    const place = world.place();
    const asked: string[] = [];
    const report = place.report as NonNullable<typeof place.report>;
    report.fetchDefinition = async (service, application) => {
      asked.push(`${service.text} ${application}`);
      return application === "java-app" ? definition : undefined;
    };
    await place.map(greeter, "other-app", "java-app");
    await call("save", "1", '["x"]', "--version", "1.0.0");
    expect(asked).toEqual([
      `${greeter}:1.0.0 other-app`,
      `${serviceKey(greeter, { version: "1.0.0" }).text} java-app`,
    ]);
    expect(invoked[0]?.[1]).toEqual([1n, ["x"]]);
    expect(invoked[0]?.[2].parameterTypes).toEqual(["long", "java.util.List"]);
    await call("both", "1");
    expect(invoked[1]?.[2].parameterTypes).toBeUndefined();
    await call("both", "1", "--types", "long");
    expect(invoked[2]?.[1]).toEqual([1n]);
    expect(invoked[2]?.[2].parameterTypes).toEqual(["long"]);
    await call("noArguments", "--types", "");
    expect(invoked[3]?.[2].parameterTypes).toEqual([]);
    report.fetchDefinition = () => Promise.reject(new Error("broken"));
    await call("hello", '"x"');
    expect(invoked[4]?.[2].parameterTypes).toBeUndefined();
  });

  test("prints JSON, indented for people, on one line for programs", async () => {
    result = () =>
      new Map<string, unknown>([
        ["class", "org.example.User"],
        ["id", 1n << 60n],
        ["esc", "\u009b2J"],
      ]);
    expect((await call("get")).out).toBe(
      '{\n  "class": "org.example.User",\n  "id": "1152921504606846976",\n  "esc": "\\u009b2J"\n}',
    );
    expect((await call("get", "--json")).out).not.toContain("\n");
    result = () => undefined;
    expect((await call("run")).out).toBe("null");
  });

  test("shows an exception by class and message, and exits with 4", async () => {
    result = () => {
      throw new RemoteException("org.example.Taken", "Ada\u001b[2J is taken\nreally", { by: 2n });
    };
    const ran = await call("rename");
    expect(ran).toMatchObject({ code: 4, out: "" });
    expect(ran.err).toBe("org.example.Taken: Ada\ufffd[2J is taken\nreally");
    const json = await call("rename", "--json");
    expect(json.code).toBe(4);
    expect(json.json()).toEqual({
      error: {
        code: "REMOTE_EXCEPTION",
        message: "Ada\u001b[2J is taken\nreally",
        class: "org.example.Taken",
        fields: { by: 2 },
      },
    });
    expect(closed).toBe(2);
  });

  test("that is no use says so and exits with 2, and calls nobody", async () => {
    for (const args of [
      ["hello", "Ada"],
      ["hello", "1", "--types", "int,int"],
      ["hello", "--attachment", "novalue"],
      ["hello", "--timeout", "0"],
      ["hello", "--timeout", "soon"],
      ["hello", "--unknown"],
      [],
    ])
      expect(await call(...args)).toMatchObject({ code: 2, out: "" });
    expect(opened).toEqual([]);
  });
});
