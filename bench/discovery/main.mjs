// What following many providers costs: workloads D1, D2 and D5, and one application on a real ZooKeeper, each in a process
// of its own with an exact heap.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { zooKeeperAvailable } from "@dubbo-ts/testkit";
import { median } from "../lib/statistics.mjs";
import { short, table } from "../lib/table.mjs";
import { measureOnZooKeeper } from "./zookeeper.mjs";

/** So much new space that no collection falls between two looks at the heap: what is allocated can be counted. */
const allocationFlags = ["--min-semi-space-size=512", "--max-semi-space-size=512"];

const parts = {
  many: { module: "./many-services.mjs", settings: ({ quick }) => ({ applications: quick ? 4 : 20 }) },
  full: { module: "./many-services.mjs", settings: ({ quick }) => ({ applications: quick ? 8 : 200 }) },
  change: {
    module: "./one-change.mjs",
    settings: ({ quick }) => changeSettings(quick, 500),
    flags: allocationFlags,
  },
  changeOne: {
    module: "./one-change.mjs",
    settings: ({ quick }) => changeSettings(quick, 1),
    flags: allocationFlags,
  },
  zookeeper: { run: runOnZooKeeper },
  pick: { module: "./pick.mjs", settings: ({ quick }) => ({ ms: quick ? 20 : 300 }), flags: allocationFlags },
};

function changeSettings(quick, services) {
  return { instances: quick ? 1_000 : 10_000, services, changes: quick ? 10 : 200 };
}

export async function measure({ quick, only, rounds = quick ? 1 : 3, progress }) {
  const chosen = Object.keys(parts).filter((name) => only === undefined || only.includes(name));
  const samples = [];
  for (let round = 1; round <= rounds; round += 1)
    for (const name of chosen) {
      progress(`round ${round} of ${rounds}: ${name}`);
      const { run = runAlone } = parts[name];
      const figures = await run(parts[name], { quick });
      if (figures === undefined) progress(`${name}: no ZooKeeper is installed here`);
      else samples.push({ round, name, ...figures });
    }
  return { rounds, samples };
}

async function runOnZooKeeper(_, { quick }) {
  if (zooKeeperAvailable() === undefined) return undefined;
  return measureOnZooKeeper({ services: 100, instances: quick ? 200 : 2_000, changes: quick ? 20 : 200 });
}

function runAlone({ module, settings, flags = [] }, options) {
  const file = fileURLToPath(new URL(module, import.meta.url));
  const args = ["--expose-gc", ...flags, file, JSON.stringify(settings(options))];
  const limits = { encoding: "utf8", stdio: ["ignore", "pipe", 2], timeout: 120_000 };
  const { status, signal, stdout } = spawnSync(process.execPath, args, limits);
  if (status !== 0) throw new Error(`${module} ended with ${signal ?? `code ${status}`}`);
  return JSON.parse(stdout);
}

export function print({ samples }) {
  const middle = (name, key) =>
    median(samples.filter((sample) => sample.name === name).map((sample) => sample[key]));
  const has = (name) => samples.some((sample) => sample.name === name);
  for (const [name, titles] of [
    ["many", manyRows],
    ["full", manyRows],
  ])
    if (has(name)) {
      const { applications } = samples.find((sample) => sample.name === name);
      console.log(
        `### D1: ${applications} applications, 50 interfaces and 100 instances each, all referenced\n`,
      );
      console.log(
        `${table(
          ["", "", "wanted"],
          titles(applications).map(([title, key, bar]) => [title, short(middle(name, key)), bar]),
        )}\n`,
      );
    }
  if (has("change")) {
    const { instances } = samples.find((sample) => sample.name === "change");
    console.log(
      `### D2: ${instances.toLocaleString("en-US")} instances of one application, one changes, one goes\n`,
    );
    const rows = changeRows.map(([title, key, bar]) => [
      title,
      short(middle("change", key)),
      short(middle("changeOne", key)),
      bar,
    ]);
    console.log(`${table(["", "500 interfaces", "1 interface", "wanted"], rows)}\n`);
  }
  if (has("zookeeper")) {
    const { services, instances } = samples.find((sample) => sample.name === "zookeeper");
    console.log(
      `### On ZooKeeper: 1 application, ${services} interfaces, ${instances.toLocaleString("en-US")} instances\n`,
    );
    const rows = zookeeperRows.map(([title, key, bar]) => [title, short(middle("zookeeper", key)), bar]);
    console.log(`${table(["", "", "wanted"], rows)}\n`);
    if (samples.some(({ complete }) => complete === false))
      console.log("NOT COMPLETE: a consumer did not end up with the providers that there are\n");
  }
  if (has("pick"))
    console.log(`### D5: one pick\n\n${pickTable(samples.filter(({ name }) => name === "pick"))}\n`);
}

function manyRows(applications) {
  const share = applications / 200;
  return [
    ["CPU until all are routable, ms", "cpuMs", `<= ${short(2_000 * share)}`],
    ["time until all are routable, ms", "elapsedMs", ""],
    ["heap of discovery and directories, MB", "heapMb", `<= ${short(40 * share)}`],
    ["heap per instance, B", "heapPerInstance", "<= 450, interfaces left out"],
    ["metadata fetches", "fetches", `${applications}`],
    ["bytes in the registry, KB", "registryKb", ""],
    ["share of registering each interface (1 KB each), %", "registryShare", "<= 3"],
    ["new revision for half of the instances: CPU, ms", "revisionCpuMs", ""],
  ];
}

const changeRows = [
  ["a change, ms until every interface has it", "changeMs", "<= 1"],
  ["a removal, ms until every interface has it", "removalMs", "<= 1"],
  ["CPU of a change, ms", "changeCpuMs", ""],
  ["CPU of a removal, ms", "removalCpuMs", ""],
  ["allocated by a change, KB", "changeKb", ""],
  ["longest stall of the event loop, ms", "stallMs", "<= 25"],
];

const zookeeperRows = [
  ["memory per (interface, instance) pair, B", "memoryPerPair", "<= 40"],
  ["memory in all, MB", "memoryMb", ""],
  ["one every 25 ms: CPU of a restarted instance, ms", "restartCpuMs", "<= 1"],
  ["of one that leaves, ms", "leaveCpuMs", "<= 1"],
  ["of one that joins, ms", "joinCpuMs", "<= 1"],
  ["lists told of each change", "told", ""],
  ["one every 250 ms: CPU of a restarted instance, ms", "restartAloneCpuMs", "<= 1"],
  ["of one that leaves, ms", "leaveAloneCpuMs", "<= 1"],
  ["of one that joins, ms", "joinAloneCpuMs", "<= 1"],
  ["lists told of each change", "toldAlone", ""],
  ["CPU at rest, ms/s", "idleCpuPerSecond", ""],
  ["CPU until all are routable, ms", "routableCpuMs", ""],
  ["time until all are routable, ms", "routableMs", ""],
];

function pickTable(samples) {
  const [{ cells }] = samples;
  const middle = (at, key) => median(samples.map((sample) => sample.cells[at][key]));
  const rows = cells.map(({ balancer, way, instances }, at) => [
    `${balancer}, ${way}`,
    instances.toLocaleString("en-US"),
    short(middle(at, "nanos")),
    short(middle(at, "bytes")),
  ]);
  return table(["", "instances", "ns", "bytes"], rows);
}
