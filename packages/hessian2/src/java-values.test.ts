import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { java } from "@dubbo-ts/rpc";
import { HessianReader } from "./hessian-reader.js";
import { HessianWriter } from "./hessian-writer.js";
import { JavaBigInteger, JavaDecimal, JavaObject } from "./java-object.js";
import { describeAny, typeNamed } from "./test-support.js";

/** A value that Java's own library wrote: `node test/interop/hessian/record.mjs` makes the file anew. */
interface Sample {
  readonly kind: string;
  /** Undefined where JavaScript sees the fields of a class that it has nothing for. */
  readonly description: string | undefined;
  readonly type: string | undefined;
  readonly bytes: Buffer;
}

const samples = gunzipSync(readFileSync(join(__dirname, "fixtures", "java-values.txt.gz")))
  .toString()
  .split("\n")
  .filter((line) => line !== "")
  .map((line): Sample => {
    const [kind = "", how, type, description, , hex = ""] = line.split("\t");
    return {
      kind,
      description: how === "value" ? description : undefined,
      type: type === "-" ? undefined : type,
      bytes: Buffer.from(hex, "hex"),
    };
  });

/** A BigInteger has more fields in Java, an exception its stack trace, and a float more digits now and then. */
const otherBytes: readonly string[] = ["BigInteger", "exception", "float"];

describe("what Java's own library wrote", () => {
  test("is there, a hundred kinds of it", () => {
    expect(samples.length).toBeGreaterThan(300);
    expect(new Set(samples.map(({ kind }) => kind)).size).toBeGreaterThan(100);
  });

  test("is read as java.any() as what it is", () => {
    for (const { kind, description, bytes } of samples) {
      const reader = new HessianReader(bytes);
      const value = reader.readAny();
      expect([kind, reader.position]).toEqual([kind, bytes.length]);
      if (description !== undefined) expect([kind, describeAny(value)]).toEqual([kind, description]);
    }
  });

  test("is the same after one more way through java.any()", () => {
    for (const { kind, bytes } of samples) {
      const value = new HessianReader(bytes).readAny();
      const writer = new HessianWriter();
      if (describeAny(value).includes("d7ff8000000000000")) {
        expect(() => writer.writeAny(value)).toThrow(expect.objectContaining({ code: "ENCODE_FAILED" })); // NaN
        continue;
      }
      writer.writeAny(value);
      const again = new HessianReader(writer.finish()).readAny();
      expect([kind, describeAny(again)]).toEqual([kind, describeAny(value)]);
    }
  });

  test("is written again to the byte from its declared type", () => {
    let identical = 0;
    for (const { kind, type, bytes } of samples) {
      if (type === undefined || otherBytes.includes(kind)) continue;
      const writer = new HessianWriter();
      writer.write(typeNamed(type), new HessianReader(bytes).read(typeNamed(type)));
      expect([kind, writer.finish().toString("hex")]).toEqual([kind, bytes.toString("hex")]);
      identical++;
    }
    expect(identical).toBeGreaterThan(200);
  });
});

describe("what Java takes for one", () => {
  const refusal = expect.objectContaining({
    code: "ENCODE_FAILED",
    message: expect.stringContaining("two keys are equal to Java"),
  });
  const green = () => new JavaObject("a.Color", { name: "GREEN" });

  test.each<[string, () => unknown]>([
    ["dates", () => new Date(5)],
    ["decimals", () => new JavaDecimal("1.5")],
    ["big integers", () => new JavaBigInteger(5n)],
    ["constants", green],
    ["lists", () => [1, "a"]],
  ])("%s: two equal keys of a map, or members of a set, are refused and not dropped", (_, make) => {
    const map = new Map([
      [make(), 1],
      [make(), 2],
    ]);
    expect(() => new HessianWriter().writeAny(map)).toThrow(refusal);
    expect(() => new HessianWriter().writeAny(new Set([make(), make()]))).toThrow(refusal);
  });

  test("two equal dates are refused where dates are declared, too", () => {
    const twice = () => [new Date(5), new Date(5)] as const;
    const map = new Map(twice().map((date) => [date, 1]));
    expect(() => new HessianWriter().write(java.map(java.date(), java.int()), map)).toThrow(refusal);
    expect(() => new HessianWriter().write(java.set(java.date()), new Set(twice()))).toThrow(refusal);
  });

  test("what only looks alike is written", () => {
    const writer = new HessianWriter();
    writer.writeAny(new Set([new Date(5), new Date(6), 5, 5n, "5", new JavaDecimal("5"), [5], [5n], ["5"]]));
    expect(new HessianReader(writer.finish()).readAny()).toHaveProperty("size", 9);
  });

  test("the Integer 1 and the Double 1.0 in one map or set are refused: here they are one number", () => {
    const read = (hex: string) => () => new HessianReader(Buffer.from(hex, "hex")).readAny();
    const refused = expect.objectContaining({
      code: "DECODE_FAILED",
      message: expect.stringContaining("one number"),
    });
    expect(read("489101615c01625a")).toThrow(refused);
    expect(read("48910161e101625a")()).toEqual(
      new Map<unknown, string>([
        [1, "a"],
        [1n, "b"],
      ]),
    ); // a Long
    expect(read(`57${"9191"}5a`)()).toEqual([1, 1]);
    const set = Buffer.from("java.util.HashSet").toString("hex");
    expect(read(`7211${set}915c`)).toThrow(refused);
    expect(read(`7211${set}9191`)()).toEqual(new Set([1]));
  });

  test("an array of numbers that stands in two places is one array there, too", () => {
    const writer = new HessianWriter();
    const one = Int32Array.of(1, 2);
    writer.writeAny([one, one]);
    const [left, right] = new HessianReader(writer.finish()).readAny() as unknown[];
    expect(left).toEqual([1, 2]);
    expect(right).toBe(left);
  });

  test("the float -0 keeps its sign", () => {
    const writer = new HessianWriter();
    writer.write(java.float(), -0);
    expect(new HessianReader(writer.finish()).read(java.float())).toBe(-0);
  });
});
