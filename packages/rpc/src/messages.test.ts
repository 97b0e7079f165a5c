import { RpcError, serviceKey, systemRuntime } from "@dubbo-ts/core";
import { seededRandom } from "@dubbo-ts/testkit";
import { callContext } from "./call-context.js";
import { createClient } from "./client.js";
import { defineService } from "./define-service.js";
import { createGenericClient } from "./generic-client.js";
import { java, messageType } from "./java.js";
import { localInvoker } from "./local-protocol.js";
import { method } from "./method.js";
import { WireReader, WireWriter } from "./net/protobuf-wire.js";
import { serveImplementation } from "./serve.js";

/** A message by hand: 1 is its text. */
const Note = messageType<{ text: string }>({
  className: "demo.Note",
  encode: (value) => new WireWriter().field(1, (value as { text: string }).text).finish(),
  decode: (bytes) => {
    let text = "";
    for (const reader = new WireReader(Buffer.from(bytes)); reader.next(); )
      if (reader.field === 1) text = reader.text();
    return { text };
  },
  problemIn: (value) =>
    typeof (value as { text?: unknown } | null)?.text === "string"
      ? undefined
      : { path: ".text", why: "expected string" },
  toJson: (value) => value,
  fromJson: (json) => {
    if (typeof (json as { text?: unknown }).text !== "string") throw new Error("text: string expected");
    return json;
  },
});

const Notes = defineService("demo.Notes", {
  keep: method([Note], Note),
  list: method.serverStream([java.int()], Note),
  join: method.clientStream(Note, java.string()),
});

const seen: string[] = [];
const invoker = serveImplementation(Notes, {
  keep: ({ text }) => ({ text: `${text}!` }),
  list: async function* (count) {
    for (let index = 0; index < count; index += 1) {
      seen.push(callContext().method);
      yield { text: String(index) };
    }
  },
  join: async (notes) => {
    const texts: string[] = [];
    for await (const { text } of notes) texts.push(text);
    return texts.join();
  },
});

const key = serviceKey("demo.Notes");
const settings = { service: key, runtime: systemRuntime, timeoutMs: () => 1_000 };
const local = localInvoker({ key, definition: Notes, invoker }, systemRuntime);
const notes = createClient(Notes, local, settings);

test("a message is checked by itself, and what is wrong is told with the path", async () => {
  expect(await notes.keep({ text: "a" })).toEqual({ text: "a!" });
  await expect(notes.keep({} as never)).rejects.toThrow("keep.args[0].text: expected string");
  expect(Notes.methods.keep.descriptor).toBe("Ldemo/Note;");
});

test("a generic call gives a message as an object", async () => {
  const generic = createGenericClient("demo.Notes", local, settings);
  expect(await generic.invoke("keep", [{ text: "a", class: "demo.Note" }])).toEqual({ text: "a!" });
  await expect(generic.invoke("keep", [{ text: 1 }])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(generic.invoke("keep", ["a"])).rejects.toThrow("expected demo.Note");
});

test("the body of a streaming method has its call's context, although it runs when it is read", async () => {
  const texts: string[] = [];
  for await (const { text } of notes.list(2)) texts.push(text);
  expect(texts).toEqual(["0", "1"]);
  expect(seen).toEqual(["list", "list"]);
});

test("messages that stream in are checked where they leave", async () => {
  async function* texts(...all: unknown[]) {
    for (const text of all) yield { text } as { text: string };
  }
  expect(await notes.join(texts("a", "b"))).toBe("a,b");
  await expect(notes.join(texts("a", 1))).rejects.toThrow("messages[1].text: expected string");
});

test("the wire form of small messages is protobuf's", () => {
  const bytes = new WireWriter()
    .number(1, 300)
    .field(2, "grüße")
    .field(17, Buffer.from([1, 2]))
    .number(3, 0)
    .finish();
  expect(bytes.toString("hex")).toBe("08ac02120767 72c3bcc39f65 8a01020102".replaceAll(" ", ""));
  const fields: unknown[] = [];
  for (const reader = new WireReader(bytes); reader.next(); )
    fields.push([reader.field, reader.field === 1 ? reader.number() : reader.bytes().toString("hex")]);
  expect(fields).toEqual([
    [1, 300],
    [2, "6772c3bcc39f65"],
    [17, "0102"],
  ]);
  expect(new WireReader(new WireWriter().number(1, 2 ** 53 - 1).finish()).next()).toBe(true);
});

test("whatever the bytes are, reading them ends, in fields or in DECODE_FAILED", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Buffer.from(
      Array.from({ length: Math.floor(random() * 24) }, () => Math.floor(random() * 256)),
    );
    try {
      for (const reader = new WireReader(bytes); reader.next(); ) reader.text();
    } catch (error) {
      expect(error).toBeInstanceOf(RpcError);
      expect((error as RpcError).code).toBe("DECODE_FAILED");
    }
  }
});
