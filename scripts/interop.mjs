// `npm run interop [-- --only=java,zookeeper,tri,provides]`: programs of other languages against this one, both ways.
// Builds them, runs every cell of the matrix, and writes docs/compatibility.md. Fails when a cell falls below what
// test/interop/results.json has recorded; `--accept` records it all the same.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildPeers } from "../test/interop/run/build.mjs";
import { allCells, cellKey, knownWords, matches } from "../test/interop/run/cells.mjs";
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
const unknown = only.filter((word) => !knownWords.includes(word));
if (unknown.length > 0) {
  console.error(`--only takes ${knownWords.join(", ")}; not ${unknown.join(", ")}`);
  process.exit(2);
}
const wanted = allCells().filter((cell) => matches(cell, only));

process.exitCode = isInside() ? await runAll() : await prepare();

async function prepare() {
  if (!values["no-build"]) {
    await build();
    installServers();
  }
  const languages = [...new Set(wanted.flatMap(({ provider, consumer }) => [provider, consumer]))];
  const built = values["no-build"] ? languages : buildPeers(languages);
  if (built.filter((name) => name !== "node").length === 0) return 0;
  return runInside(fileURLToPath(import.meta.url), process.argv.slice(2));
}

/** Inside the namespace: no network but its own. */
async function runAll() {
  // Loaded here: they need the built packages.
  const { runCalls } = await import("../test/interop/run/call-cells.mjs");
  const { registries } = await import("../test/interop/run/registries.mjs");
  const { Results } = await import("../test/interop/run/results.mjs");
  const { isBuilt } = await import("../test/interop/run/build.mjs");
  const folder = mkdtempSync(join(tmpdir(), "dubbo-ts-interop-"));
  const results = new Results();
  const cells = wanted.filter(
    ({ provider, consumer, registry }) =>
      registries[registry].isThere() && isBuilt(provider) && isBuilt(consumer),
  );
  const beginMs = performance.now();
  await runCalls(cells, folder, (cell, result) => {
    results.add(cellKey(cell), result);
    console.log(`${cellKey(cell).padEnd(44)} ${result.passed} of ${result.run}${namesOf(result)}`);
  });
  const fallen = results.fallen();
  if (fallen.length === 0 || values.accept) results.write();
  for (const line of fallen) console.error(`fell below what is recorded: ${line}`);
  const seconds = Math.round((performance.now() - beginMs) / 1_000);
  const bad = fallen.length > 0 && !values.accept;
  if (bad || results.hasFailures) console.log(`logs of the peers: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  console.log(`${cells.length} cells in ${seconds} s${bad ? ", some fell" : ""}`);
  return bad ? 1 : 0;
}

function namesOf({ failures }) {
  const lines = Object.entries(failures).map(([name, detail]) => `\n    ${name}: ${detail.slice(0, 300)}`);
  return lines.join("");
}
