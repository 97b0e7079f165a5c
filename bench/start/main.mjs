// What a process pays before its first call: loading the package, and D4, a cold start.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { peerVersions } from "../lib/peers.mjs";
import { spread } from "../lib/statistics.mjs";
import { short, table } from "../lib/table.mjs";

const consumer = fileURLToPath(new URL("consumer.mjs", import.meta.url));
const provider = fileURLToPath(new URL("provider.mjs", import.meta.url));
const benchFolder = fileURLToPath(new URL("..", import.meta.url));

const loads = [
  { name: "bare", title: "Node alone", code: "" },
  { name: "core", title: "import @dubbo-ts/core", code: 'await import("@dubbo-ts/core")' },
  { name: "dubbo-ts", title: 'import "dubbo-ts"', code: 'await import("dubbo-ts")' },
  { name: "grpc", title: "import @grpc/grpc-js", code: 'await import("@grpc/grpc-js")', peer: true },
  { name: "moleculer", title: "import moleculer", code: 'await import("moleculer")', peer: true },
  { name: "sofa", title: "import sofa-rpc-node", code: 'await import("sofa-rpc-node")', peer: true },
];

const calls = [
  { name: "direct", title: "first call, dubbo, direct" },
  { name: "registry", title: "first call, dubbo, registry" },
];

export async function measure({ quick, peers, only, rounds = quick ? 2 : 15, progress }) {
  const wanted = ({ name, peer }) => (peers || !peer) && (only === undefined || only.includes(name));
  const samples = [];
  const serving = await startProvider();
  try {
    for (let round = 0; round <= rounds; round += 1) {
      progress(round === 0 ? "warming the disk's cache" : `round ${round} of ${rounds}`);
      for (const { name, code } of loads.filter(wanted)) add(round, name, runCode(code));
      for (const { name } of calls.filter(wanted)) add(round, name, run([consumer, name, serving.address]));
    }
  } finally {
    serving.child.kill("SIGKILL");
  }
  return { versions: peers ? peerVersions() : {}, rounds, samples };

  function add(round, name, figures) {
    if (round > 0) samples.push({ round, name, ...figures });
  }
}

async function startProvider() {
  const child = spawn(process.execPath, [provider], { stdio: ["pipe", "pipe", 2] });
  const [line] = await once(child.stdout, "data");
  return { child, address: String(line).trim() };
}

function runCode(code) {
  const report = `const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ cpuMs: (user + system) / 1000, rssMb: process.memoryUsage.rss() / 2 ** 20 })); process.exit();`;
  return run(["--input-type=module", "--eval", `${code}; ${report}`]);
}

/** Wall time is the process's whole life, CPU and memory are what it reports itself. */
function run(args) {
  const start = performance.now();
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: benchFolder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", 2],
    timeout: 20_000,
  });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}`);
  return { ms: performance.now() - start, ...JSON.parse(stdout) };
}

export function print({ samples }) {
  const of = (name, key) => samples.filter((sample) => sample.name === name).map((sample) => sample[key]);
  const rows = [...loads, ...calls].flatMap(({ name, title }) => {
    if (of(name, "ms").length === 0) return [];
    const [wall, cpu, rss] = ["ms", "cpuMs", "rssMb"].map((key) => spread(of(name, key)));
    const [bareWall, bareCpu] = ["ms", "cpuMs"].map((key) => spread(of("bare", key)));
    const over = [wall.median - bareWall.median, wall.min - bareWall.min, cpu.median - bareCpu.median];
    return [[title, short(wall.median), ...over.map((ms) => short(Math.max(0, ms))), short(rss.median)]];
  });
  const head = ["", "ms", "over Node alone: median", "least", "CPU ms", "memory MB"];
  console.log(table(head, rows));
  console.log("\nWanted: the first call at most 150 ms over Node alone, loading the core at most 40 ms.");
}
