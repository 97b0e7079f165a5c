// Before tests that start real servers: installs those that are missing. Packages where that is allowed (root, on
// Debian or a relative of it), Nacos where Maven and a JDK are. Nothing is started by that. What could not be
// installed is said at once, its tests skip, and the run names them at its end.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNacos, nacosIsBuilt, nacosVersions, serverCache } from "./nacos/build-nacos.mjs";

const self = fileURLToPath(import.meta.url);

const onPath = (name) =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));

/** Which of the programs that tests start come in which of Debian's packages. */
const programs = {
  java: "default-jre-headless",
  etcd: "etcd-server",
  etcdctl: "etcd-client",
  "redis-server": "redis-server",
  "redis-sentinel": "redis-sentinel",
  openssl: "openssl", // makes the certificates of tests over TLS
  ip: "iproute2", // makes the network that programs in Java and Go share
};

const missingNacos = () => nacosVersions.filter((version) => !nacosIsBuilt(version));

/** What is missing, as Debian's packages. */
function missingPackages() {
  const packages = Object.keys(programs).filter((name) => !onPath(name));
  const names = new Set(packages.map((name) => programs[name]));
  if (!existsSync("/usr/share/java/zookeeper.jar")) names.add("zookeeper");
  if (missingNacos().length > 0) {
    if (!onPath("mvn")) names.add("maven");
    if (!onPath("javac")) names.add("default-jdk-headless");
  }
  return [...names];
}

/** Installs what is missing, one run at a time: others wait until it is done and find all there. */
export default function installServers() {
  if (missingPackages().length === 0 && missingNacos().length === 0) return;
  mkdirSync(serverCache, { recursive: true });
  const program = [process.execPath, self];
  const [command, ...args] = onPath("flock") ? ["flock", join(serverCache, "lock"), ...program] : program;
  spawnSync(command, args, { stdio: "inherit", timeout: 1_800_000 });
}

function installMissing() {
  const packages = missingPackages();
  if (packages.length > 0 && process.getuid?.() === 0 && onPath("apt-get")) installPackages(packages);
  for (const version of missingNacos()) installNacos(version);
}

function installPackages(packages) {
  console.log(`installing servers for the tests: ${packages.join(", ")}`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, encoding: "utf8" };
  const patience = ["-o", "DPkg::Lock::Timeout=120"];
  spawnSync("apt-get", [...patience, "update"], options);
  const install = [...patience, "install", "-y", "--no-install-recommends"];
  const { status, stderr } = spawnSync("apt-get", [...install, ...packages], options);
  if (status !== 0) console.error(`they could not be installed, their tests are skipped: ${stderr}`);
}

function installNacos(version) {
  if (!onPath("mvn") || !onPath("javac")) {
    console.error(`Nacos ${version} needs Maven and a JDK, its tests are skipped`);
    return;
  }
  console.log(`making Nacos ${version} for the tests, once, in ${serverCache}`);
  try {
    buildNacos(version);
  } catch (error) {
    console.error(`Nacos ${version} could not be made, its tests are skipped: ${error.message}`);
  }
}

if (process.argv[1] === self) installMissing();
