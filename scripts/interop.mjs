// `npm run interop [-- --only=java,zookeeper,tri,provides]`: programs of other languages against this one, both ways.
// Builds them, runs every cell of the matrix, and writes docs/compatibility.md. Fails when a cell falls below what
// test/interop/results.json has recorded, twice; `--accept` records it all the same.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compareHessian } from "../test/interop/hessian/run.mjs";
import { Budget } from "../test/interop/run/budget.mjs";
import { buildPeers } from "../test/interop/run/build.mjs";
import { allCells, allLives, knownWords, matches } from "../test/interop/run/cells.mjs";
import { isInside, runInside } from "../test/interop/run/namespace.mjs";
import { build } from "./build-and-run.mjs";
import installServers from "./install-servers.mjs";

// CI ends a run after 45 minutes without a word: this one ends before, with all it knows, and changes no file.
const isCi = process.env.CI === "true";
const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    accept: { type: "boolean", default: false },
    complete: { type: "boolean", default: false }, // fails as well when there was no time for something
    within: { type: "string", default: isCi ? "40" : "0" }, // minutes, 0: as long as it takes
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
const begunAt = "DUBBO_TS_INTEROP_BEGUN_MS";
const print = (line) => console.log(line);
const beginMs = Number(process.env[begunAt] ?? Date.now());

process.exitCode = isInside() ? await runInNamespace() : await prepare();

async function prepare() {
  if (!values["no-build"]) {
    await build();
    installServers();
  }
  const different =
    wants("hessian") && words.length === 0
      ? await compareHessian({ isBuilt: values["no-build"], writes: !isCi })
      : 0;
  const all = [...wanted.cells, ...wanted.lives];
  if (all.length === 0) print("no cell and no story has all these words");
  const languages = [...new Set(all.flatMap(({ provider, consumer }) => [provider, consumer]))];
  const built = values["no-build"] ? languages : await buildPeers(languages);
  if (built.filter((name) => name !== "node").length === 0) return different > 0 ? 1 : 0;
  const code = await runInside(fileURLToPath(import.meta.url), process.argv.slice(2), {
    [begunAt]: String(beginMs),
  });
  return different > 0 ? 1 : code;
}

/** Whatever ends it ends the peers and the registries as well: all of them are killed at the exit. */
async function runInNamespace() {
  process.setMaxListeners(0); // every peer and every server waits for the exit
  for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }))
    process.on(signal, () => {
      console.error(`${signal}: the run ends here, its peers and registries too`);
      process.exit(128 + number);
    });
  const { ppid } = process;
  setInterval(() => process.ppid !== ppid && process.exit(1), 500).unref(); // who started it was killed
  const budget = new Budget(Number(values.within), beginMs);
  const stuck = () => {
    console.error("the run did not end in time");
    process.exit(1);
  };
  if (budget.minutes > 0) setTimeout(stuck, budget.leftMs + 60_000).unref();
  const code = await runAll(budget);
  process.exit(code);
}

/** Inside the namespace: no network but its own. */
async function runAll(budget) {
  // Loaded here: they need the built packages.
  const { estimatedSeconds, runAlone, runAtRegistries } = await import("../test/interop/run/lane.mjs");
  const { Results } = await import("../test/interop/run/results.mjs");
  const folder = mkdtempSync(join(tmpdir(), "dubbo-ts-interop-"));
  const results = new Results();
  const plan = await possibleHere();
  const beganMs = performance.now();
  const minutes = Math.ceil(estimatedSeconds(plan) / 60);
  print(`${countOf(plan)}: about ${minutes} min on two processors that are free`);
  await runAtRegistries(plan, { folder, budget, reports: reportsTo(results) });
  const again = partsOf(results.fallen());
  if (again.cells.length + again.lives.length > 0) {
    print(`once more, alone: ${countOf(again)}`);
    const second = new Results();
    await runAlone(again, { folder, budget, reports: reportsTo(second) });
    for (const line of results.takeBetter(second)) print(line);
  }
  const fallen = results.fallen().map(({ line }) => line);
  if ((fallen.length === 0 || values.accept) && !isCi) results.write();
  for (const line of fallen) console.error(`fell below what is recorded: ${line}`);
  for (const line of results.missed) console.error(`NOT RUN within ${values.within} min: ${line}`);
  const bad = (fallen.length > 0 && !values.accept) || (values.complete && results.missed.length > 0);
  if (bad || results.hasFailures) print(`logs of the peers: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  const seconds = Math.round((performance.now() - beganMs) / 1_000);
  const missed = results.missed.length === 0 ? "" : `, ${results.missed.length} of them not run`;
  print(
    `${countOf(plan)}${missed} in ${Math.floor(seconds / 60)} min ${seconds % 60} s${fallen.length > 0 ? ": some fell" : ""}`,
  );
  return bad ? 1 : 0;
}

function reportsTo(results) {
  return {
    cell: (cell, result) => print(results.addCell(cell, result)),
    life: (life, event, result) => print(results.addEvent(life, event, result)),
    broken: (part, trouble) => print(results.addBroken(part, trouble)),
    missed: (part, why) => print(results.addMissed(part, why)),
  };
}

/** What this machine has the registries and the peers for. */
async function possibleHere() {
  const { registries } = await import("../test/interop/run/registries.mjs");
  const { isBuilt } = await import("../test/interop/run/build.mjs");
  const isPossible = ({ provider, consumer, registry }) =>
    registries[registry].isThere() && isBuilt(provider) && isBuilt(consumer);
  return { cells: wanted.cells.filter(isPossible), lives: wanted.lives.filter(isPossible) };
}

/** The cells and the lives of what fell, each once. */
function partsOf(fallen) {
  const all = [...new Set(fallen.map(({ part }) => part))];
  return {
    cells: all.filter(({ story }) => story === undefined),
    lives: all.filter(({ story }) => story !== undefined),
  };
}

function countOf({ cells, lives }) {
  return `${cells.length} cells, ${lives.length} stories`;
}
