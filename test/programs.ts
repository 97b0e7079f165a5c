import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "@dubbo-ts/testkit";
import { defineService, java, method } from "dubbo-ts";

/** What `programs/provider.mjs` serves. */
export const Worker = defineService("org.example.Worker", {
  whoAmI: method([], java.int()),
  work: method([java.int()], java.string()),
});

/** A child process of a story, which has printed `ready`. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Sends a signal and waits for the end. Gives the exit code, or null after a signal that ends at once. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
}

/** Starts `programs/<name>.mjs` on the built packages, and waits until it says that it is ready. */
export async function startProgram(name: string, ...args: readonly string[]): Promise<Program> {
  const child = spawn(process.execPath, [join(__dirname, "programs", `${name}.mjs`), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const ended = once(child, "exit") as Promise<[number | null]>;
  const said: string[] = [];
  child.stderr.on("data", (data: Buffer) => said.push(data.toString()));
  await Promise.race([
    ready(child, said),
    ended.then(() => Promise.reject(new Error(`${name} ended: ${said.join("")}`))),
  ]);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return (await ended)[0];
  };
  return {
    pid: child.pid as number,
    end,
    signal: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}

async function ready(child: ChildProcess, said: string[]): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  for await (const [line] of linesOf(child, signal)) {
    if (line === "ready") return;
    said.push(`${line}\n`);
  }
  throw new Error(`not ready in 20 s: ${said.join("")}`);
}

async function* linesOf(child: ChildProcess, signal: AbortSignal): AsyncGenerator<[string]> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream, signal });
  for await (const line of lines) yield [line];
}

/** A base port for the embedded registry: gRPC, 1,000 above it, is free too. */
export function freeBasePort(): Promise<number> {
  return freePort([1_000]);
}
