import { serviceKey } from "@dubbo-ts/core";
import { createGenericClient, echo } from "@dubbo-ts/rpc";
import { noLeaks, waitFor } from "@dubbo-ts/testkit";
import { Shop, Workbench } from "./test-support.js";

const bench = new Workbench();
const leaks = noLeaks();

afterEach(async () => {
  await bench.clean();
  await leaks();
});

async function pair(options = {}, timeoutMs = 2_000) {
  const provider = await bench.provider(options);
  return { ...provider, ...(await bench.clients(provider.port, { application: "shop-web" }, timeoutMs)) };
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

async function* numbers(upTo: number): AsyncGenerator<number> {
  for (let number = 1; number <= upTo; number += 1) yield number;
}

describe("services without a .proto", () => {
  test("are called with values of every kind, null and void included", async () => {
    const { shop } = await pair();
    expect(await shop.greet("wörld 😀")).toBe("hello wörld 😀");
    expect(await shop.add(2, 2n ** 62n)).toBe(2n ** 62n + 2n);
    expect(await shop.move({ x: 1, label: null }, 2n)).toEqual({ x: 3, label: null });
    expect(await shop.move({ x: 1 }, 0n)).toBeNull();
    expect(await shop.note("noted")).toBeUndefined();
    expect(bench.stage.notes).toContain("noted");
    expect(await shop.reverse(Buffer.from([1, 2, 3]))).toEqual(Buffer.from([3, 2, 1]));
  });

  test("throw their exceptions with class, message and fields", async () => {
    const { shop } = await pair();
    await expect(shop.fail("none left")).rejects.toMatchObject({
      code: "REMOTE_EXCEPTION",
      className: "org.example.NotEnoughStock",
      detail: "none left",
      fields: { left: 3 },
    });
    await expect(shop.fail("plain")).rejects.toMatchObject({
      className: "java.lang.RuntimeException",
      detail: "plain failure",
    });
  });

  test("answer $echo and generic calls", async () => {
    const { shop, invoker } = await pair();
    expect(await echo(shop, "ping")).toBe("ping");
    const service = serviceKey(Shop.serviceInterface);
    const settings = { service, runtime: bench.runtime, timeoutMs: () => 1_000 };
    const generic = createGenericClient(Shop.serviceInterface, invoker, settings);
    expect(await generic.invoke("greet", ["you"])).toBe("hello you");
    expect(await generic.invoke("move", [{ x: 1, label: "a" }, 1])).toEqual({
      class: "org.example.Point",
      x: 2,
      label: "a",
    });
    await expect(generic.invoke("fail", ["x"])).rejects.toMatchObject({
      className: "org.example.NotEnoughStock",
    });
    await expect(generic.invoke("nope", [])).rejects.toMatchObject({ code: "METHOD_NOT_FOUND" });
  });

  test("send attachments both ways, capitals and other alphabets included", async () => {
    const { shop } = await pair();
    let back: ReadonlyMap<string, string> = new Map();
    const attachments = { "x-a": "1", "X-Trace": "Ab c", text: "grüße 中文", empty: "", blank: " x " };
    const seen = await shop.attachments({ attachments, onAttachments: (all) => (back = all) });
    expect(Object.fromEntries(seen)).toEqual({ ...attachments, "seen-application": "shop-web" });
    expect(back.get("x-reply")).toBe("ok");
    expect(back.get("X-Text")).toBe("grüße 中文");
    await expect(shop.attachments({ attachments: { "a b": "1" } })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  test("stream to the consumer, from it, and both ways", async () => {
    const { shop } = await pair();
    expect(await collect(shop.count(3))).toEqual([1, 2, 3].map((x) => ({ x, label: "count" })));
    expect(await collect(shop.count(0))).toEqual([]);
    expect(await shop.sum(numbers(100))).toBe(5050n);
    expect(await shop.sum(numbers(0))).toBe(0n);
    async function* words() {
      yield "a";
      yield "b";
    }
    expect(await collect(shop.chat(words()))).toEqual(["a!", "b!"]);
  });
});

describe("protobuf services", () => {
  test("are called with messages, and 64 bits are not lost", async () => {
    const { greeter } = await pair();
    const request = {
      name: "world",
      id: 9007199254740993n,
      tags: ["a", "b"],
      attrs: { k: "v" },
      data: Buffer.from([1, 2, 3]),
      mood: "GLAD",
      inner: { text: "in" },
      text: "chosen",
    };
    const reply = await greeter.SayHello(request);
    expect(reply).toEqual({ message: "Hello world", by: "ts", echo: request });
    expect((await greeter.SayHello({})).echo).toEqual({
      name: "",
      id: 0n,
      tags: [],
      attrs: {},
      data: Buffer.alloc(0),
      mood: "CALM",
      inner: null,
    });
  });

  test("refuse what does not fit before it is sent, with the path", async () => {
    const { greeter } = await pair();
    const wrong = (request: object) => greeter.SayHello(request);
    await expect(wrong({ name: 1 })).rejects.toThrow("SayHello.args[0].name: expected string, got number 1");
    await expect(wrong({ id: 1.5 })).rejects.toThrow("args[0].id: expected int64");
    await expect(wrong({ tags: ["a", 2] })).rejects.toThrow("args[0].tags[1]: expected string");
    await expect(wrong({ nope: 2 })).rejects.toThrow("args[0].nope: unknown field");
    await expect(wrong({ mood: "SAD" })).rejects.toThrow("args[0].mood: expected one of CALM, GLAD");
    await expect(wrong({ text: "a", number: 1 })).rejects.toThrow("oneof kind has text already");
    await expect(wrong({ inner: { text: 1 } })).rejects.toThrow("args[0].inner.text: expected string");
  });

  test("answer errors with a status, and the class of an exception beside it", async () => {
    const { greeter } = await pair();
    await expect(greeter.Fail({ code: 5, message: "nobody: äöü 参数 100% \n line" })).rejects.toMatchObject({
      className: "org.apache.dubbo.rpc.StatusRpcException",
      detail: "nobody: äöü 参数 100% \n line",
      fields: { status: "NOT_FOUND", code: 5 },
    });
    await expect(greeter.Fail({ message: "checked" })).rejects.toMatchObject({
      className: "org.example.Checked",
      detail: "checked",
    });
  });

  test("stream in all three kinds", async () => {
    const { greeter } = await pair();
    expect(await collect(greeter.Count({ value: 3 }))).toEqual([{ value: 1 }, { value: 2 }, { value: 3 }]);
    async function* some() {
      for await (const value of numbers(10)) yield { value };
    }
    expect(await greeter.Sum(some())).toEqual({ value: 55 });
    expect((await collect(greeter.Chat(some()))).at(-1)).toEqual({ value: 20 });
  });
});

describe("a stream", () => {
  test("is not sent faster than it is read, and its end reaches the provider", async () => {
    const { shop } = await pair();
    let read = 0;
    for await (const { x } of shop.count(999_999)) {
      read = x;
      if (read === 10) break;
    }
    await waitFor(() => bench.stage.closedStreams > 0, { what: "the provider's stream to be closed" });
    expect(bench.stage.sentNumbers).toBeLessThan(100_000);
  });

  test("ends with the exception of the method, after the messages before it", async () => {
    const { shop } = await pair();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { x } of shop.count(13)) seen.push(x);
    })();
    await expect(reading).rejects.toMatchObject({
      className: "org.example.Unlucky",
      detail: "13 brings bad luck",
    });
    expect(seen).toEqual([1, 2, 3]);
  });

  test("is cancelled by the caller's signal, and what the program sends is ended", async () => {
    const { shop } = await pair();
    const controller = new AbortController();
    let ended = false;
    async function* endless() {
      try {
        for (;;) {
          yield "x";
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        ended = true;
      }
    }
    const reading = (async () => {
      let count = 0;
      for await (const _ of shop.chat(endless(), { signal: controller.signal })) {
        if (++count === 3) controller.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow("enough");
    await waitFor(() => ended, { what: "the end of what is sent" });
  });

  test("outlives the timeout of the reference, as in Java, but not one of its own", async () => {
    const { shop } = await pair({}, 50);
    async function* slow() {
      await new Promise((resolve) => setTimeout(resolve, 150));
      yield 1;
    }
    expect(await shop.sum(slow())).toBe(1n);
    await expect(shop.sum(slow(), { timeoutMs: 50 })).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
  });
});

describe("a call", () => {
  test("that takes too long fails, and the method learns of it", async () => {
    const { shop } = await pair();
    await shop.greet("warm");
    await expect(shop.untilCancelled("late", { timeoutMs: 60 })).rejects.toMatchObject({
      code: "CALL_TIMEOUT",
      mayHaveRun: true,
    });
    await waitFor(() =>
      bench.stage.cancelled.some((reason) => (reason as { code?: string }).code === "CALL_TIMEOUT"),
    );
  });

  test("that is cancelled rejects with the signal's reason, and the method learns of it", async () => {
    const { shop } = await pair();
    const before = bench.stage.cancelled.length;
    const controller = new AbortController();
    const call = shop.untilCancelled("cancelled", { signal: controller.signal });
    await waitFor(() => bench.stage.notes.includes("cancelled"));
    controller.abort(new Error("changed my mind"));
    await expect(call).rejects.toThrow("changed my mind");
    await waitFor(() => bench.stage.cancelled.length > before);
  });

  test("larger than the limit of either side fails with PAYLOAD_TOO_LARGE", async () => {
    const { port } = await bench.provider({ maxMessageBytes: 100_000 });
    const { shop } = await bench.clients(port, { maxMessageBytes: 50_000 });
    await expect(shop.reverse(Buffer.alloc(60_000))).rejects.toMatchObject({
      code: "PAYLOAD_TOO_LARGE",
      mayHaveRun: false,
    });
    await expect(shop.many(70_000)).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
    const { shop: generous } = await bench.clients(port, {});
    await expect(generous.reverse(Buffer.alloc(200_000))).rejects.toMatchObject({
      code: "PAYLOAD_TOO_LARGE",
    });
    expect((await generous.many(90_000)).length).toBe(90_000);
  });

  test("may be packed with gzip", async () => {
    const { port } = await bench.provider();
    const { shop } = await bench.clients(port, { compression: "gzip" });
    expect(await shop.reverse(Buffer.alloc(100_000, 1))).toEqual(Buffer.alloc(100_000, 1));
  });

  test("of what is not there names what is", async () => {
    const { invoker, port } = await pair();
    const other = { ...Shop, serviceInterface: "org.example.Other" };
    const client = bench.client(other, invoker);
    await expect(client.greet("x")).rejects.toMatchObject({ code: "METHOD_NOT_FOUND", mayHaveRun: false });
    expect(port).toBeGreaterThan(0);
  });

  test("to nobody fails with CONNECT_FAILED and has not run", async () => {
    const { shop, invoker } = await bench.clients(1, {}, 1_000);
    await expect(shop.greet("x")).rejects.toMatchObject({ code: "CONNECT_FAILED", mayHaveRun: false });
    expect(invoker.available).toBe(false);
  });
});

describe("versions and groups", () => {
  test("are told apart by headers, with Java's fallbacks", async () => {
    const protocol = bench.protocol();
    const one = serviceKey(Shop.serviceInterface, { version: "1.0.0" });
    const two = serviceKey(Shop.serviceInterface, { version: "2.0.0", group: "blue" });
    const listen = { host: "127.0.0.1", port: 0 };
    const { shop } = bench.stage;
    const { address } = await protocol.export(
      bench.served(Shop, { ...shop, greet: () => "one" }, one),
      listen,
    );
    const again = { ...listen, port: address.port };
    await protocol.export(bench.served(Shop, { ...shop, greet: () => "two" }, two), again);
    await expect(protocol.export(bench.served(Shop, shop, two), again)).rejects.toMatchObject({
      code: "SERVICE_ALREADY_EXPORTED",
    });
    const { invoker } = await bench.clients(address.port);
    const greet = (key: typeof one) => bench.client(Shop, invoker, 2_000, key).greet("x");
    expect(await greet(one)).toBe("one");
    expect(await greet(two)).toBe("two");
    expect(await greet(serviceKey(Shop.serviceInterface, { group: "green" }))).toBe("one");
  });
});
