// Makes a real Nacos server for tests: its jars from Maven's repository and one class of ours that starts it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const recipes = import.meta.dirname;
const copyDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/** The servers that tests know. */
export const nacosVersions = ["2.3.2", "3.1.0"];

/** Where servers for tests are kept: testkit looks for them in the same place. */
export const serverCache = join(
  process.env.XDG_CACHE_HOME || join(homedir(), ".cache"),
  "dubbo-ts",
  "servers",
);

const home = (version) => join(serverCache, `nacos-${version}`);

/** Whether `version` is there, made of the present recipe. */
export function nacosIsBuilt(version) {
  const stamp = join(home(version), "recipe");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === recipeHash(version);
}

/** Builds `version` in a folder of its own and puts it in its place when it is whole. @throws {Error} it failed */
export function buildNacos(version) {
  mkdirSync(serverCache, { recursive: true });
  for (const name of readdirSync(serverCache))
    if (name.startsWith(`.nacos-${version}-`))
      rmSync(join(serverCache, name), { recursive: true, force: true });
  const folder = mkdtempSync(join(serverCache, `.nacos-${version}-`));
  try {
    for (const file of recipe(version))
      copyFileSync(file, join(folder, file.slice(dirname(file).length + 1)));
    mkdirSync(join(folder, "classes"));
    renameSync(join(folder, "application.properties"), join(folder, "classes", "application.properties"));
    run(folder, "mvn", ["-B", "-q", copyDependencies, "-DoutputDirectory=lib", "-DincludeScope=runtime"]);
    run(folder, "javac", ["-parameters", "-cp", "lib/*", "-d", "classes", "NacosMain.java"]);
    writeFileSync(join(folder, "recipe"), recipeHash(version));
    rmSync(home(version), { recursive: true, force: true });
    renameSync(folder, home(version));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function recipe(version) {
  const own = join(recipes, version);
  return [join(recipes, "application.properties"), ...readdirSync(own).map((name) => join(own, name))];
}

function recipeHash(version) {
  const hash = createHash("sha256");
  for (const file of recipe(version)) hash.update(readFileSync(file));
  return hash.digest("hex");
}

function run(cwd, command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: 600_000,
  });
  if (status !== 0) throw new Error(`${command} failed: ${error ?? `${stdout}${stderr}`.slice(-4_000)}`);
}
