// `npm run bench -- rpc|codec|discovery|registry|start`: what dubbo-ts costs, beside what others cost. See docs/benchmarks.md.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "../scripts/build-and-run.mjs";
import { environment } from "./lib/environment.mjs";
import { installPeers } from "./lib/peers.mjs";

const programs = {
  rpc: () => import("./rpc/main.mjs"),
  codec: () => import("./codec/main.mjs"),
  discovery: () => import("./discovery/main.mjs"),
  registry: () => import("./registry/main.mjs"),
  start: () => import("./start/main.mjs"),
};

const usage = `usage: npm run bench -- <${Object.keys(programs).join("|")}> [options]
  --quick          few and short rounds: a look, no figures to quote
  --only a,b       these targets or workloads only
  --rounds n       how often everything is measured in turn
  --ms n           how long one measurement takes
  --no-peers       install and measure nothing but dubbo-ts
  --no-build       measure what was built last
  --json [file]    every round as JSON, into a file or instead of the tables`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  args: process.argv
    .slice(2)
    .map((arg, at, all) => (arg === "--json" && isJsonAlone(all[at + 1]) ? "--json=-" : arg)),
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    ms: { type: "string" },
    "no-peers": { type: "boolean", default: false },
    "no-build": { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const [name] = positionals;
if (positionals.length !== 1 || !Object.hasOwn(programs, name)) {
  console.error(usage);
  process.exit(2);
}

if (!values["no-build"]) await build();
const peers = values["no-peers"] ? false : await installPeers();
const { measure, print } = await programs[name]();
const before = environment();
const result = await measure({
  quick: values.quick,
  peers,
  only: values.only?.split(","),
  rounds: numberOf(values.rounds),
  ms: numberOf(values.ms),
  progress: (text) => console.error(text),
});
const report = { benchmark: name, quick: values.quick, before, after: environment(), ...result };
if (values.json !== "-") {
  console.log(`\n${before.text}\n`);
  print(result);
  console.log(`\nload average before ${before.load}, after ${report.after.load}`);
}
if (values.json === "-") console.log(JSON.stringify(report));
else if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);

function isJsonAlone(next) {
  return next === undefined || next.startsWith("-");
}

function numberOf(text) {
  return text === undefined ? undefined : Number(text);
}
