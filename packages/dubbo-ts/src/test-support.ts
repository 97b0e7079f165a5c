import { runCommand } from "@dubbo-ts/cli";
import { commandTools } from "./command-tools.js";

/**
 * Runs the command in this process against `registry`; gives its exit code and what it printed.
 * @param timeoutMs after which it is interrupted.
 */
export async function runHere(registry: string, args: readonly string[], timeoutMs: number) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    signal: AbortSignal.timeout(timeoutMs),
    env: { DUBBO_REGISTRY: registry },
  };
  const code = await runCommand(args, io, "1.2.3", commandTools);
  return { code, out: out.join("\n"), err: err.join("\n") };
}
