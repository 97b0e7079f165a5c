// All that is checked without running: `npm run check`. Every step runs, so that one look shows all that is wrong.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const packages = ["packages", "protocols"].flatMap((folder) =>
  readdirSync(folder).map((name) => `${folder}/${name}`),
);

const steps = [
  ["build of all packages", ["tsc", "-b"]],
  ["types of sources and tests", ["tsc", "-p", "tsconfig.check.json"]],
  [
    "lint, with types",
    ["oxlint", "--type-aware", "--deny-warnings", "packages", "protocols", "samples", "test", "scripts"],
  ],
  ["format", ["biome", "format", "."]],
  [
    "cycles, and which package may import which",
    ["depcruise", "--config", "dependency-cruiser.config.mjs", "packages", "protocols", "samples"],
  ],
  ["unused exports, files and dependencies", ["knip", "--no-progress"]],
  ...packages.map((path) => [`what ${path} would publish`, ["publint", "--strict", path]]),
];

const failed = [];
for (const [name, [command, ...args]] of steps) {
  const { status, stdout, stderr } = spawnSync("npx", ["--no-install", command, ...args], {
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  console.log(`${status === 0 ? "ok  " : "FAIL"}  ${String(name)}`);
  if (status === 0) continue;
  failed.push(name);
  console.log(`${stdout}${stderr}`.replace(/^npm warn .*\n/gm, "").trimEnd());
}
if (failed.length > 0) {
  console.error(`\n${failed.length} of ${steps.length} checks failed: ${failed.join("; ")}`);
  process.exitCode = 1;
}
