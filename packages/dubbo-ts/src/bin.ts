#!/usr/bin/env node
// The command `dubbo-ts`: hands the process's own streams and signals to the package that does the work.
import { createRequire } from "node:module";
import { runCommand } from "@dubbo-ts/cli";
import { commandTools } from "./command-tools.js";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
const controller = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => controller.abort(signal));

// `dubbo-ts apps | head`: whoever reads has enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const status = (text: string) => void process.stderr.write(`\r\u001b[2K${text}`);

process.exitCode = await runCommand(
  process.argv.slice(2),
  {
    out: (line) => console.log(line),
    err: (line) => console.error(line),
    signal: controller.signal,
    status: process.stderr.isTTY ? status : undefined,
    isTerminal: process.stdout.isTTY,
    env: process.env,
  },
  version,
  commandTools,
);
