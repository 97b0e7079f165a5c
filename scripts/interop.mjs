// `npm run interop [-- --only=java,zookeeper,tri,provides]`: programs of other languages against this one, both ways.
// Builds them, runs every cell of the matrix, and writes docs/compatibility.md. Fails when a cell falls below what
// test/interop/results.json has recorded; `--accept` records it all the same.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compareHessian } from "../test/interop/hessian/run.mjs";
import { buildPeers } from "../test/interop/run/build.mjs";
import { allCells, allLives, knownWords, matches } from "../test/interop/run/cells.mjs";
import { isInside, runInside } from "../test/interop/run/namespace.mjs";
import { build } from "./build-and-run.mjs";
import installServers from "./install-servers.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    accept: { type: "boolean", default: false },
    "no-build": { type: "boolean", default: false }, // what is built already is used as it is
  },
});
const only = values.only.split(",").filter((word) => word !== "");
const kinds = ["calls", "life", "migration", "hessian"];
const unknown = only.filter((word) => ![...knownWords, ...kinds].includes(word));
if (unknown.length > 0) {
  console.error(`--only takes ${[...kinds, ...knownWords].join(", ")}; not ${unknown.join(", ")}`);
  process.exit(2);
}
const parts = kinds.filter((part) => only.includes(part));
const wants = (part) => parts.length === 0 || parts.includes(part);
const words = only.filter((word) => !parts.includes(word));
const wanted = {
  cells: wants("calls") ? allCells().filter((cell) => matches(cell, words)) : [],
  lives: allLives().filter((life) => wants(life.story) && matches(life, words)),
};

process.exitCode = isInside() ? await runAll() : await prepare();

async function prepare() {
  if (!values["no-build"]) {
    await build();
    installServers();
  }
  const different =
    wants("hessian") && words.length === 0 ? await compareHessian({ isBuilt: values["no-build"] }) : 0;
  const all = [...wanted.cells, ...wanted.lives];
  const languages = [...new Set(all.flatMap(({ provider, consumer }) => [provider, consumer]))];
  const built = values["no-build"] ? languages : buildPeers(languages);
  if (built.filter((name) => name !== "node").length === 0) return different > 0 ? 1 : 0;
  const code = runInside(fileURLToPath(import.meta.url), process.argv.slice(2));
  return different > 0 ? 1 : code;
}

/** Inside the namespace: no network but its own. */
async function runAll() {
  // Loaded here: they need the built packages.
  const { estimatedSeconds, runAtRegistries } = await import("../test/interop/run/lane.mjs");
  const { registries } = await import("../test/interop/run/registries.mjs");
  const { isBuilt } = await import("../test/interop/run/build.mjs");
  const { Results } = await import("../test/interop/run/results.mjs");
  const folder = mkdtempSync(join(tmpdir(), "dubbo-ts-interop-"));
  const results = new Results();
  const possible = ({ provider, consumer, registry }) =>
    registries[registry].isThere() && isBuilt(provider) && isBuilt(consumer);
  const cells = wanted.cells.filter(possible);
  const lives = wanted.lives.filter(possible);
  const beginMs = performance.now();
  const print = (line) => console.log(line);
  const minutes = Math.ceil(estimatedSeconds({ cells, lives }) / 60);
  print(`${countOf(cells, lives)}: about ${minutes} min on two processors that are free`);
  await runAtRegistries({ cells, lives }, folder, {
    cell: (cell, result) => print(results.addCell(cell, result)),
    life: (life, event, result) => print(results.addEvent(life, event, result)),
  });
  const fallen = results.fallen();
  if (fallen.length === 0 || values.accept) results.write();
  for (const line of fallen) console.error(`fell below what is recorded: ${line}`);
  const bad = fallen.length > 0 && !values.accept;
  if (bad || results.hasFailures) console.log(`logs of the peers: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  const seconds = Math.round((performance.now() - beginMs) / 1_000);
  print(
    `${countOf(cells, lives)} in ${Math.floor(seconds / 60)} min ${seconds % 60} s${bad ? ": some fell" : ""}`,
  );
  return bad ? 1 : 0;
}

function countOf(cells, lives) {
  return `${cells.length} cells, ${lives.length} stories`;
}
