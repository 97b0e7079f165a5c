import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * Installs Debian's packages; no daemon is started by that. Does nothing where that is not allowed (not root, no
 * apt-get); whether it worked is for the caller to see. Waits for another process that is installing something.
 */
export function installDebianPackages(names: readonly string[]): void {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const patience = ["-o", "DPkg::Lock::Timeout=120"];
  spawnSync("apt-get", ["update"], { env });
  spawnSync("apt-get", [...patience, "install", "-y", "--no-install-recommends", ...names], { env });
}
