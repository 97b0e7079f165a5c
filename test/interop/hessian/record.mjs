// `node test/interop/hessian/record.mjs`: what Java wrote, for the unit tests of a machine without Java.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { samplesOfJava } from "./compare.mjs";

const file = fileURLToPath(
  new URL("../../../packages/hessian2/src/fixtures/java-values.txt.gz", import.meta.url),
);
const maxBytes = 2_000;

const lines = samplesOfJava(2026, 448).filter((line) => line.split("\t")[5].length <= 2 * maxBytes);
writeFileSync(file, gzipSync(`${lines.join("\n")}\n`, { level: 9 }));
console.log(`${lines.length} values in ${file}`);
