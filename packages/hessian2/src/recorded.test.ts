import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RemoteException } from "@dubbo-ts/core";
import { java, type JavaType, lazy } from "@dubbo-ts/rpc";
import { HessianReader } from "./hessian-reader.js";
import { HessianWriter } from "./hessian-writer.js";
import { JavaBigInteger, JavaDecimal, JavaObject, typed } from "./java-object.js";

const Gender = java.enum("org.example.interop.Gender", ["MALE", "FEMALE"]);

interface User {
  id: bigint;
  name: string;
  age: number;
  gender: "MALE" | "FEMALE";
  birthday: Date;
  tags: string[];
  attrs: Map<string, unknown>;
  boss?: User | null;
  avatar: Uint8Array;
  balance: string;
}

const User: JavaType<User> = java.object("org.example.interop.User", {
  id: java.long(),
  name: java.string(),
  age: java.int(),
  gender: Gender,
  birthday: java.date(),
  tags: java.list(java.string()),
  attrs: java.map(java.string(), java.any()),
  boss: lazy(() => User).nullable(),
  avatar: java.bytes(),
  balance: java.decimal(),
});

function user(id: number, gender: "MALE" | "FEMALE", boss: User | null = null): User {
  return {
    id: BigInt(id),
    name: `user-${id}`,
    age: 20 + id,
    gender,
    birthday: new Date(946_684_800_000),
    tags: ["a", "b"],
    // Java's HashMap gives one order in some runs, the other in others.
    attrs: new Map<string, unknown>([
      ["n", 1],
      ["k", "v"],
    ]),
    boss,
    avatar: Buffer.from([1, 2, 3]),
    balance: "12.50",
  };
}

const bodies = new Map(
  readFileSync(join(__dirname, "fixtures", "recorded-bodies.txt"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" ") as [string, string]),
);

function recorded(name: string): Buffer {
  const hex = bodies.get(name);
  if (hex === undefined) throw new Error(`no recording ${name}`);
  return Buffer.from(hex, "hex");
}

/** Reads an answer: result flag, value, attachments. */
function readAnswer(
  name: string,
  type: JavaType,
): { flag: number; value: unknown; attachments: Map<string, string> } {
  const reader = new HessianReader(recorded(name));
  const flag = reader.readInt();
  const value = flag === 4 ? reader.read(type) : flag === 3 ? reader.readThrowable() : null;
  return { flag, value, attachments: reader.readStringMap() };
}

interface Request {
  readonly head: (string | null)[];
  readonly args: unknown[];
  readonly attachments: Map<string, string>;
}

function readRequest(name: string, types: readonly JavaType[]): Request {
  const reader = new HessianReader(recorded(name));
  const head = Array.from({ length: 5 }, () => reader.readString());
  const args = types.map((type) => reader.read(type));
  return { head, args, attachments: reader.readStringMap() };
}

function writeRequest({ head, args, attachments }: Request, types: readonly JavaType[]): Buffer {
  const writer = new HessianWriter();
  for (const text of head) writer.writeString(text);
  for (const [index, type] of types.entries()) writer.write(type, args[index]);
  writer.writeStringMap(attachments);
  return writer.finish();
}

const answers: readonly [name: string, type: JavaType, value: unknown][] = [
  ["get-user-1-answer", User, user(1, "FEMALE")],
  ["get-user-2-answer", User, user(2, "MALE", user(1, "FEMALE"))],
  ["echo-user-answer", User, user(7, "FEMALE", user(1, "FEMALE"))],
  ["whoami-answer", java.string(), "java/java-dubbo/21130"],
  ["add-int-answer", java.int(), -1],
  ["add-long-answer", java.long(), 9_007_199_254_740_994n],
  ["half-answer", java.double(), 1.25],
  ["not-answer", java.boolean(), false],
  ["add-decimal-answer", java.decimal(), "12345678901234567890.35"],
  ["plus-day-answer", java.date(), new Date(951_868_800_000)],
  ["flip-answer", Gender, "FEMALE"],
  ["echo-hello-answer", java.string(), "hello"],
  ["echo-empty-answer", java.string(), ""],
  ["reverse-answer", java.bytes(), Buffer.from([255, 1, 0])],
  [
    "attachments-answer",
    java.map(java.string(), java.string()),
    new Map([
      ["x-b", "zwei"],
      ["x-a", "1"],
    ]),
  ],
];

describe("what Java recorded", () => {
  test.each(answers)("%s reads as its value and is written to the same bytes", (name, type, value) => {
    const read = readAnswer(name, type);
    expect(read).toMatchObject({ flag: 4, value });
    const writer = new HessianWriter();
    writer.writeInt(read.flag);
    writer.write(type, read.value);
    writer.writeStringMap(read.attachments);
    expect(writer.finish().toString("hex")).toBe(recorded(name).toString("hex"));
  });

  test.each([
    ["get-user-1-request", [java.long()], [1n]],
    ["add-int-request", [java.int(), java.int()], [2_147_483_647, -2_147_483_648]],
    ["add-long-request", [java.long(), java.long()], [9_007_199_254_740_993n, 1n]],
    ["half-request", [java.double()], [2.5]],
    ["not-request", [java.boolean()], [true]],
    ["add-decimal-request", [java.decimal(), java.decimal()], ["12345678901234567890.10", "0.25"]],
    ["plus-day-request", [java.date()], [new Date(951_782_400_000)]],
    ["flip-request", [Gender], ["MALE"]],
    ["nothing-request", [], []],
    ["echo-user-request", [User], [user(7, "FEMALE", user(1, "FEMALE"))]],
    ["echo-null-request", [User.nullable()], [null]],
    ["list-users-request", [java.int()], [3]],
    ["reverse-request", [java.bytes()], [Buffer.from([0, 1, 255])]],
  ] as [string, JavaType[], unknown[]][])(
    "%s reads as its arguments and is written to the same bytes",
    (name, types, args) => {
      const request = readRequest(name, types);
      expect(request.args).toEqual(args);
      expect(request.head[0]).toBe("2.0.2");
      expect(writeRequest(request, types).toString("hex")).toBe(recorded(name).toString("hex"));
    },
  );

  test("a list of users shares definitions and enum constants", () => {
    const type = java.list(User);
    const read = readAnswer("list-users-answer", type).value as User[];
    expect(read.map(({ id }) => id)).toEqual([1n, 2n, 3n]);
    const expected = [
      user(1, "FEMALE"),
      user(2, "MALE", user(1, "FEMALE")),
      user(3, "FEMALE", user(1, "FEMALE")),
    ];
    expect(read).toEqual(expected);
    expect(write(type, read)).toBe(
      recorded("list-users-answer").toString("hex").slice(2, -recordedAttachments.length),
    );
  });

  test("a map of users comes back to the same bytes", () => {
    const type = java.map(java.string(), User);
    const read = readAnswer("map-users-answer", type).value as Map<string, User>;
    expect([...read.keys()].sort()).toEqual(["user-1", "user-2", "user-3"]);
    expect(write(type, read)).toBe(
      recorded("map-users-answer").toString("hex").slice(2, -recordedAttachments.length),
    );
  });

  test("a value that nobody declared comes as JavaObject, and goes back to the same bytes", () => {
    const reader = new HessianReader(recorded("get-user-2-answer"));
    reader.readInt();
    const value = reader.readAny() as JavaObject;
    expect(value).toBeInstanceOf(JavaObject);
    expect(value.className).toBe("org.example.interop.User");
    expect(value.fields["id"]).toBe(2n);
    expect(value.fields["balance"]).toEqual(new JavaDecimal("12.50"));
    expect(value.fields["gender"]).toEqual(new JavaObject("org.example.interop.Gender", { name: "MALE" }));
    const writer = new HessianWriter();
    writer.writeAny(value);
    expect(writer.finish().toString("hex")).toBe(
      recorded("get-user-2-answer").toString("hex").slice(2, -recordedAttachments.length),
    );
  });

  test("a generic call is written as Java writes it", () => {
    const types = [java.string(), java.array(java.string()), java.array(java.any())];
    const request = readRequest("invoke-request", types);
    expect(request.args).toEqual(["getUser", ["long"], [2n]]);
    expect(writeRequest(request, types).toString("hex")).toBe(recorded("invoke-request").toString("hex"));
    const args = ["getUser", ["long"], [typed(java.long(), 2n)]];
    expect(writeRequest({ ...request, args }, types).toString("hex")).toBe(
      recorded("invoke-request").toString("hex"),
    );
  });

  test("the map that a generic call answers reads untyped and as the class", () => {
    const { value } = readAnswer("invoke-answer", java.any());
    expect(value).toMatchObject({
      class: "org.example.interop.User",
      id: 2n,
      gender: "MALE",
      tags: ["a", "b"],
    });
    expect(readAnswer("invoke-answer", User).value).toEqual(user(2, "MALE", user(1, "FEMALE")));
  });

  test("an exception keeps class, message and fields", () => {
    const { flag, value, attachments } = readAnswer("fail-checked-answer", java.any());
    expect(flag).toBe(3);
    const error = value as RemoteException;
    expect(error).toBeInstanceOf(RemoteException);
    expect([error.className, error.detail, error.cause]).toEqual([
      "org.example.interop.BusinessException",
      "checked failure",
      undefined,
    ]);
    expect(Object.entries(error.fields)).toEqual([["code", 42]]);
    expect(attachments).toEqual(new Map([["dubbo", "2.0.2"]]));
  });

  test("a declared exception has its fields typed, in the order in which Java writes them", () => {
    const type = java.throwable("org.example.interop.BusinessException", { code: java.int() });
    const reader = new HessianReader(recorded("fail-checked-answer"));
    reader.readInt();
    const error = reader.read(type) as RemoteException;
    expect(error.fields["code"]).toBe(42);
    const answer = recorded("fail-checked-answer").subarray(1);
    expect(definitionIn(Buffer.from(write(type, error), "hex"))).toBe(definitionIn(answer));
  });
});

/** `48 "dubbo" "2.0.2" 5a` at the end of an answer. */
const recordedAttachments = "4805647562626f05322e302e325a";

/** The class definition that the bytes start with, up to its last field, `code`. */
function definitionIn(bytes: Buffer): string {
  return bytes.toString("latin1", 0, bytes.indexOf("code") + 4);
}

function write(type: JavaType, value: unknown): string {
  const writer = new HessianWriter();
  writer.write(type, value);
  return writer.finish().toString("hex");
}

const ServiceInfo = java.object("org.apache.dubbo.metadata.MetadataInfo$ServiceInfo", {
  name: java.string(),
  group: java.string().nullable(),
  version: java.string().nullable(),
  protocol: java.string(),
  port: java.int(),
  path: java.string(),
  params: java.map(java.string(), java.string()),
});

const MetadataInfo = java.object("org.apache.dubbo.metadata.MetadataInfo", {
  app: java.string(),
  revision: java.string(),
  services: java.map(java.string(), ServiceInfo),
});

interface Metadata {
  app: string;
  revision: string;
  services: Map<string, Record<string, unknown>>;
}

describe("metadata of services", () => {
  test("golden vector A, written by Java", () => {
    const info = new HessianReader(Buffer.from(vectorA, "hex")).read(MetadataInfo) as Metadata;
    expect(info.app).toBe("demo-app");
    expect(info.revision).toBe("d257d2da7b4afcafc6fe644f291c32ce");
    expect([...info.services.keys()]).toEqual(["g1/com.acme.Greeter:1.0.0:dubbo", "com.acme.Echo:tri"]);
    expect(info.services.get("g1/com.acme.Greeter:1.0.0:dubbo")).toMatchObject({
      name: "com.acme.Greeter",
      group: "g1",
      version: "1.0.0",
      protocol: "dubbo",
      port: 20_880,
      params: new Map([
        ["side", "provider"],
        ["application", "demo-app"],
        ["interface", "com.acme.Greeter"],
        ["version", "1.0.0"],
        ["group", "g1"],
      ]),
    });
    expect(info.services.get("com.acme.Echo:tri")).toMatchObject({
      port: 50_051,
      group: null,
      version: null,
    });
  });

  test("golden vector B, in another order and with a field more, reads the same way", () => {
    const info = new HessianReader(Buffer.from(vectorB, "hex")).read(MetadataInfo) as Metadata;
    expect(Object.keys(info)).toEqual(["app", "revision", "services"]);
    expect(info).toMatchObject({ app: "demo-app", revision: "abc" });
    expect(info.services.get("com.acme.Echo:tri")).toMatchObject({ protocol: "tri", port: 50_051 });
  });

  test("fields are written in Java's order", () => {
    const hex = write(MetadataInfo, { app: "a", revision: "r", services: new Map() });
    expect(hex).toBe(
      `43${text("org.apache.dubbo.metadata.MetadataInfo")}93${text("services")}${text("revision")}${text("app")}60485a${text("r")}${text("a")}`,
    );
  });

  test.each(["metadata-answer", "go-metadata-answer"])("%s is read", (name) => {
    const { value, attachments } = readAnswer(name, MetadataInfo);
    expect([...(value as Metadata).services.values()]).toMatchObject([
      { name: "org.example.interop.UserService", protocol: "dubbo" },
    ]);
    expect(attachments.get("dubbo")).toBe("2.0.2");
  });
});

function text(value: string): string {
  const head = value.length < 32 ? [value.length] : [0x30, value.length];
  return Buffer.concat([Buffer.from(head), Buffer.from(value)]).toString("hex");
}

describe("what Go recorded", () => {
  test("a user, whatever the order of its fields", () => {
    const { value } = readAnswer("go-user-answer", User);
    expect(value).toMatchObject({ tags: ["a", "b"], avatar: Buffer.from([1, 2, 3]), balance: "12.50" });
  });

  test("an exception with serialVersionUID among its fields, and attachments that are no texts", () => {
    const { value, attachments } = readAnswer("go-fail-checked-answer", java.any());
    expect(value).toMatchObject({
      className: "org.example.interop.BusinessException",
      detail: "checked failure",
    });
    expect(Object.keys((value as RemoteException).fields)).toEqual(["code"]);
    expect(attachments.get("dubbo-go-graceful-shutdown-provider-counted")).toBe("true");
  });

  test("an error of no declared class", () => {
    const { value } = readAnswer("go-fail-other-answer", java.any());
    expect(value).toMatchObject({ className: "java.lang.Throwable", detail: "unknown kind other" });
  });
});

describe("what hessian-lite writes", () => {
  const Parent = java.object("demo.Main$Parent", {
    pname: java.string(),
    plist: java.list(java.string()),
    pid: java.long(),
    pdate: java.date(),
    pobj: java.any(),
  });
  const Child: JavaType<Record<string, unknown>> = java.object(
    "demo.Main$Child",
    {
      a: java.int(),
      b: java.int().nullable(),
      f: java.float(),
      bf: java.float().nullable(),
      d: java.double(),
      c: java.char(),
      by: java.byte(),
      s: java.short(),
      z: java.boolean(),
      bc: java.char().nullable(),
      ints: java.array(java.int()),
      strs: java.array(java.string().nullable()),
      objs: java.array(java.any()),
      longs: java.array(java.long()),
      blongs: java.array(java.long().nullable()),
      bytes: java.bytes(),
      chars: java.array(java.char()),
      floats: java.array(java.float()),
      doubles: java.array(java.double()),
      bools: java.array(java.boolean()),
      dates: java.array(java.date()),
      nested: java.array(java.array(java.int())),
      kids: java.array(lazy(() => Child).nullable()),
      big: java.bigInteger().nullable(),
      dec: java.decimal(),
      ld: java.localDate(),
      lt: java.localTime(),
      ldt: java.localDateTime(),
      set: java.set(java.string()),
      map: java.map(java.long(), java.string()),
      color: java.enum("demo.Main$Color", ["RED", "GREEN"]),
      self: lazy(() => Child).nullable(),
      ex: java.throwable("java.lang.RuntimeException").nullable(),
    },
    { extends: Parent },
  ) as unknown as JavaType<Record<string, unknown>>;

  test("a class with fields of every type and a parent, and itself in it: the same bytes", () => {
    const child = new HessianReader(recorded("every-type")).read(Child) as Record<string, unknown>;
    expect(child).toMatchObject({
      pname: "pä",
      pobj: 7n,
      f: Math.fround(0.1),
      bytes: Buffer.from([1, 2]),
      chars: ["x", "y"],
      nested: [[1], [2, 3]],
      dec: "-1.50",
      ld: "2024-02-29",
      lt: "10:20:30.5",
      ldt: "2024-01-31T10:20:30",
      set: new Set(["q"]),
      map: new Map([[9n, "nine"]]),
      color: "GREEN",
    });
    expect(child["self"]).toBe(child);
    expect(write(Child, child)).toBe(recorded("every-type").toString("hex"));
  });

  test.each([
    ["big-0", 0n],
    ["big-1", 1n],
    ["big-minus-1", -1n],
    ["big-2-64", 2n ** 64n],
    ["big-minus-2-128", 1n - 2n ** 128n],
  ])("BigInteger %s", (name, value) => {
    expect(new HessianReader(recorded(name)).read(java.bigInteger())).toBe(value);
    expect(new HessianReader(recorded(name)).readAny()).toEqual(new JavaBigInteger(value));
    expect(
      new HessianReader(Buffer.from(write(java.bigInteger(), value), "hex")).read(java.bigInteger()),
    ).toBe(value);
  });

  test("an exception with fields of both kinds and a cause, whose own cause is itself", () => {
    const type = java.throwable("demo.Main$MyEx", {
      code: java.int(),
      why: java.string(),
      more: java.list(java.string()),
    });
    const error = new HessianReader(recorded("exception-with-fields")).read(type) as RemoteException;
    expect(error).toMatchObject({ className: "demo.Main$MyEx", detail: "boom" });
    expect({ ...error.fields }).toEqual({ code: 3, why: "w", more: [] });
    expect(error.cause).toMatchObject({ className: "java.lang.IllegalStateException", detail: "inner" });
    expect((error.cause as Error).cause).toBeUndefined();
    expect(definitionIn(Buffer.from(write(type, error), "hex"))).toBe(
      definitionIn(recorded("exception-with-fields")),
    );
  });
});

const vectorA =
  "4330266f72672e6170616368652e647562626f2e6d657461646174612e4d65746164617461496e666f93087365727669636573087265766973696f6e03617070604d30266a6176612e7574696c2e636f6e63757272656e742e436f6e63757272656e74486173684d61701f67312f636f6d2e61636d652e477265657465723a312e302e303a647562626f4330326f72672e6170616368652e647562626f2e6d657461646174612e4d65746164617461496e666f2453657276696365496e666f9706706172616d73047061746804706f72740870726f746f636f6c0776657273696f6e0567726f7570046e616d65614804736964650870726f76696465720b6170706c69636174696f6e0864656d6f2d61707009696e7465726661636510636f6d2e61636d652e477265657465720776657273696f6e05312e302e300567726f75700267315a10636f6d2e61636d652e47726565746572d4519005647562626f05312e302e3002673110636f6d2e61636d652e4772656574657211636f6d2e61636d652e4563686f3a74726961480b6170706c69636174696f6e0864656d6f2d61707009696e746572666163650d636f6d2e61636d652e4563686f5a0d636f6d2e61636d652e4563686fd4c383037472694e4e0d636f6d2e61636d652e4563686f5a302064323537643264613762346166636166633666653634346632393163333263650864656d6f2d617070";
const vectorB =
  "4330266f72672e6170616368652e647562626f2e6d657461646174612e4d65746164617461496e666f9403617070087265766973696f6e03746167087365727669636573600864656d6f2d6170700361626304677261794811636f6d2e61636d652e4563686f3a7472694330326f72672e6170616368652e647562626f2e6d657461646174612e4d65746164617461496e666f2453657276696365496e666f97046e616d650567726f75700776657273696f6e0870726f746f636f6c04706f7274047061746806706172616d73610d636f6d2e61636d652e4563686f4e4e03747269d4c3830d636f6d2e61636d652e4563686f48016101625a5a";
