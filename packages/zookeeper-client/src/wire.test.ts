import fc from "fast-check";
import { FrameSplitter, FrameTooLargeError, frame } from "./frames.js";
import { JuteError, JuteReader, JuteWriter } from "./jute.js";
import { KnownStrings } from "./known-strings.js";
import {
  decodeConnectResponse,
  encodeConnectRequest,
  openAcl,
  readNodeEvent,
  readReplyHeader,
  readStat,
  writeAcl,
} from "./records.js";
import { assertPath, parseConnectString, shuffled } from "./server-list.js";
import { WatchTable } from "./watch-table.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => Buffer.from(text.replace(/\s/g, ""), "hex");

describe("jute", () => {
  test("writes each kind of value big-endian, with lengths before buffers, strings and lists", () => {
    const writer = new JuteWriter(1)
      .int(-2)
      .long(0x0102030405060708n)
      .bool(true)
      .string("é")
      .buffer(Buffer.alloc(0));
    writer.vector([7, 8], (item) => writer.int(item));
    expect(hex(writer.finish())).toBe(
      "fffffffe" + "0102030405060708" + "01" + "00000002c3a9" + "00000000" + "000000020000000700000008",
    );
  });

  test("reads back what it wrote, a null buffer as an empty one", () => {
    const reader = new JuteReader(bytes("ffffffff 00000001 61 01 fffffffffffffffe"));
    expect(hex(reader.buffer())).toBe("");
    expect([reader.string(), reader.bool(), reader.long(), reader.remaining]).toEqual(["a", true, -2n, 0]);
  });

  test("reads a list of strings whatever it is said to be like, with the strings that are there already", () => {
    const name = fc.constantFrom(
      "",
      "a",
      "b",
      "é",
      "Ã©",
      "10.0.0.1:20880",
      "10.0.0.2:20880",
      "10.0.0.12:2088",
    );
    const property = fc.property(fc.array(name), fc.array(name), (items, like) => {
      const writer = new JuteWriter();
      writer.vector(items, (item) => writer.string(item));
      const reader = new JuteReader(writer.int(7).finish());
      expect(reader.strings(like)).toEqual(items);
      expect(reader.int()).toBe(7);
    });
    fc.assert(property, { seed: 7, numRuns: 500 });
    const cut = new JuteReader(bytes("00000001 00000005 61"));
    expect(() => cut.strings(["abcde"])).toThrow(JuteError);
  });

  test("reads a list again and again, whatever came and went, with the strings that stayed as they are", () => {
    const edit = fc.record({
      at: fc.nat(12),
      gone: fc.constantFrom(0, 0, 1, 1, 2, 20),
      come: fc.array(fc.constantFrom("", "a", "b", "é", "10.0.0.1:20880", "10.0.0.12:2088"), {
        maxLength: 20,
      }),
      turned: fc.constantFrom(false, false, false, true),
    });
    const property = fc.property(fc.array(edit), fc.integer(), (edits, behind) => {
      const known = new KnownStrings();
      let items: readonly string[] = [];
      for (const { at, gone, come, turned } of edits) {
        const next = items.toSpliced(at, gone, ...come.slice(0, at % 3 === 0 ? 20 : 1));
        items = turned ? next.toReversed() : next;
        const writer = new JuteWriter().int(5);
        writer.vector(items, (item) => writer.string(item));
        const reader = new JuteReader(writer.int(behind).finish());
        reader.int();
        expect(known.read(reader)).toEqual(items);
        expect(reader.int()).toBe(behind);
        expect(reader.remaining).toBe(0);
      }
    });
    fc.assert(property, { seed: 8, numRuns: 500 });
  });

  test("reads a long list again as the same array, and one that is cut short not at all", () => {
    const written = (names: readonly string[]) => {
      const writer = new JuteWriter();
      return writer.vector(names, (name) => writer.string(name)).finish();
    };
    const names = Array.from({ length: 2_000 }, (_, at) => `10.0.0.${at}:20880`);
    const known = new KnownStrings();
    const first = known.read(new JuteReader(written(names)));
    expect(known.read(new JuteReader(written(names)))).toBe(first);
    const isCut = written(names.toSpliced(1_000, 1)).subarray(0, -1);
    expect(() => known.read(new JuteReader(isCut))).toThrow(JuteError);
    expect(() => known.read(new JuteReader(bytes("7fffffff 00000000")))).toThrow(JuteError);
    expect(known.read(new JuteReader(bytes("ffffffff")))).toEqual([]);
    expect(known.read(new JuteReader(written(names)))).toEqual(names);
  });

  test("does not take what follows a list for the item that went from its end", () => {
    const known = new KnownStrings();
    known.read(new JuteReader(bytes("00000003 00000001 61 00000001 62 00000001 63")));
    const reader = new JuteReader(bytes("00000002 00000001 61 00000001 62 00000001 63"));
    expect(known.read(reader)).toEqual(["a", "b"]);
    expect(reader.string()).toBe("c");
  });

  test("refuses lengths and counts that the bytes cannot hold, before allocating for them", () => {
    expect(() => new JuteReader(bytes("00000005 61")).buffer()).toThrow(JuteError);
    expect(() => new JuteReader(bytes("fffffffe")).buffer()).toThrow(JuteError);
    expect(() => new JuteReader(bytes("000000")).int()).toThrow(JuteError);
    const many = new JuteReader(bytes("7fffffff 00000000"));
    expect(() => many.vector(() => many.string(), 4)).toThrow("a list of 2147483647 items in 4 bytes");
  });
});

describe("records", () => {
  test("encode a connect request as the protocol's table says", () => {
    const request = {
      lastZxid: 5n,
      timeoutMs: 15_000,
      sessionId: 0x1234n,
      password: Buffer.alloc(16, 1),
      readOnly: false,
    };
    expect(hex(encodeConnectRequest(request))).toBe(
      "00000000" + "0000000000000005" + "00003a98" + "0000000000001234" + "00000010" + "01".repeat(16) + "00",
    );
  });

  test("decode a connect response, with and without its last field, and nothing else", () => {
    const response = `00000000 00000fa0 0000000000000007 00000002 abcd`;
    for (const text of [response, `${response} 00`]) {
      const decoded = decodeConnectResponse(bytes(text));
      expect({ ...decoded, password: hex(decoded.password) }).toEqual({
        timeoutMs: 4_000,
        sessionId: 7n,
        password: "abcd",
      });
    }
    for (const text of ["00000001 00000fa0 0000000000000007 00000000 00", `${response} 0000`, "00"])
      expect(() => decodeConnectResponse(bytes(text))).toThrow(JuteError);
  });

  test("decode a reply header, a stat and a watch event", () => {
    expect(readReplyHeader(new JuteReader(bytes("00000003 0000000000000009 ffffff9b")))).toEqual({
      xid: 3,
      zxid: 9n,
      error: -101,
    });
    const stat = readStat(
      new JuteReader(
        bytes(
          "0000000000000001 0000000000000002 0000018bcfe56800 0000018bcfe56801 00000003 00000004 00000005" +
            "0100002154610001 00000006 00000007 0000000000000008",
        ),
      ),
    );
    expect(stat).toEqual({
      czxid: 1n,
      mzxid: 2n,
      ctimeMs: 1_700_000_000_000,
      mtimeMs: 1_700_000_000_001,
      version: 3,
      cversion: 4,
      aversion: 5,
      ephemeralOwner: 0x0100002154610001n,
      dataLength: 6,
      childCount: 7,
      pzxid: 8n,
    });
    expect(readNodeEvent(new JuteReader(bytes("00000004 00000003 00000002 2f61")))).toEqual({
      type: "children",
      path: "/a",
    });
    expect(readNodeEvent(new JuteReader(bytes("ffffffff 00000003 00000000")))).toBeUndefined();
  });

  test("encode the open ACL", () => {
    const writer = new JuteWriter();
    writeAcl(writer, openAcl);
    expect(hex(writer.finish())).toBe(
      `000000010000001f00000005${hex(Buffer.from("world"))}00000006${hex(Buffer.from("anyone"))}`,
    );
  });
});

describe("frames", () => {
  const cut = (stream: Buffer, size: number, maxBytes = 1_000) => {
    const splitter = new FrameSplitter(maxBytes);
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += size)
      for (const body of splitter.push(stream.subarray(at, at + size))) found.push(body.toString());
    return found;
  };

  test("come out whole, however the stream is cut", () => {
    const stream = Buffer.concat(["one", "", "three"].map((text) => frame(Buffer.from(text))));
    for (let size = 1; size <= stream.length; size += 1)
      expect(cut(stream, size)).toEqual(["one", "", "three"]);
  });

  test("that are too long or of negative length are refused by their first four bytes", () => {
    expect(() => cut(bytes("000003e9"), 4)).toThrow(FrameTooLargeError);
    expect(() => cut(bytes("ffffffff"), 1)).toThrow(JuteError);
    expect(() => cut(Buffer.from("HTTP/1.1 400 Bad Request"), 24)).toThrow(FrameTooLargeError);
  });
});

describe("a connect string", () => {
  test("names servers, ports and a chroot", () => {
    expect(parseConnectString("h1:2182, h2 ,[::1]:2183/a/b/")).toEqual({
      servers: [
        { host: "h1", port: 2182 },
        { host: "h2", port: 2181 },
        { host: "::1", port: 2183 },
      ],
      chroot: "/a/b",
    });
    expect(parseConnectString("h1/").chroot).toBe("");
  });

  test("that is wrong is refused without saying a password", () => {
    for (const text of ["", "/a", "h:0", "h:70000", "h:x", "a b:1"])
      expect(() => parseConnectString(text)).toThrow(expect.objectContaining({ code: "ADDRESS_INVALID" }));
    expect(() => parseConnectString("h//a")).toThrow(expect.objectContaining({ code: "BAD_ARGUMENTS" }));
    expect(() => parseConnectString("user:secret@h:1:1")).toThrow(
      expect.not.objectContaining({ message: /secret/ }),
    );
    try {
      parseConnectString("user:secret@h:1:1");
    } catch (error) {
      expect(String(error)).not.toContain("secret");
    }
  });

  test("is tried in an order that the random source decides", () => {
    expect(shuffled([1, 2, 3], () => 0)).toEqual([1, 2, 3]);
    expect(shuffled([1, 2, 3], () => 0.999)).toEqual([3, 2, 1]);
  });

  test("and paths of nodes are told from other texts", () => {
    for (const path of ["/", "/a", "/a/b.c", "/größe"]) assertPath(path);
    for (const path of ["", "a", "/a/", "//a", "/a/../b", "/.", "/a\0"])
      expect(() => assertPath(path)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENTS" }));
  });
});

describe("the table of watches", () => {
  const recorder = () => {
    const seen: string[] = [];
    return {
      seen,
      onEvent: ({ type, path }: { type: string; path: string }) => void seen.push(`${type} ${path}`),
    };
  };

  test("gives each watcher once per event, those of the kinds that the event uses up", () => {
    const table = new WatchTable();
    const [one, two] = [recorder(), recorder()];
    table.add("data", "/a", one);
    table.add("data", "/a", one);
    table.add("child", "/a", two);
    expect([...table.take({ type: "data", path: "/a" })]).toEqual([one]);
    expect(table.size).toBe(1);
    table.add("data", "/a", two);
    expect([...table.take({ type: "deleted", path: "/a" })]).toEqual([two]);
    expect(table.size).toBe(0);
  });

  test("forgets a watcher in all its places", () => {
    const table = new WatchTable();
    const [one, two] = [recorder(), recorder()];
    table.add("exist", "/a", one);
    table.add("child", "/b", one);
    table.add("child", "/b", two);
    table.remove(one);
    expect([...table.paths()]).toEqual(["/b"]);
  });

  test("splits SetWatches at about 128 kB and loses no path", () => {
    const table = new WatchTable();
    const watcher = recorder();
    const paths = Array.from({ length: 5_000 }, (_, index) => `/watched/${"x".repeat(100)}${index}`);
    for (const [index, path] of paths.entries())
      table.add((["data", "exist", "child"] as const)[index % 3] ?? "data", path, watcher);
    const armed: string[] = [];
    let batches = 0;
    for (const body of table.setWatches(9n)) {
      batches += 1;
      expect(body.length).toBeLessThan(129 * 1024);
      const reader = new JuteReader(body);
      expect(reader.long()).toBe(9n);
      for (let kind = 0; kind < 3; kind += 1) armed.push(...reader.vector(() => reader.string(), 4));
      expect(reader.remaining).toBe(0);
    }
    expect(batches).toBeGreaterThan(3);
    expect(armed.sort()).toEqual(paths.sort());
    expect([...new WatchTable().setWatches(0n)]).toEqual([]);
  });
});
