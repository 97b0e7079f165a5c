import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RemoteException, type ServiceKey, serviceKey, systemClock } from "@dubbo-ts/core";
import {
  defineService,
  echoMethod,
  genericMethod,
  type Invocation,
  type Invoker,
  type JavaType,
  java,
  method,
  type MethodDefinition,
  type ServiceDefinition,
} from "@dubbo-ts/rpc";
import { RecordedUser as User, RecordedUserService as UserService } from "@dubbo-ts/testkit";
import { decodeFrames, type Frame, frameFlags, frameStatus } from "./frame.js";
import { decodeRequest } from "./request-decoder.js";
import { RequestEncoder } from "./request-encoder.js";
import { decodeResponse } from "./response-decoder.js";
import { ResponseEncoder } from "./response-encoder.js";
import { ServiceTable } from "./service-table.js";

const MetadataService = defineService("org.apache.dubbo.metadata.MetadataService", {
  getMetadataInfo: method([java.string()], java.any()),
});

const user = (id: bigint, gender: User["gender"], boss: User | null): User => ({
  id,
  name: `user-${id}`,
  age: 20 + Number(id),
  gender,
  birthday: new Date(946_684_800_000),
  tags: ["a", "b"],
  attrs: new Map<string, unknown>([
    ["n", 1],
    ["k", "v"],
  ]),
  boss,
  avatar: Buffer.from([1, 2, 3]),
  balance: "12.50",
});

const unused: Invoker = { invoke: () => Promise.reject(new Error("not called")) };

function table(...services: [ServiceDefinition, ServiceKey][]): ServiceTable {
  const served = new ServiceTable();
  for (const [definition, key] of services) served.add({ key, definition, invoker: unused });
  return served;
}

interface Recorded {
  readonly section: string;
  readonly toProvider: boolean;
  readonly frame: Frame;
}

function recorded(file: string): readonly Recorded[] {
  let section = "";
  const frames: Recorded[] = [];
  for (const line of readFileSync(join(__dirname, "fixtures", file), "latin1").split("\n")) {
    if (line.startsWith("= ")) section = line.slice(2);
    const [direction, hex] = line.split(" ");
    if (hex === undefined || (direction !== ">" && direction !== "<")) continue;
    const [frame] = decodeFrames(Buffer.from(hex, "hex"));
    if (frame !== undefined && (frame.flags & frameFlags.event) === 0)
      frames.push({ section, toProvider: direction === ">", frame });
  }
  return frames;
}

const javaFrames = recorded("java-frames.txt");
const goFrames = recorded("go-frames.txt");
const userKey = serviceKey("org.example.interop.UserService");

function requestsOf(section: string, services: ServiceTable) {
  return javaFrames
    .filter((each) => each.section === section && each.toProvider)
    .map(({ frame }) => ({ frame, request: decodeRequest(frame, services) }));
}

function answersOf(section: string, type: JavaType, count = Infinity) {
  return javaFrames
    .filter((each) => each.section === section && !each.toProvider)
    .slice(0, count)
    .map(({ frame }) => decodeResponse(frame, type, "dubbo://java:1"));
}

/** A whole frame, as hex, up to where its attachments begin: they may differ, and with them the length. */
function comparable(one: Frame, attachments: ReadonlyMap<string, string>): string {
  const [firstKey] = attachments.keys();
  const marker = Buffer.from(`H${String.fromCharCode(firstKey?.length ?? 0)}${firstKey}`, "latin1");
  const end = one.bytes.lastIndexOf(marker);
  return `${one.flags.toString(16)} ${one.status} ${one.bytes.toString("hex", one.start, end)}`;
}

describe("frames recorded between Java programs", () => {
  const services = table([UserService, userKey]);

  test("decode to the calls that were made", () => {
    const one = requestsOf("get-user", services)[0]?.request;
    expect(one).toMatchObject({ protocolVersion: "2.0.2", method: "getUser", args: [1n] });
    expect(Object.fromEntries(one?.attachments ?? [])).toEqual({
      path: "org.example.interop.UserService",
      "remote.application": "java-consumer",
      interface: "org.example.interop.UserService",
      version: "0.0.0",
      timeout: "5000",
    });
    const calls = [
      "plain-values",
      "byte-array",
      "attachments",
      "timeout-slow",
      "oneway-fire",
      "echo-check",
    ].flatMap((section) =>
      requestsOf(section, services).map(({ request }) => [request.method, ...request.args]),
    );
    expect(calls).toEqual([
      ["whoami"],
      ["addInt", 2_147_483_647, -2_147_483_648],
      ["addLong", 9_007_199_254_740_993n, 1n],
      ["half", 2.5],
      ["not", true],
      ["addDecimal", "12345678901234567890.10", "0.25"],
      ["plusDay", new Date(951_782_400_000)],
      ["flip", "MALE"],
      ["nothing"],
      ["echo", "hello"],
      ["echo", ""],
      ["echo", null],
      ["reverse", Buffer.from([0, 1, 255])],
      ["attachments"],
      ["slow", 3_000],
      ["fire", "and forget"],
      ["$echo", "ping"],
    ]);
    expect(requestsOf("generic-invoke", services)[0]?.request).toMatchObject({
      method: "$invoke",
      methodDefinition: genericMethod,
      args: ["getUser", ["long"], [2n]],
    });
    expect(requestsOf("echo-user", services).map(({ request }) => request.args)).toEqual([
      [
        expect.objectContaining({
          id: 7n,
          boss: expect.objectContaining({ name: "user-1", balance: "12.50" }),
        }),
      ],
      [null],
    ]);
  });

  test("decode to the values that came back", () => {
    const boss = user(1n, "FEMALE", null);
    expect(answersOf("get-user", User.nullable()).map(({ value }) => value)).toEqual([
      boss,
      user(2n, "MALE", boss),
    ]);
    const [list] = answersOf("list-map-users", java.list(User), 1);
    expect(((list?.value ?? []) as User[]).map(({ id, name }) => [id, name])).toEqual([
      [1n, "user-1"],
      [2n, "user-2"],
      [3n, "user-3"],
    ]);
    const plain = javaFrames
      .filter(({ section, toProvider }) => section === "plain-values" && !toProvider)
      .map(({ frame }, index) => {
        const asked = requestsOf("plain-values", services)[index]?.request
          .methodDefinition as MethodDefinition;
        return decodeResponse(frame, asked.result, "dubbo://java:1").value;
      });
    expect(plain).toEqual([
      "java/java-dubbo/21130",
      -1,
      9_007_199_254_740_994n,
      1.25,
      false,
      "12345678901234567890.35",
      new Date(951_868_800_000),
      "FEMALE",
      undefined,
      "hello",
      "",
      null,
    ]);
    const [answer] = answersOf("attachments", java.map(java.string(), java.string()));
    expect([answer?.value, answer?.attachments]).toEqual([
      new Map([
        ["x-b", "zwei"],
        ["x-a", "1"],
      ]),
      new Map([["x-reply", "ok"]]),
    ]);
  });

  test("decode to the exceptions that were thrown", () => {
    const errors = answersOf("exceptions", java.string().nullable()).map(({ error }) => error);
    expect(errors).toEqual([expect.any(RemoteException), expect.any(RemoteException)]);
    expect(errors).toMatchObject([
      { className: "org.example.interop.BusinessException", detail: "checked failure", fields: { code: 42 } },
      { className: "java.lang.RuntimeException", detail: "runtime failure" },
    ]);
  });

  test("of the MetadataService decode, found by group", () => {
    const key = serviceKey("org.apache.dubbo.metadata.MetadataService", {
      group: "java-dubbo",
      version: "1.0.0",
    });
    const [first] = requestsOf("metadata-service-v1", table([MetadataService, key]));
    expect(first?.request).toMatchObject({
      method: "getMetadataInfo",
      args: ["6200796d5edd7387b9bdafcf6493e150"],
    });
    const [answer] = answersOf("metadata-service-v1", java.any());
    expect(answer?.error).toBeUndefined();
    expect(
      JSON.stringify(answer?.value, (_, value) => (value instanceof Map ? [...value] : value)),
    ).toContain("org.example.interop.UserService");
    const other = serviceKey("org.apache.dubbo.metadata.MetadataService", {
      group: "other",
      version: "1.0.0",
    });
    expect(() => requestsOf("metadata-service-v1", table([MetadataService, other]))).toThrow(
      expect.objectContaining({ code: "SERVICE_NOT_FOUND", status: frameStatus.serviceError }),
    );
  });

  test("are the bytes that we write for the same calls, but for id and attachments", () => {
    const encoder = new RequestEncoder("java-consumer", 8_388_608);
    let compared = 0;
    for (const { section, toProvider, frame } of javaFrames) {
      if (!toProvider || section === "metadata-service-v1") continue;
      const request = decodeRequest(frame, services);
      const invocation = invocationOf(request, (frame.flags & 0x40) === 0);
      const written = Buffer.from(encoder.encode(invocation, frame.idHigh, frame.idLow, 5_000));
      expect(written.subarray(4, 12)).toEqual(frame.bytes.subarray(4, 12));
      expect([section, comparable(decodeFrames(written)[0] as Frame, new Map([["path", ""]]))]).toEqual([
        section,
        comparable(frame, request.attachments),
      ]);
      compared += 1;
    }
    expect(compared).toBe(26);
  });

  test("are the bytes that we write for the same answers, but for attachments", () => {
    const encoder = new ResponseEncoder(8_388_608);
    const requests = javaFrames.filter(({ toProvider }) => toProvider);
    const answers = javaFrames.filter(({ toProvider }) => !toProvider);
    let compared = 0;
    for (const { section, frame } of answers) {
      const asked = requests.find((each) => each.frame.idLow === frame.idLow)?.frame as Frame;
      // A generic result and the MetadataInfo are values without a declared shape; exceptions carry Java's stacks.
      if (["exceptions", "metadata-service-v1", "generic-invoke"].includes(section)) continue;
      const { methodDefinition } = decodeRequest(asked, services);
      const { value, attachments } = decodeResponse(frame, methodDefinition.result, "");
      const target = { idHigh: frame.idHigh, idLow: frame.idLow, withAttachments: true };
      const written = encoder.result(target, methodDefinition.result, value, attachments);
      expect([section, written.toString("hex")]).toEqual([
        section,
        frame.bytes.toString("hex", frame.start - 16, frame.end),
      ]);
      compared += 1;
    }
    expect(compared).toBe(22);
  });
});

describe("frames recorded between dubbo-go programs", () => {
  const key = serviceKey("org.apache.dubbo.metadata.MetadataService", { group: "go-prov", version: "1.0.0" });
  const services = table([UserService, userKey], [MetadataService, key]);

  test("decode to calls, values and exceptions, trailing bytes and attachments that are no text included", () => {
    const seen = goFrames.map(({ frame, toProvider }, index) => {
      if (toProvider) {
        const { method: name, args, attachments } = decodeRequest(frame, services);
        expect(attachments.get("timeout")).toMatch(/^(0|5000)$/);
        return [name, ...args.map((arg) => (name === "echoUser" ? (arg as User).name : arg))];
      }
      const asked = goFrames[index - 1];
      if (asked === undefined || !asked.toProvider) {
        return ["closing", decodeResponse(frame, java.any(), "").attachments.get("closing")];
      }
      const { methodDefinition } = decodeRequest(asked.frame, services);
      const { value, error, attachments } = decodeResponse(frame, methodDefinition.result, "");
      expect(attachments.get("dubbo")).toBeUndefined();
      return [error?.message ?? typeof value, (error as RemoteException | undefined)?.className];
    });
    const revision =
      "e9deb6ba4b850cc3bc31cb5c529b8df894c762cea020b0c2471d06b76bd485f1752327b067c4e62644c7bcebdcc71295c943e55617450f45198dd14f6234a479";
    const failed = (kind: string, message: string, className: string) => [
      ["fail", kind],
      [message, className],
    ];
    const checked = failed("checked", "checked failure", "org.example.interop.BusinessException");
    const runtime = failed("runtime", "runtime failure", "java.lang.RuntimeException");
    const other = failed("other", "unknown kind other", "java.lang.Throwable");
    const returned = (type: string) => [type, undefined];
    expect(seen).toEqual([
      ["getMetadataInfo", revision],
      returned("object"),
      ["getUser", 2n],
      returned("object"),
      ...checked,
      ...checked,
      ...checked,
      ...runtime,
      ...runtime,
      ...runtime,
      ["nothing"],
      returned("undefined"),
      ["attachments"],
      returned("object"),
      ["echoUser", "x"],
      returned("object"),
      ["addDecimal", "1.25", "2.50"],
      returned("string"),
      ...other,
      ...other,
      ...other,
      ["closing", "true"],
    ]);
  });

  test("give a user whose lists are typed and whose fields stand in another order", () => {
    const frame = goFrames[3]?.frame as Frame;
    const { value } = decodeResponse(frame, User.nullable(), "");
    expect(value).toMatchObject({
      id: 2n,
      name: "user-2",
      tags: ["a", "b"],
      gender: "MALE",
      balance: "12.50",
    });
    expect((value as User).boss).toMatchObject({ id: 1n, name: "user-1" });
  });
});

describe("golden frames", () => {
  const Greeter = defineService("demo.Greeter", { greet: method([java.string()], java.string()) });
  const key = serviceKey("demo.Greeter", { version: "1.0.0" });
  const hex = (bytes: string) => Buffer.from(bytes.replaceAll(" ", ""), "hex");

  test("of a request", () => {
    const golden = hex(
      `dabbc20000000000000000010000007e 05322e302e32 0c64656d6f2e47726565746572 05312e302e30 056772656574
      124c6a6176612f6c616e672f537472696e673b 05776f726c64 48 09696e74657266616365 0c64656d6f2e47726565746572
      0470617468 0c64656d6f2e47726565746572 0774696d656f7574 0433303030 0776657273696f6e 05312e302e30 5a`.replace(
        /\s/g,
        "",
      ),
    );
    const [frame] = decodeFrames(golden);
    const request = decodeRequest(frame as Frame, table([Greeter, key]));
    expect([request.method, request.args, request.attachments.get("timeout")]).toEqual([
      "greet",
      ["world"],
      "3000",
    ]);
    const written = new RequestEncoder("", 1_000).encode(invocationOf(request, false), 0, 1, 3_000);
    // The order of attachments is free; all else is the same, the length too.
    expect(written.subarray(0, 73).toString("hex")).toEqual(golden.subarray(0, 73).toString("hex"));
    expect(decodeRequest(decodeFrames(written)[0] as Frame, table([Greeter, key])).attachments).toEqual(
      request.attachments,
    );
  });

  test("of answers", () => {
    const encoder = new ResponseEncoder(1_000);
    const target = { idHigh: 0, idLow: 1, withAttachments: true };
    const value = encoder.result(target, java.string(), "hello", new Map());
    expect(value).toEqual(
      hex("dabb0214000000000000000100000015 94 0568656c6c6f 48 05647562626f 05322e302e32 5a"),
    );
    const nothing = encoder.result(target, java.string(), null, new Map());
    expect(nothing).toEqual(hex("dabb021400000000000000010000000f 95 48 05647562626f 05322e302e32 5a"));
  });
});

function invocationOf(request: ReturnType<typeof decodeRequest>, oneway: boolean): Invocation {
  const { service, method: name, methodDefinition, args } = request;
  const attachments = new Map(request.attachments);
  attachments.delete("remote.application");
  return {
    service: service.key,
    definition: service.definition,
    method: name,
    methodDefinition: name === "$echo" ? echoMethod : methodDefinition,
    args,
    attachments,
    responseAttachments: new Map(),
    deadlineMs: systemClock.monotonicMs() + 5_000,
    signal: undefined,
    oneway,
    peer: undefined,
  };
}
