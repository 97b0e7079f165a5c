import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Runs a program to its end and gives its exit code; what ends this process ends the program as well.
 * @throws `ENOENT` when there is no such program
 */
export async function runProgram([program, ...args], { withinMs, ...options } = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  const ended = once(child, "exit");
  const stop = () => void child.kill("SIGTERM");
  const signals = ["SIGTERM", "SIGINT", "SIGHUP"];
  for (const signal of signals) process.on(signal, stop);
  // A SIGTERM to npm ends npm and its shell, which pass nothing on.
  const { ppid } = process;
  const orphaned = setInterval(() => process.ppid !== ppid && stop(), 200);
  const late = withinMs === undefined ? undefined : setTimeout(stop, withinMs);
  try {
    const [code] = await ended;
    return code ?? 1;
  } finally {
    for (const signal of signals) process.removeListener(signal, stop);
    clearInterval(orphaned);
    clearTimeout(late);
  }
}
