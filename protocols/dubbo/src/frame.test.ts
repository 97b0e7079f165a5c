import type { Socket } from "node:net";
import type { Clock } from "@dubbo-ts/core";
import { fakeClock, seededRandom } from "@dubbo-ts/testkit";
import { DeadlineWheel, type WheelEntry } from "./deadline-wheel.js";
import { descriptorArity } from "./descriptor.js";
import { eventResponse, heartbeatRequest, readEvent, readOnlyEvent } from "./event.js";
import { decodeFrames, type Frame, frameFlags, type FrameHeader, frameOf } from "./frame.js";
import { FrameParser } from "./frame-parser.js";
import { BatchBuffers, FrameWriter } from "./frame-writer.js";
import { Silence } from "@dubbo-ts/rpc";
import { statusError } from "./status-error.js";
import { Sweep } from "@dubbo-ts/rpc";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const bodyOf = ({ bytes, start, end }: Frame) => bytes.toString("hex", start, end);
const one = (bytes: Buffer) => decodeFrames(bytes)[0] as Frame;

/** A parser that writes down what it finds. */
function parsing(maxPayloadBytes = 1_000) {
  const seen: string[] = [];
  const name = ({ idHigh, idLow }: FrameHeader) => `${idHigh}/${idLow}`;
  const parser = new FrameParser(
    {
      onFrame: (frame) => seen.push(`${name(frame)} ${bodyOf(frame)}`),
      onOversized: (header) => seen.push(`${name(header)} oversized ${header.length}`),
    },
    maxPayloadBytes,
  );
  return { parser, seen };
}

const frame = (idLow: number, body: string, idHigh = 0) =>
  frameOf({ flags: 0xc2, status: 0, idHigh, idLow }, hex(body));

describe("frames", () => {
  test("are the golden ones of the protocol", () => {
    expect(heartbeatRequest(0, 2)).toEqual(hex("dabbe2000000000000000002 00000001 4e"));
    expect(eventResponse(one(heartbeatRequest(0, 2)))).toEqual(hex("dabb22140000000000000002 00000001 4e"));
    expect(readOnlyEvent(0, 3)).toEqual(hex("dabba2000000000000000003 00000002 0152"));
  });

  test("keep ids of 64 bits exactly", () => {
    const recorded = hex("dabba200bffb1418ecc8d996000000020152");
    expect(frameOf(one(recorded), hex("0152"))).toEqual(recorded);
    expect(eventResponse(one(hex("dabbe200ffffffffffffffff000000014e"))).subarray(4, 12)).toEqual(
      hex("ffffffffffffffff"),
    );
  });

  test("of events are told apart, with dubbo-go's second null and other serializations", () => {
    const event = (body: string, flags = 0xe2) =>
      readEvent(one(frameOf({ flags, status: 0, idHigh: 0, idLow: 1 }, hex(body))));
    expect(["4e", "4e4e", "", "0148"].map((body) => event(body))).toEqual(Array(4).fill("heartbeat"));
    expect([event("0152"), event("0157"), event("0158"), event("52"), event("78".repeat(16))]).toEqual([
      "readOnly",
      "writable",
      "unknown",
      "unknown",
      "unknown",
    ]);
    expect(event("af", 0xe0 | 23)).toBe("heartbeat");
    const foreign = eventResponse(
      one(frameOf({ flags: 0xe0 | 23, status: 0, idHigh: 0, idLow: 1 }, hex("af"))),
    );
    expect(foreign).toEqual(hex("dabb3714000000000000000100000001af"));
  });

  test("of a recording are read whole, and a damaged recording is said to be so", () => {
    const recording = Buffer.concat([frame(1, "4e"), frame(2, ""), frame(3, "0102")]);
    expect(decodeFrames(recording).map(bodyOf)).toEqual(["4e", "", "0102"]);
    for (const damaged of [recording.subarray(1), recording.subarray(0, -1), recording.subarray(0, 20)]) {
      expect(() => decodeFrames(damaged)).toThrow(expect.objectContaining({ code: "FRAME_INVALID" }));
    }
  });
});

describe("a parser of frames", () => {
  const stream = Buffer.concat([
    frame(1, "0a0b0c"),
    frame(2, ""),
    frame(-3, "ff".repeat(40), -1),
    frame(4, "4e"),
  ]);
  const whole = parsing();
  whole.parser.push(stream);

  test("finds all frames of one chunk without copying", () => {
    expect(whole.seen).toEqual(["0/1 0a0b0c", "0/2 ", `-1/-3 ${"ff".repeat(40)}`, "0/4 4e"]);
  });

  test("finds the same frames wherever the stream is cut", () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const { parser, seen } = parsing();
      parser.push(stream.subarray(0, cut));
      parser.push(stream.subarray(cut));
      expect(seen).toEqual(whole.seen);
      expect(parser.missingBytes).toBe(0);
    }
  });

  test("finds the same frames in chunks of one byte and of random lengths", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 200; round += 1) {
      const { parser, seen } = parsing();
      for (let at = 0; at < stream.length; ) {
        const end = round === 0 ? at + 1 : at + 1 + Math.floor(random() * 30);
        parser.push(stream.subarray(at, end));
        at = end;
      }
      expect(seen).toEqual(whole.seen);
    }
  });

  test("skips a body above the limit, in whatever pieces it comes, and goes on", () => {
    const large = frameOf({ flags: 0x02, status: 20, idHigh: 0, idLow: 9 }, Buffer.alloc(5_000));
    const bytes = Buffer.concat([frame(1, "01"), large, frame(2, "02")]);
    for (const size of [1, 7, 16, 100, 4_096, 10_000]) {
      const { parser, seen } = parsing();
      for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
      expect(seen).toEqual(["0/1 01", "0/9 oversized 5000", "0/2 02"]);
    }
  });

  test("takes a length with the highest bit for large, not for negative", () => {
    const { parser, seen } = parsing();
    parser.push(hex("dabbc2000000000000000001 ffffffff 00"));
    expect(seen).toEqual(["0/1 oversized 4294967295"]);
    expect(parser.missingBytes).toBe(4_294_967_294);
  });

  test("refuses other bytes as soon as the first one is there", () => {
    const foreign = expect.objectContaining({ code: "FRAME_INVALID" });
    for (const bytes of ["00", "dabc", "474554", "160301"]) {
      expect(() => parsing().parser.push(hex(bytes))).toThrow(foreign);
    }
    const cut = parsing();
    cut.parser.push(hex("da"));
    expect(() => cut.parser.push(hex("00"))).toThrow(foreign);
    const later = parsing();
    expect(() => later.parser.push(Buffer.concat([frame(1, "4e"), hex("0000")]))).toThrow(foreign);
    expect(later.seen).toEqual(["0/1 4e"]);
  });

  test("holds no more memory than what has come", () => {
    const { parser } = parsing(0x7fff_ffff);
    const before = process.memoryUsage().arrayBuffers;
    parser.push(hex("dabbc2000000000000000001 7fffff00 0102"));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000);
    expect(parser.missingBytes).toBe(0x7fffff00 - 2);
  });

  test("says nothing more after it was stopped, within one chunk too", () => {
    const seen: number[] = [];
    const parser: FrameParser = new FrameParser(
      {
        onFrame: ({ idLow }) => {
          seen.push(idLow);
          parser.stop();
        },
        onOversized: () => {},
      },
      100,
    );
    parser.push(Buffer.concat([frame(1, "4e"), frame(2, "4e")]));
    parser.push(frame(3, "4e"));
    expect(seen).toEqual([1]);
  });
});

describe("a writer of frames", () => {
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  const writing = () => {
    const writes: Buffer[] = [];
    const socket = { destroyed: false, writableEnded: false, write: (bytes: Buffer) => writes.push(bytes) };
    return { writes, writer: new FrameWriter(socket as unknown as Socket, new BatchBuffers()) };
  };

  test("joins the frames of one tick into one write, copied when they are handed over", async () => {
    const { writes, writer } = writing();
    const shared = frame(1, "01");
    expect([writer.append(shared), writer.append(frame(2, "02"))]).toEqual([0, 0]);
    shared.fill(0);
    await tick();
    expect(writes).toEqual([Buffer.concat([frame(1, "01"), frame(2, "02")])]);
    writer.append(frame(3, "03"));
    expect(writer.batch).toBe(1);
    await tick();
    expect(writes).toHaveLength(2);
  });

  test("keeps the order around a frame that is longer than a batch, and numbers it as written", async () => {
    const { writes, writer } = writing();
    const large = frameOf({ flags: 2, status: 20, idHigh: 0, idLow: 5 }, Buffer.alloc(200_000, 7));
    writer.append(frame(1, "01"));
    expect(writer.append(large)).toBeLessThan(writer.batch);
    expect(writer.append(frame(2, "02"))).toBe(writer.batch);
    await tick();
    expect(decodeFrames(Buffer.concat(writes)).map(({ idLow }) => idLow)).toEqual([1, 5, 2]);
  });

  test("starts another write when a batch is full", async () => {
    const { writes, writer } = writing();
    for (let id = 0; id < 100; id += 1) {
      writer.append(frameOf({ flags: 2, status: 20, idHigh: 0, idLow: id }, Buffer.alloc(2_000)));
    }
    await tick();
    expect(writes.length).toBe(4);
    expect(decodeFrames(Buffer.concat(writes)).map(({ idLow }) => idLow)).toEqual([...Array(100).keys()]);
  });
});

describe("a wheel of deadlines", () => {
  const entry = (deadlineMs: number, expire: () => void): WheelEntry => ({
    deadlineMs,
    expire,
    wheelPrevious: undefined,
    wheelNext: undefined,
    wheelSlot: -1,
  });

  test("expires each entry within 10 ms after its deadline, never before, over several rounds", async () => {
    const clock = fakeClock();
    const wheel = new DeadlineWheel(clock);
    const random = seededRandom(3);
    const late: number[] = [];
    for (let count = 0; count < 500; count += 1) {
      const deadlineMs = random() * 20_000;
      wheel.add(entry(deadlineMs, () => late.push(clock.monotonicMs() - deadlineMs)));
    }
    await clock.advance(20_020);
    expect(late).toHaveLength(500);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThanOrEqual(10);
  });

  test("forgets what was removed, keeps no timer for nothing, and ignores what is endless", async () => {
    const clock = fakeClock();
    const wheel = new DeadlineWheel(clock);
    const expired: string[] = [];
    const entries = ["a", "b", "c"].map((name) => entry(1_000, () => expired.push(name)));
    for (const each of entries) wheel.add(each);
    wheel.add(entry(Infinity, () => expired.push("endless")));
    wheel.remove(entries[1] as WheelEntry);
    wheel.remove(entries[1] as WheelEntry);
    await clock.advance(60_000);
    expect(expired.sort()).toEqual(["a", "c"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("takes an entry that is due and one that is earlier than all others", async () => {
    const clock = fakeClock();
    const wheel = new DeadlineWheel(clock);
    const expired: number[] = [];
    await clock.advance(5_000);
    wheel.add(entry(9_000, () => expired.push(9_000)));
    wheel.add(entry(5_050, () => expired.push(5_050)));
    wheel.add(entry(1, () => expired.push(1)));
    await clock.advance(60);
    expect(expired).toEqual([1, 5_050]);
  });

  test("survives an entry that removes its neighbours while it expires", async () => {
    const clock = fakeClock();
    const wheel = new DeadlineWheel(clock);
    let expired = 0;
    const entries: WheelEntry[] = Array.from({ length: 5 }, () =>
      entry(100, () => {
        expired += 1;
        for (const other of entries) wheel.remove(other);
      }),
    );
    for (const each of entries) wheel.add(each);
    await clock.advance(1_000);
    expect(expired).toBe(1);
  });
});

describe("silence", () => {
  const settings = { heartbeatMs: 60_000, silenceMs: 5_000 };
  const sweeps = (silence: Silence, count: number, owing = false) =>
    Array.from({ length: count }, () => silence.sweep(500, owing));

  test("of a provider that owes an answer leads to a question, then to its death", () => {
    const silence = new Silence(settings);
    silence.asked();
    expect(sweeps(silence, 4, true)).toEqual(["well", "well", "ask", "well"]);
    expect(silence.suspicious).toBe(false);
    expect(sweeps(silence, 1, true)).toEqual(["well"]);
    expect(silence.suspicious).toBe(true);
    expect(sweeps(silence, 4, true)).toEqual(["well", "well", "well", "dead"]);
  });

  test("that ends in time is forgiven at once", () => {
    const silence = new Silence(settings);
    silence.asked();
    sweeps(silence, 8, true);
    expect(silence.suspicious).toBe(true);
    silence.heard();
    expect(silence.suspicious).toBe(false);
    expect(sweeps(silence, 9, true)).toEqual(["well", "well", "well", "ask", ...Array(5).fill("well")]);
  });

  test("is not ended by calls that gave up, only by bytes", () => {
    const silence = new Silence(settings);
    silence.asked();
    expect(sweeps(silence, 8, false)).not.toContain("dead");
    silence.heard();
    expect(sweeps(silence, 60, false)).not.toContain("dead");
  });

  test("of a provider that owes nothing leads to a heartbeat a minute", () => {
    const silence = new Silence(settings);
    const first = sweeps(silence, 120);
    expect(first.indexOf("ask")).toBe(119);
    silence.asked();
    silence.heard();
    expect(sweeps(silence, 121).filter((verdict) => verdict === "ask")).toHaveLength(1);
  });

  test("is not counted while this process did not run", async () => {
    const clock = fakeClock();
    let silentMs = 0;
    const sweep = new Sweep(clock, 500);
    const member = { sweep: (elapsedMs: number) => void (silentMs += elapsedMs) };
    sweep.add(member);
    const blocked: Clock = {
      monotonicMs: () => clock.monotonicMs() * 100,
      wallMs: () => 0,
      setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs),
    };
    const jumpy = new Sweep(blocked, 500);
    jumpy.add({ sweep: (elapsedMs) => expect(elapsedMs).toBe(1_000) });
    await clock.advance(2_000);
    expect(silentMs).toBe(2_000);
    sweep.delete(member);
  });
});

describe("small things", () => {
  test("descriptors are counted, dubbo-go's V for null too", () => {
    const counts = [
      "",
      "I",
      "Ljava/lang/String;I[J",
      "[[Ljava/lang/Object;",
      "V",
      "VV",
      "L",
      "Q",
      "[",
      "Ljava",
    ];
    expect(counts.map(descriptorArity)).toEqual([0, 1, 3, 1, 1, 2, -1, -1, -1, -1]);
  });

  test("error statuses become errors that tell whether the method may have run", () => {
    const missing = "org.apache.dubbo.remoting.RemotingException: Not found exported service: a.B:1 in []";
    const cases: [number, string, string, boolean][] = [
      [
        40,
        "Fail to decode request due to: RpcInvocation [methodName=a, parameterTypes=null]",
        "PROVIDER_ERROR",
        false,
      ],
      [70, missing, "SERVICE_NOT_FOUND", false],
      [60, "", "SERVICE_NOT_FOUND", false],
      [
        70,
        "org.apache.dubbo.rpc.RpcException: No such method nope in class interface a.B",
        "METHOD_NOT_FOUND",
        false,
      ],
      [70, `java.lang.IllegalStateException: x\n at y\nCaused by: ${missing}`, "PROVIDER_ERROR", true],
      [31, "slow", "CALL_TIMEOUT", true],
      [100, "Thread pool is EXHAUSTED!", "PROVIDER_ERROR", false],
      [25, "Data length too large: 9, max payload: 8", "PAYLOAD_TOO_LARGE", true],
      [40, "Data length too large: 9, max payload: 8", "PAYLOAD_TOO_LARGE", false],
      [35, "", "CONNECTION_LOST", true],
      [99, "", "PROVIDER_ERROR", true],
    ];
    for (const [status, text, code, mayHaveRun] of cases) {
      expect(statusError(status, text, "dubbo://h:1")).toMatchObject({
        code,
        mayHaveRun,
        peer: "dubbo://h:1",
      });
    }
  });

  test("flags do not overlap", () => {
    expect(Object.values(frameFlags).reduce((all: number, flag) => all + flag, 0)).toBe(0xff);
  });
});
