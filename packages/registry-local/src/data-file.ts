import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/** Where the embedded registry of `port` keeps its configs: the user's cache folder, or the temporary one. */
export function defaultDataFile(port: number): string {
  return join(cacheFolder(), "dubbo-ts", `registry-${port}.json`);
}

function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_CACHE_HOME !== undefined && XDG_CACHE_HOME !== "") return XDG_CACHE_HOME;
  const home = homedir();
  if (home === "" || home === "/") return tmpdir();
  if (process.platform === "win32") return LOCALAPPDATA ?? join(home, "AppData", "Local");
  return process.platform === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache");
}
