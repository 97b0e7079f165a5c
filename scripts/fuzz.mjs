// `npm run fuzz [-- <inputs> [seed]]`: mutated frames and Hessian 2 bodies, half of each, by default a million in all.
import { spawn } from "node:child_process";
import { once } from "node:events";

const [inputs = "1000000", seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const half = Math.ceil(Number(inputs) / 2);
if (!Number.isInteger(half) || half < 1 || !/^\d+$/.test(seed)) {
  console.error("usage: npm run fuzz [-- <how many inputs> [<seed>]]");
  process.exit(2);
}
console.log(`${half} mutated frames, ${half} mutated bodies, seed ${seed}`);
const child = spawn("npx", ["--no-install", "jest", "--selectProjects", "unit", "--", "hostile"], {
  stdio: "inherit",
  shell: process.platform === "win32",
  env: {
    ...process.env,
    FUZZ_FRAMES: String(half),
    FUZZ_BODIES: String(half),
    FUZZ_SEED: seed,
    // Memory is bounded: what keeps its inputs dies here.
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --max-old-space-size=512`.trim(),
  },
});
const [code] = await once(child, "exit");
console.log(code === 0 ? "nothing was found" : `repeat with: npm run fuzz -- ${inputs} ${seed}`);
process.exitCode = code ?? 1;
