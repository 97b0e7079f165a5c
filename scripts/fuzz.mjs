// `npm run fuzz [-- <frames> [seed]]`: mutated frames and bodies against the dubbo protocol, by default a million.
import { spawn } from "node:child_process";
import { once } from "node:events";

const [frames = "1000000", seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
console.log(`${frames} mutated frames, seed ${seed}`);
const child = spawn("npx", ["--no-install", "jest", "--selectProjects", "unit", "--", "hostile"], {
  stdio: "inherit",
  shell: process.platform === "win32",
  env: { ...process.env, FUZZ_FRAMES: frames, FUZZ_SEED: seed },
});
const [code] = await once(child, "exit");
process.exitCode = code ?? 1;
