import { ConfigError } from "@dubbo-ts/core";
import { defineService, findMethod, genericService } from "./define-service.js";
import { java, lazy } from "./java.js";
import type { JavaType } from "./java-type.js";
import { echoMethod, genericMethod, method } from "./method.js";
import { descriptorOf, javaTypeName, parseDescriptor } from "./type-names.js";

const Gender = java.enum("org.example.Gender", ["MALE", "FEMALE"]);
const User = java.object("org.example.User", { id: java.long(), gender: Gender });

/** The code and message of what `make` throws. */
function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof ConfigError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "accepted";
}

describe("java types", () => {
  test("have the descriptors and names of Java", () => {
    const cases: [JavaType, string, string][] = [
      [java.boolean(), "Z", "boolean"],
      [java.byte(), "B", "byte"],
      [java.short(), "S", "short"],
      [java.int(), "I", "int"],
      [java.long(), "J", "long"],
      [java.long({ as: "number" }), "J", "long"],
      [java.float(), "F", "float"],
      [java.double(), "D", "double"],
      [java.char(), "C", "char"],
      [java.boolean().nullable(), "Ljava/lang/Boolean;", "java.lang.Boolean"],
      [java.byte().nullable(), "Ljava/lang/Byte;", "java.lang.Byte"],
      [java.short().nullable(), "Ljava/lang/Short;", "java.lang.Short"],
      [java.int().nullable(), "Ljava/lang/Integer;", "java.lang.Integer"],
      [java.long().nullable(), "Ljava/lang/Long;", "java.lang.Long"],
      [java.float().nullable(), "Ljava/lang/Float;", "java.lang.Float"],
      [java.double().nullable(), "Ljava/lang/Double;", "java.lang.Double"],
      [java.char().nullable(), "Ljava/lang/Character;", "java.lang.Character"],
      [java.string(), "Ljava/lang/String;", "java.lang.String"],
      [java.string().nullable(), "Ljava/lang/String;", "java.lang.String"],
      [java.bytes(), "[B", "[B"],
      [java.date(), "Ljava/util/Date;", "java.util.Date"],
      [java.decimal(), "Ljava/math/BigDecimal;", "java.math.BigDecimal"],
      [java.bigInteger(), "Ljava/math/BigInteger;", "java.math.BigInteger"],
      [java.localDate(), "Ljava/time/LocalDate;", "java.time.LocalDate"],
      [java.localTime(), "Ljava/time/LocalTime;", "java.time.LocalTime"],
      [java.localDateTime(), "Ljava/time/LocalDateTime;", "java.time.LocalDateTime"],
      [java.any(), "Ljava/lang/Object;", "java.lang.Object"],
      [java.void(), "V", "void"],
      [Gender, "Lorg/example/Gender;", "org.example.Gender"],
      [User.nullable(), "Lorg/example/User;", "org.example.User"],
      [java.throwable("org.example.Oops"), "Lorg/example/Oops;", "org.example.Oops"],
      [java.list(User), "Ljava/util/List;", "java.util.List"],
      [java.set(User), "Ljava/util/Set;", "java.util.Set"],
      [java.map(java.string(), User), "Ljava/util/Map;", "java.util.Map"],
      [
        java.list(User, { className: "java.util.Collection" }),
        "Ljava/util/Collection;",
        "java.util.Collection",
      ],
      [java.array(java.int()), "[I", "[I"],
      [java.array(java.array(java.double())), "[[D", "[[D"],
      [java.array(java.long().nullable()), "[Ljava/lang/Long;", "[Ljava.lang.Long;"],
      [java.array(java.string()), "[Ljava/lang/String;", "[Ljava.lang.String;"],
      [java.array(User), "[Lorg/example/User;", "[Lorg.example.User;"],
      [lazy(() => User), "Lorg/example/User;", "org.example.User"],
      [java.long().transform({ decode: Number, encode: BigInt }), "J", "long"],
      [
        java.long().transform({ decode: Number, encode: BigInt }).nullable(),
        "Ljava/lang/Long;",
        "java.lang.Long",
      ],
    ];
    for (const [type, descriptor, name] of cases)
      expect([descriptorOf(type), javaTypeName(type)]).toEqual([descriptor, name]);
  });

  test("never change", () => {
    expect(() => Object.assign(User, { className: "other" })).toThrow(TypeError);
    const fields = { id: java.long() };
    const type = java.object("org.example.A", fields);
    Object.assign(fields, { more: java.string() });
    expect(type.kind === "object" && Object.keys(type.fields)).toEqual(["id"]);
  });

  test("a nullable primitive is its box, and nullable twice is nullable", () => {
    const box = java.long().nullable();
    expect(box).toMatchObject({ kind: "nullable", type: { kind: "long", boxed: true } });
    expect(box.nullable()).toBe(box);
    expect(java.any().nullable().kind).toBe("any");
  });

  test("a lazy type resolves to the same object every time", () => {
    const type = lazy(() => java.object("org.example.Fresh", {}));
    expect(type.kind === "lazy" && type.resolve() === type.resolve()).toBe(true);
  });

  test("what is no type is refused, and where", () => {
    const wrong = undefined as unknown as JavaType;
    const refusals = [
      () => java.object("", {}),
      () => java.object("org..User", {}),
      () => java.object("org.example.9User", {}),
      () => java.object("org.example.User", { "first name": java.string() }),
      () => java.object("org.example.User", { name: wrong }),
      () => java.object("org.example.User", { name: java.void() }),
      () => java.object("org.example.Child", { id: java.int() }, { extends: User }),
      () => java.object("org.example.Child", {}, { extends: Gender }),
      () => java.enum("org.example.Gender", ["A", "B", "A"]),
      () => java.enum("org.example.Gender", []),
      () => java.enum("org.example.Gender", ["a b"]),
      () => java.list(java.void()),
      () => java.list(wrong),
      () => java.map(java.void(), java.string()),
      () => java.list(User, { className: "java/util/List" }),
      () => java.void().nullable(),
      () => java.void().transform({ decode: String, encode: () => {} }),
      () => java.string().transform({ decode: String } as never),
      () => method([java.string(), java.void()], java.void()),
      () => method([wrong], java.void()),
      () => method([], wrong),
      () => method("J" as never, java.void()),
    ].map(refusal);
    expect(refusals).toMatchInlineSnapshot(`
[
  "DEFINITION_INVALID "" is no name of a Java class",
  "DEFINITION_INVALID "org..User" is no name of a Java class",
  "DEFINITION_INVALID "org.example.9User" is no name of a Java class",
  "DEFINITION_INVALID org.example.User: "first name" is no Java name",
  "DEFINITION_INVALID org.example.User.name: not a type built by java.*",
  "DEFINITION_INVALID org.example.User.name: void is no type of a value",
  "DEFINITION_INVALID org.example.Child: field id is its superclass's already",
  "DEFINITION_INVALID org.example.Child: extends enum, which is no java.object",
  "DEFINITION_INVALID org.example.Gender: constant A is given twice",
  "DEFINITION_INVALID org.example.Gender: no constants",
  "DEFINITION_INVALID org.example.Gender: "a b" is no Java name",
  "DEFINITION_INVALID list: void is no type of a value",
  "DEFINITION_INVALID list: not a type built by java.*",
  "DEFINITION_INVALID map key: void is no type of a value",
  "DEFINITION_INVALID "java/util/List" is no name of a Java class",
  "DEFINITION_INVALID void cannot be null: there is no value",
  "DEFINITION_INVALID transform: void is no type of a value",
  "DEFINITION_INVALID transform: both decode and encode are needed",
  "DEFINITION_INVALID parameter 1: void is no type of a value",
  "DEFINITION_INVALID parameter 0: not a type built by java.*",
  "DEFINITION_INVALID result: not a type built by java.*",
  "DEFINITION_INVALID method: its parameters are a list of types",
]
`);
  });

  test("a lazy type that is needed before it is made says so", () => {
    const later = lazy<unknown>(() => Later);
    expect(refusal(() => method([later], java.void()))).toMatch(
      /^DEFINITION_INVALID lazy: the type was needed/,
    );
    const Later: JavaType = java.object("org.example.Later", {});
    expect(descriptorOf(later)).toBe("Lorg/example/Later;");
  });
});

describe("methods and services", () => {
  const UserProvider = defineService("org.example.UserProvider", {
    getUser: method([java.long()], User.nullable()),
    listUsers: method([java.int(), Gender, java.array(java.string())], java.list(User)),
    Rename: method([java.long().nullable(), java.string()], java.void()),
    rename: method([java.string()], java.void()),
  });

  test("a method has the descriptor of its parameters and their names", () => {
    const { getUser, listUsers, Rename } = UserProvider.methods;
    expect(getUser.descriptor).toBe("J");
    expect(listUsers.descriptor).toBe("ILorg/example/Gender;[Ljava/lang/String;");
    expect(listUsers.parameterTypes).toEqual(["int", "org.example.Gender", "[Ljava.lang.String;"]);
    expect(Rename.descriptor).toBe("Ljava/lang/Long;Ljava/lang/String;");
    expect(echoMethod.descriptor).toBe("Ljava/lang/Object;");
    expect(genericMethod.descriptor).toBe("Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;");
  });

  test("a method is found by its name, by the other case of its first letter, and the implicit ones too", () => {
    const name = (asked: string) => findMethod(UserProvider, asked)?.name;
    expect(name("getUser")).toBe("getUser");
    expect(name("GetUser")).toBe("getUser");
    expect(name("rename")).toBe("rename");
    expect(name("Rename")).toBe("Rename");
    expect(["$echo", "$invoke", "$invokeAsync"].map(name)).toEqual(["$echo", "$invoke", "$invokeAsync"]);
    expect(["getuser", "", "constructor", "__proto__", "toString", "$Echo"].map(name)).toEqual(
      Array(6).fill(undefined),
    );
    expect(findMethod(UserProvider, "$invoke")?.definition).toBe(genericMethod);
    expect(findMethod(genericService("org.example.Unknown"), "$echo")?.definition).toBe(echoMethod);
  });

  test("a name that Java or a client could not have is refused", () => {
    const ping = method([], java.void());
    const refusals = [
      () => defineService("", {}),
      () => defineService("org.example.User Provider", {}),
      () => genericService("a/b"),
      () => defineService("org.example.A", { ["the" + "n"]: ping }),
      () => defineService("org.example.A", { $invoke: ping }),
      () => defineService("org.example.A", { constructor: ping }),
      () => defineService("org.example.A", { "get-user": ping }),
      () => defineService("org.example.A", { getUser: java.string() as never }),
    ].map(refusal);
    expect(refusals).toMatchInlineSnapshot(`
[
  "DEFINITION_INVALID "" is no name of a Java class",
  "DEFINITION_INVALID "org.example.User Provider" is no name of a Java class",
  "DEFINITION_INVALID "a/b" is no name of a Java class",
  "DEFINITION_INVALID org.example.A: no method can be named then",
  "DEFINITION_INVALID org.example.A: no method can be named $invoke",
  "DEFINITION_INVALID org.example.A: no method can be named constructor",
  "DEFINITION_INVALID org.example.A: "get-user" is no Java name",
  "DEFINITION_INVALID org.example.A.getUser: not built by method()",
]
`);
  });

  test("a text of descriptors is taken apart", () => {
    expect(parseDescriptor("")).toEqual([]);
    expect(parseDescriptor("Ljava/lang/String;I[J[[Lorg/A;Z")).toEqual([
      "Ljava/lang/String;",
      "I",
      "[J",
      "[[Lorg/A;",
      "Z",
    ]);
    for (const broken of ["Ljava/lang/String", "Q", "[", "I;", "L;", "[[", "IV"])
      expect(() => parseDescriptor(broken)).toThrow(
        expect.objectContaining({ code: "DECODE_FAILED", mayHaveRun: false }),
      );
  });
});
