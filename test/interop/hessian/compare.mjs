// Hessian 2 of this project beside Java's own library, over seeded random values, both ways: equal or a typed refusal.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HessianReader, HessianWriter } from "@dubbo-ts/hessian2";
import { describeAny, describeTyped, typeNamed } from "../../../packages/hessian2/dist/test-support.js";
import { sample } from "./values.mjs";

const folder = fileURLToPath(new URL("target/", import.meta.url));

/** Lines out of Java's program. */
function java(args, lines = []) {
  const options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"];
  const { status, stdout, stderr } = spawnSync(
    "java",
    [...options, "-cp", `${folder}peer.jar:${folder}lib/*`, "org.example.hessian.Main", ...args.map(String)],
    {
      input: lines.map((line) => `${line}\n`).join(""),
      encoding: "utf8",
      maxBuffer: 2 ** 30,
      timeout: 300_000,
    },
  );
  if (status !== 0) throw new Error(`Java's side ended with ${status}: ${stderr.slice(-2_000)}`);
  return stdout.split("\n").slice(0, -1);
}

const write = (type, value) => {
  const writer = new HessianWriter();
  if (type === undefined) writer.writeAny(value);
  else writer.write(type, value);
  return writer.finish();
};

function read(type, bytes) {
  const reader = new HessianReader(bytes);
  const value = type === undefined ? reader.readAny() : reader.read(type);
  if (reader.position !== reader.end) throw new Error(`${reader.end - reader.position} bytes left`);
  return value;
}

/** Java 17 writes more digits than a float has now and then. */
const floatOf = (bytes) => Math.fround(read(undefined, bytes));

/** Values that Java made: kind, how to compare, type, description, description after Java read it itself, bytes. */
export function samplesOfJava(seed, count) {
  return java(["generate", seed, count]);
}

/** Any other refusal is one of a value that both sides have. */
const expectedRefusal = /^ENCODE_FAILED .*(?:got NaN|two keys are equal to Java)/;

/** What came out of a comparison. */
export class Tally {
  values = 0;
  checks = 0;
  identical = 0;
  typed = 0;
  /** Reasons by kind. */
  refused = new Map();
  /** `{ kind, check, expected, got, bytes }` */
  different = [];
  kinds = new Set();

  refuse(kind, error) {
    const reason = error.code === undefined ? undefined : `${error.code} ${error.message}`;
    if (reason === undefined || !expectedRefusal.test(reason)) return false;
    if (!this.refused.has(kind)) this.refused.set(kind, []);
    this.refused.get(kind).push(reason);
    return true;
  }

  /** Runs a check; what it throws is a refusal if it has a code, else a difference. */
  attempt(kind, check, bytes, run) {
    this.checks++;
    try {
      return run();
    } catch (error) {
      if (!this.refuse(kind, error))
        this.different.push({ kind, check, expected: "", got: String(error), bytes });
      return undefined;
    }
  }

  equal(kind, check, expected, got, bytes) {
    if (![expected].flat().includes(got))
      this.different.push({ kind, check, expected: [expected].flat()[0], got, bytes });
  }
}

/**
 * Java's values: read as `java.any()` they are what Java says; read as the declared type and written again they are
 * Java's bytes, or to Java the same value; written again from `java.any()` they are to Java the same value.
 */
export function compareFromJava(seed, count) {
  const tally = new Tally();
  const again = [];
  for (const line of samplesOfJava(seed, count)) {
    const [kind, how, type, original, self, hex] = line.split("\t");
    const bytes = Buffer.from(hex, "hex");
    tally.values++;
    tally.kinds.add(kind);
    const value = tally.attempt(kind, "read", hex, () => ({ is: read(undefined, bytes) }));
    if (value === undefined) continue;
    if (how === "value") tally.equal(kind, "read as any", original, describeAny(value.is), hex);
    const written = tally.attempt(kind, "write", hex, () => write(undefined, value.is));
    if (written !== undefined && self !== "!")
      again.push({
        kind,
        check: "written again from any",
        expected: [original, self],
        hex: written.toString("hex"),
      });
    if (type === "-") continue;
    tally.typed++;
    const typed = tally.attempt(kind, "typed", hex, () =>
      write(typeNamed(type), read(typeNamed(type), bytes)),
    );
    if (typed?.toString("hex") === hex) tally.identical++;
    else if (typed !== undefined && self === "!")
      tally.different.push({ kind, check: "bytes", expected: hex, got: typed.toString("hex"), bytes: hex });
    else if (kind === "float") tally.equal(kind, "typed", floatOf(bytes), floatOf(typed), hex);
    else if (typed !== undefined)
      again.push({
        kind,
        check: "written again typed",
        expected: [original, self],
        hex: typed.toString("hex"),
      });
  }
  const answers = java(
    ["read"],
    again.map(({ hex }) => `any\t${hex}`),
  );
  again.forEach(({ kind, check, expected, hex }, index) => {
    tally.checks++;
    tally.equal(kind, check, expected, answers[index].split("\t")[0], hex);
  });
  return tally;
}

/** Node's values: to Java they are what they are here, and what Java makes of them again is read as the same. */
export function compareFromNode(seed, count) {
  const tally = new Tally();
  const sent = [];
  for (let index = 0; index < count; index++) {
    const { kind, type, value } = sample(seed, index);
    tally.values++;
    tally.kinds.add(kind);
    const bytes = tally.attempt(kind, "write", "", () => write(type, value));
    if (bytes === undefined) continue;
    const expected = type === undefined ? describeAny(value) : describeTyped(type, value);
    sent.push({ kind, type, expected, hex: bytes.toString("hex") });
  }
  const answers = java(
    ["read"],
    sent.map(({ type, hex }) => `${type === undefined ? "any" : "exact"}\t${hex}`),
  );
  sent.forEach(({ kind, type, expected, hex }, index) => {
    const [got, back] = answers[index].split("\t");
    tally.checks++;
    tally.equal(kind, "read by Java", expected, got, hex);
    if (back === hex) tally.identical++;
    const value = tally.attempt(kind, "read back", back, () => ({
      is: read(type, Buffer.from(back, "hex")),
    }));
    if (value === undefined) return;
    const described = type === undefined ? describeAny(value.is) : describeTyped(type, value.is);
    // Java writes -0.0 as 0.0.
    tally.equal(
      kind,
      "written again by Java",
      [expected, expected.replaceAll("d8000000000000000", "d0000000000000000")],
      described,
      back,
    );
  });
  return tally;
}
