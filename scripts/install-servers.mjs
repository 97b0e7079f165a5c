// Before tests that start real servers: installs those that are missing, where that is allowed (root, on Debian or
// a relative of it). Nothing is started by that. Where it is not allowed the tests skip, and the run says so at its end.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const onPath = (name) =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));

/** What is missing, as Debian's packages. */
function missing() {
  const packages = [];
  if (!existsSync("/usr/share/java/zookeeper.jar")) packages.push("zookeeper");
  if (!onPath("java")) packages.push("default-jre-headless");
  if (!onPath("etcd")) packages.push("etcd-server");
  if (!onPath("etcdctl")) packages.push("etcd-client");
  if (!onPath("openssl")) packages.push("openssl"); // makes the certificates of tests over TLS
  return packages;
}

export default function installServers() {
  const packages = missing();
  if (packages.length === 0 || process.getuid?.() !== 0 || !onPath("apt-get")) return;
  console.log(`installing servers for the tests: ${packages.join(", ")}`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, encoding: "utf8" };
  const patience = ["-o", "DPkg::Lock::Timeout=120"];
  spawnSync("apt-get", [...patience, "update"], options);
  const { status, stderr } = spawnSync(
    "apt-get",
    [...patience, "install", "-y", "--no-install-recommends", ...packages],
    options,
  );
  if (status !== 0) console.error(`they could not be installed, their tests are skipped: ${stderr}`);
}
