// The part `hessian` of `npm run interop`: Hessian 2 beside Java's own library.
import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runProgram } from "../run/program.mjs";
import { writePage } from "../run/results.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));
const seed = 2026;
const counts = { fromJava: 11_200, fromNode: 11_200 };

/** Builds Java's side; false when this machine has no Java or Maven. */
async function buildHessianPeer() {
  const program = ["mvn", "-q", "-B", "-ntp", "package"];
  const code = await runProgram(program, { cwd: folder, withinMs: 600_000 }).catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (code === undefined) return false;
  if (code !== 0) throw new Error("Java's side of the comparison of Hessian could not be built");
  return true;
}

/**
 * Builds, unless `isBuilt`, and compares both ways; where it `writes`, `result.json`, from which the page has its section. Needs the
 * built packages and no network of its own.
 *
 * @returns how many values differ; 0 where there is no Java.
 */
export async function compareHessian({ isBuilt = false, writes = true, print = console.log } = {}) {
  const there = isBuilt ? existsSync(`${folder}target/peer.jar`) : await buildHessianPeer();
  if (!there) {
    print("hessian: no Java or Maven on this machine; what Java once wrote is read by the unit tests");
    return 0;
  }
  const { compareFromJava, compareFromNode } = await import("./compare.mjs");
  const fromJava = compareFromJava(seed, counts.fromJava);
  const fromNode = compareFromNode(seed, counts.fromNode);
  const different = [...fromJava.different, ...fromNode.different];
  for (const { kind, check, expected, got, bytes } of different.slice(0, 20))
    print(
      `hessian: ${kind}, ${check}: ${got.slice(0, 300)}\n    instead of ${expected.slice(0, 300)}\n    ${bytes.slice(0, 300)}`,
    );
  const result = {
    date: new Date().toISOString().slice(0, 10),
    seed,
    fromJava: summary(fromJava),
    fromNode: summary(fromNode),
  };
  print(`hessian: ${line(result.fromJava)} of Java, ${line(result.fromNode)} of Node`);
  if (different.length === 0 && writes) {
    writeFileSync(`${folder}result.json`, `${JSON.stringify(result, undefined, 2)}\n`);
    writePage();
  }
  return different.length;
}

function summary({ values, kinds, checks, typed, identical, refused, different }) {
  const count = [...refused.values()].reduce((sum, reasons) => sum + reasons.length, 0);
  return { values, kinds: kinds.size, checks, typed, identical, refused: count, different: different.length };
}

const line = ({ values, kinds, different, refused }) =>
  `${values} values of ${kinds} kinds, ${different} differ, ${refused} refused`;
