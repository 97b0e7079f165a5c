import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { RemoteException } from "@dubbo-ts/core";
import { defineService, echoMethod, java, method, WireReader, WireWriter } from "@dubbo-ts/rpc";
import { noLeaks, waitFor } from "@dubbo-ts/testkit";
import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadProto } from "./load-proto.js";
import { codecOf, encodeException } from "./method-codec.js";
import { type Greeter, greeterProto, loadGreeter, Shop, Workbench } from "./test-support.js";
import { readResponse, textField } from "./wrapper.js";

const bench = new Workbench();
const leaks = noLeaks();

afterEach(async () => {
  await bench.clean();
  await leaks();
});

const identity = (bytes: Buffer) => bytes;
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("wrappers are byte for byte those of Java", () => {
  // recorded: java/triple/wrapped-*.txt, without the five bytes in front
  const Recorded = defineService("org.example.interop.UserService", {
    echo: method([java.string()], java.string()),
    addInt: method([java.int(), java.int()], java.int()),
    whoami: method([], java.string()),
    invoke: method([java.string(), java.array(java.string()), java.array(java.any())], java.any()),
  });
  const { echo, addInt, whoami, invoke } = Recorded.methods;

  test.each([
    [
      "one text",
      echo,
      ["hello"],
      "0a086865737369616e34 12060568656c6c6f 1a106a6176612e6c616e672e537472696e67",
    ],
    ["an empty text", echo, [""], "0a086865737369616e34 120100 1a106a6176612e6c616e672e537472696e67"],
    ["no arguments", whoami, [], "0a086865737369616e34"],
    [
      "two numbers",
      addInt,
      [2147483647, -2147483648],
      "0a086865737369616e34 1205497fffffff 12054980000000 1a03696e74 1a03696e74",
    ],
    [
      "a generic call",
      invoke,
      ["getUser", ["long"], [2n]],
      "0a086865737369616e34 12080767657455736572 120e71075b737472696e67046c6f6e67 120a71075b6f626a656374e2 1a106a6176612e6c616e672e537472696e67 1a135b4c6a6176612e6c616e672e537472696e673b 1a135b4c6a6176612e6c616e672e4f626a6563743b",
    ],
  ])("a request with %s", (_, definition, args, bytes) => {
    const codec = codecOf(definition);
    const written = codec.encodeRequest(args).toString("hex");
    expect(written).toBe(bytes.replaceAll(" ", ""));
    expect(codec.decodeRequest(hex(written))).toMatchObject({ serializeType: "hessian4" });
  });

  test("an answer echoes the serialize type; null is 4e; what is absent is null", () => {
    const codec = codecOf(echo);
    const java4 = "0a086865737369616e34 12014e 1a106a6176612e6c616e672e537472696e67";
    expect(codec.encodeResponse(null, "hessian4").toString("hex")).toBe(java4.replaceAll(" ", ""));
    const go = codec.encodeResponse("hi", "hessian2");
    expect(go.toString("hex")).toBe(
      "0a086865737369616e32120302686 91a106a6176612e6c616e672e537472696e67".replace(" ", ""),
    );
    expect(codec.decodeResponse(go)).toBe("hi");
    expect(codec.decodeResponse(hex("0a086865737369616e34"))).toBeNull();
  });

  test("another serialization is refused, and so are bytes that are no wrapper", () => {
    const codec = codecOf(echo);
    const kryo = new WireWriter()
      .field(1, "kryo")
      .field(2, Buffer.from([1]))
      .finish();
    expect(() => codec.decodeRequest(kryo)).toThrow(
      expect.objectContaining({ code: "SERIALIZATION_UNKNOWN" }) as Error,
    );
    for (const bytes of ["0aff", "12", "1205aa", "07", "00", "0a03ffff"])
      expect(() => codec.decodeResponse(hex(bytes))).toThrow(
        expect.objectContaining({ code: "DECODE_FAILED" }) as Error,
      );
  });
});

describe("a gRPC client that knows nothing of Dubbo", () => {
  async function grpcClient(options = {}) {
    const { port } = await bench.provider();
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
    bench.cleanups.push(() => client.close());
    return { client, port };
  }

  function unary(client: Client, path: string, request: Buffer, metadata = new Metadata()) {
    return new Promise<{ answer: Buffer; headers: Metadata | undefined }>((resolve, reject) => {
      let headers: Metadata | undefined;
      const call = client.makeUnaryRequest(path, identity, identity, request, metadata, (error, answer) => {
        if (error !== null) reject(error);
        else resolve({ answer: answer as Buffer, headers });
      });
      call.on("metadata", (received) => (headers = received));
    });
  }

  test("calls a protobuf service, with either case of the method, packed or not", async () => {
    const { client } = await grpcClient({ "grpc.default_compression_algorithm": compressionAlgorithms.gzip });
    const request = new WireWriter().field(1, "gRPC").finish();
    for (const method of ["SayHello", "sayHello"]) {
      const { answer } = await unary(client, `/interop.v1.Greeter/${method}`, request);
      const reader = new WireReader(answer);
      reader.next();
      expect(reader.text()).toBe("Hello gRPC");
    }
  });

  test("reads statuses of errors", async () => {
    const { client } = await grpcClient();
    const failure = new WireWriter().number(1, 5).field(2, "nobody %").finish();
    await expect(unary(client, "/interop.v1.Greeter/Fail", failure)).rejects.toMatchObject({
      code: 5,
      details: "nobody %",
    } satisfies Partial<ServiceError>);
    await expect(unary(client, "/interop.v1.Greeter/Nope", failure)).rejects.toMatchObject({ code: 12 });
    await expect(unary(client, "/interop.v1.Greeter/SayHello", hex("0aff"))).rejects.toMatchObject({
      code: 13,
    });
  });

  test("streams", async () => {
    const { client } = await grpcClient();
    const request = new WireWriter().number(1, 3).finish();
    const stream = client.makeServerStreamRequest("/interop.v1.Greeter/Count", identity, identity, request);
    const seen: string[] = [];
    for await (const message of stream) seen.push((message as Buffer).toString("hex"));
    expect(seen).toEqual(["0801", "0802", "0803"]);
  });

  test("is told an exception in the wrapper as Java tells it, but dubbo-go by a status", async () => {
    const { client } = await grpcClient();
    const { fail } = Shop.methods;
    const request = codecOf(fail).encodeRequest(["gone"]);
    const { headers, answer } = await unary(client, "/org.example.Shop/fail", request);
    expect(headers?.get("tri-exception-code")).toEqual(["3"]);
    expect(answer.toString("latin1")).toContain("org.example.NotEnoughStock");
    const go = new Client(client.getChannel().getTarget(), credentials.createInsecure(), {
      "grpc.primary_user_agent": "grpc-go-triple/0.1.0",
    });
    bench.cleanups.push(() => go.close());
    await expect(unary(go, "/org.example.Shop/fail", request)).rejects.toMatchObject({
      code: 17,
      details: "gone",
    });
  });

  test("of dubbo-go is answered without data where there is null or nothing, since it reads no null", async () => {
    const { client } = await grpcClient();
    const go = new Client(client.getChannel().getTarget(), credentials.createInsecure(), {
      "grpc.primary_user_agent": "grpc-go-triple/0.1.0",
    });
    bench.cleanups.push(() => go.close());
    const note = codecOf(Shop.methods.note).encodeRequest(["x"]);
    const nothing = codecOf(echoMethod).encodeRequest([null]);
    const answerOf = async (from: Client, name: string, request: Buffer) =>
      (await unary(from, `/org.example.Shop/${name}`, request)).answer;
    expect(readResponse(await answerOf(client, "note", note))).toEqual(Buffer.from("N"));
    expect(await answerOf(go, "note", note)).toEqual(textField(1, "hessian4"));
    expect(await answerOf(go, "$echo", nothing)).toEqual(textField(1, "hessian4"));
  });

  test("asks for health by service, and is told when the provider leaves", async () => {
    const { protocol, port } = await bench.provider();
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    bench.cleanups.push(() => client.close());
    const check = async (service: string) => {
      const request = service === "" ? Buffer.alloc(0) : new WireWriter().field(1, service).finish();
      return (await unary(client, "/grpc.health.v1.Health/Check", request)).answer.toString("hex");
    };
    expect(await check("")).toBe("0801");
    expect(await check("org.example.Shop")).toBe("0801");
    await expect(check("nope")).rejects.toMatchObject({ code: 5 });
    const watch = client.makeServerStreamRequest(
      "/grpc.health.v1.Health/Watch",
      identity,
      identity,
      new WireWriter().field(1, "org.example.Shop").finish(),
    );
    const told: string[] = [];
    watch.on("data", (message: Buffer) => told.push(message.toString("hex")));
    watch.on("error", () => {});
    await waitFor(() => told.length === 1);
    protocol.announceClosing();
    await waitFor(() => told.length === 2);
    expect(told).toEqual(["0801", "0802"]);
    expect(await check("")).toBe("0802");
  });

  test("reflects: lists services and gives the file of a symbol", async () => {
    const { client } = await grpcClient();
    const ask = async (version: string, request: Buffer) => {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const call = client.makeBidiStreamRequest(path, identity, identity);
      call.write(request);
      call.end();
      const answers: Buffer[] = [];
      for await (const answer of call) answers.push(answer as Buffer);
      return answers[0]?.toString("latin1") ?? "";
    };
    for (const version of ["v1", "v1alpha"]) {
      const list = await ask(version, new WireWriter().field(7, "").finish());
      expect(list).toContain("interop.v1.Greeter");
      expect(list).toContain("org.example.Shop");
    }
    const file = await ask("v1", new WireWriter().field(4, "interop.v1.Greeter").finish());
    expect(file).toContain("HelloRequest");
    expect(await ask("v1", new WireWriter().field(4, "no.Such").finish())).toContain("no file has no.Such");
  });
});

test("calls a plain gRPC server", async () => {
  const server = new Server();
  const reply = new WireWriter().field(1, "Hello from gRPC").finish();
  server.register(
    "/interop.v1.Greeter/SayHello",
    (_: unknown, callback: (error: null, value: Buffer) => void) => callback(null, reply),
    identity,
    identity,
    "unary",
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  bench.cleanups.unshift(() => server.forceShutdown());
  const { greeter, shop } = await bench.clients(port);
  expect((await greeter.SayHello({ name: "x" })).message).toBe("Hello from gRPC");
  await expect(shop.greet("x")).rejects.toMatchObject({ code: "METHOD_NOT_FOUND", mayHaveRun: false });
});

/** A server that answers every call but health checks as `answer` says. */
async function replay(answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
  const server = createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (headers[":path"]?.startsWith("/grpc.health") === true) {
      stream.respond(
        { ":status": 404, "content-type": "application/grpc", "grpc-status": 12 },
        { endStream: true },
      );
      return;
    }
    stream.resume();
    stream.on("end", () => answer(stream, headers));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  bench.cleanups.unshift(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const clients = await bench.clients((server.address() as AddressInfo).port);
  bench.cleanups.push(() => clients.invoker[Symbol.asyncDispose]());
  return clients;
}

function frame(message: Buffer, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

describe("answers of Dubbo for Java", () => {
  const trailersOnly = (status: number, grpcStatus: number, message: string) => (stream: ServerHttp2Stream) =>
    stream.respond(
      {
        ":status": status,
        "content-type": "application/grpc",
        "grpc-status": String(grpcStatus),
        "grpc-message": message,
      },
      { endStream: true },
    );

  test.each([
    [500, 3, "INVALID_ARGUMENT : bad argument", { detail: "bad argument", fields: { code: 3 } }],
    [500, 3, "INVALID_ARGUMENT : schlecht: äöü ?? 100%", { detail: "schlecht: äöü ?? 100%" }],
    [500, 16, "UNAUTHENTICATED : who", { fields: { status: "UNAUTHENTICATED" } }],
    [500, 2, "Internal Server Error", { fields: { status: "UNKNOWN" } }],
    [404, 12, "Invoker for gRPC not found", { code: "SERVICE_NOT_FOUND", mayHaveRun: false }],
    [
      500,
      2,
      'Cannot invoke "java.util.List.iterator()" because "methodDescriptors" is null',
      { code: "METHOD_NOT_FOUND" },
    ],
    [408, 2, "Request Timeout", { code: "CALL_TIMEOUT" }],
    [500, 14, "UNAVAILABLE : off", { code: "PROVIDER_ERROR" }],
    [500, 4, "DEADLINE_EXCEEDED : late", { code: "CALL_TIMEOUT" }],
  ])(":status %i with grpc-status %i, %s", async (status, grpcStatus, message, expected) => {
    const { greeter } = await replay(trailersOnly(status, grpcStatus, message));
    await expect(greeter.SayHello({})).rejects.toMatchObject(expected);
  });

  test("an exception in a wrapper, with the header before it and attachments in the trailers", async () => {
    const data = codecOf(Shop.methods.fail);
    const error = new RemoteException("org.example.Checked", "checked failure", { code: 7 });
    const bytes = encodeException(data, error, "hessian4");
    const { shop } = await replay((stream) => {
      stream.respond(
        { ":status": 200, te: "trailers", "content-type": "application/grpc", "tri-exception-code": "3" },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-a": "v", "grpc-status": "0" }));
      stream.end(frame(bytes));
    });
    await expect(shop.fail("x")).rejects.toMatchObject({
      className: "org.example.Checked",
      detail: "checked failure",
      fields: { code: 7 },
    });
  });

  test("headers of a request are those that Java reads", async () => {
    let seen: IncomingHttpHeaders = {};
    const { shop } = await replay((stream, headers) => {
      seen = headers;
      trailersOnly(200, 3, "x")(stream);
    });
    await expect(shop.greet("x", { attachments: { "X-A": "1" } })).rejects.toThrow();
    expect(seen).toMatchObject({
      ":path": "/org.example.Shop/greet",
      ":method": "POST",
      te: "trailers",
      "x-a": "1",
      "tri-header-convert": "%7B%22x-a%22%3A%22X-A%22%7D",
    });
    expect(seen["content-type"]).toMatch(/^application\/grpc/);
    expect(seen["grpc-timeout"]).toMatch(/^\d{1,8}m$/);
  });
});

describe("answers of dubbo-go", () => {
  test("an error in trailers behind headers, code 17 as a business error, and a reset behind it", async () => {
    const { shop } = await replay((stream) => {
      stream.respond(
        {
          ":status": 200,
          "content-type": "application/grpc+proto",
          "grpc-encoding": "gzip",
          trailer: "Grpc-Status",
        },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => {
        stream.sendTrailers({
          "grpc-status": "17",
          "grpc-message": "checked %E5%A4%B1",
          timeout: "3s",
          interface: "x",
          retries: "",
          "x-mine": "1",
        });
        setTimeout(() => stream.close(0), 20);
      });
      stream.end();
    });
    await expect(shop.fail("x")).rejects.toMatchObject({
      code: "REMOTE_EXCEPTION",
      detail: "checked 失",
      fields: { status: "BIZ_ERROR", code: 17 },
    });
  });

  test("a packed answer whose trailers repeat what was asked", async () => {
    const bytes = codecOf(Shop.methods.greet).encodeResponse("hello gzip", "hessian2");
    const { shop } = await replay((stream) => {
      stream.respond(
        { ":status": 200, "content-type": "application/grpc+proto", "grpc-encoding": "gzip" },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () =>
        stream.sendTrailers({
          "grpc-status": "0",
          "grpc-message": "",
          timeout: "3s",
          "user-agent": "x",
          "x-mine": "1",
        }),
      );
      stream.end(frame(gzipSync(bytes), 1));
    });
    let attachments: ReadonlyMap<string, string> = new Map();
    expect(await shop.greet("x", { onAttachments: (all) => (attachments = all) })).toBe("hello gzip");
    expect([...attachments]).toEqual([["x-mine", "1"]]);
  });

  test("a stream that is reset without headers, as its MetadataServiceV2 does", async () => {
    const { greeter } = await replay((stream) => stream.close(2));
    await expect(greeter.SayHello({})).rejects.toMatchObject({ code: "PROVIDER_ERROR" });
  });

  test("an answer of plain HTTP is no answer", async () => {
    const { greeter } = await replay((stream) => {
      stream.respond({ ":status": 404, "content-type": "text/plain" });
      stream.end("404 page not found\n");
    });
    await expect(greeter.SayHello({})).rejects.toMatchObject({ code: "METHOD_NOT_FOUND" });
  });
});

describe("JSON over HTTP/1.1", () => {
  async function base() {
    const { port } = await bench.provider();
    return (path: string, body?: unknown, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${port}/${path}`, {
        method: body === undefined ? "GET" : "POST",
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
        ...init,
        headers: {
          "content-type": "application/json",
          connection: "close",
          ...(init.headers as Record<string, string>),
        },
      }).then(async (response) => ({ status: response.status, body: await response.text() }));
  }

  test("takes arguments as a list, by name, bare, and in the query", async () => {
    const call = await base();
    const ok = (body: string) => ({ status: 200, body });
    expect(await call("org.example.Shop/greet", ["hi"])).toEqual(ok('"hello hi"'));
    expect(await call("org.example.Shop/greet", '"hi"')).toEqual(ok('"hello hi"'));
    expect(await call("org.example.Shop/add", [1, "9007199254740993"])).toEqual(ok("9007199254740994"));
    expect(await call("org.example.Shop/add", { a: 1, b: 2 })).toEqual(ok("3"));
    expect(await call("org.example.Shop/add?a=1&b=2")).toEqual(ok("3"));
    expect(await call("org.example.Shop/greet?name=you")).toEqual(ok('"hello you"'));
    expect(await call("org.example.Shop/move", [{ x: 1, label: "l" }, 2])).toEqual(ok('{"x":3,"label":"l"}'));
    expect(await call("org.example.Shop/move", [{ x: 1 }, 0])).toEqual(ok("null"));
    expect(await call("org.example.Shop/reverse", [[1, 2, -1]])).toEqual(ok("[-1,2,1]"));
    expect(await call("org.example.Shop/reverse", ["AQID"])).toEqual(ok("[3,2,1]"));
    expect(await call("org.example.Shop/when", ["2000-01-02 03:04:05"])).toEqual(ok('"2000-01-02 03:04:05"'));
    expect(await call("org.example.Shop/attachments", [], { headers: { "x-a": "1" } })).toEqual(
      ok('{"x-a":"1","seen-application":""}'),
    );
  });

  test("speaks ProtoJSON with protobuf services", async () => {
    const call = await base();
    const { status, body } = await call("interop.v1.Greeter/SayHello", {
      name: "curl",
      id: "7",
      data: "AQID",
      mood: "GLAD",
    });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      message: "Hello curl",
      by: "ts",
      echo: expect.objectContaining({ name: "curl", id: "7", data: "AQID", mood: "GLAD" }) as object,
    });
    expect((await call("interop.v1.Greeter/sayHello", {})).status).toBe(200);
    expect((await call("interop.v1.Greeter/SayHello", { name: 1 })).status).toBe(400);
  });

  test("answers errors as Java does", async () => {
    const call = await base();
    const failed = await call("org.example.Shop/fail", ["checked"]);
    expect(failed).toEqual({ status: 500, body: '{"message":"checked","status":"500"}' });
    for (const path of ["org.example.Shop/nope", "x.Nope/echo", "", "%2F%2e"]) {
      const { status, body } = await call(path, ["x"]);
      expect({ path, status }).toEqual({ path, status: 404 });
      expect(body).toContain("Invoker not found");
    }
    expect((await call("org.example.Shop/greet", "{")).status).toBe(400);
    expect((await call("org.example.Shop/add", [1, 1.5])).status).toBe(400);
    expect((await call("org.example.Shop/add", [1])).status).toBe(400);
    expect((await call("org.example.Shop/count", [1])).status).toBe(501);
    expect(
      (await call("org.example.Shop/greet", '["x"]', { headers: { "content-type": "text/xml" } })).status,
    ).toBe(415);
    expect((await call("interop.v1.Greeter/Fail", { code: 5, message: "nobody" })).status).toBe(404);
    expect((await call("org.example.Shop/greet", ["x"], { method: "DELETE" })).status).toBe(405);
  });
});

describe("loadProto", () => {
  test("reads a file with imports, and names services of one name in full", async () => {
    const folder = await mkdtemp(join(tmpdir(), "proto-"));
    try {
      await writeFile(
        join(folder, "common.proto"),
        'syntax="proto3"; package c; message M { string s = 1; }',
      );
      const text =
        'syntax="proto3"; package a; import "common.proto"; import "google/protobuf/timestamp.proto"; service S { rpc Go (c.M) returns (google.protobuf.Timestamp); }';
      await writeFile(join(folder, "a.proto"), text);
      const services = await loadProto(join(folder, "a.proto"));
      expect(Object.keys(services)).toEqual(["S"]);
      expect(services["S"]?.serviceInterface).toBe("a.S");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("says what is wrong with a file", async () => {
    await expect(loadProto("/no/such.proto")).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
    await expect(loadProto({ source: "service {" })).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
    await expect(loadProto({ source: 'syntax="proto3"; message M {}' })).rejects.toThrow("no service");
    expect(greeterProto).toContain("Greeter");
    const { Greeter } = await loadGreeter();
    const definition: Greeter = Greeter;
    expect(definition.serviceInterface).toBe("interop.v1.Greeter");
  });
});
