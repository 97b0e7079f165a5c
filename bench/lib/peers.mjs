import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));

/** Installs what bench/package.json names, unless it is there. False: it could not be installed, measure without. */
export async function installPeers() {
  if (missing().length === 0) return true;
  console.error(`installing the peers of the benchmarks: ${missing().join(", ")}`);
  // Some of them ask for a later Node than they need.
  const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--engine-strict=false"];
  const { status } = spawnSync("npm", args, {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status === 0 && missing().length === 0) return true;
  console.error("the peers could not be installed: dubbo-ts is measured alone");
  return false;
}

/** The installed versions by name; undefined where one is not installed. */
export function peerVersions() {
  return Object.fromEntries(Object.keys(wanted()).map((name) => [name, installed(name)]));
}

function missing() {
  return Object.entries(wanted()).flatMap(([name, version]) =>
    installed(name) === version ? [] : [`${name}@${version}`],
  );
}

function wanted() {
  return JSON.parse(readFileSync(`${folder}package.json`, "utf8")).dependencies;
}

function installed(name) {
  try {
    return JSON.parse(readFileSync(`${folder}node_modules/${name}/package.json`, "utf8")).version;
  } catch {
    return undefined;
  }
}
