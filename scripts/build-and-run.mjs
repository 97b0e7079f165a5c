import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Compiles all packages and samples; quick when nothing changed. */
export async function build() {
  const compiler = fileURLToPath(new URL("../node_modules/.bin/tsc", import.meta.url));
  const code = await exitOf(spawn(compiler, ["-b"], { cwd: root, stdio: "inherit" }));
  if (code !== 0) process.exit(code);
}

/** Runs a built file under this Node, passes signals on, and gives its exit code. */
export async function run(file, args) {
  const child = spawn(process.execPath, ["--enable-source-maps", file, ...args], {
    cwd: root,
    stdio: "inherit",
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill(signal));
  // A SIGTERM to npm ends npm and its shell, which pass nothing on.
  const { ppid } = process;
  const orphaned = setInterval(() => process.ppid !== ppid && child.kill("SIGTERM"), 200);
  return exitOf(child).finally(() => clearInterval(orphaned));
}

async function exitOf(child) {
  const [code, signal] = await once(child, "exit");
  return signal === null ? code : 1;
}
