// Child processes: providers, and the embedded registry as the others are.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ServerProcess } from "@dubbo-ts/testkit";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Starts `provider.mjs`, and waits at most `withinMs` until it is registered. */
export async function startProvider(config, withinMs = 30_000) {
  const child = spawn(process.execPath, [here("provider.mjs"), JSON.stringify({ config })], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = [];
  const ended = once(child, "exit");
  const ready = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on("line", (line) => {
        if (line === "ready") resolve(true);
        else said.push(line);
      });
  });
  const late = setTimeout(() => child.kill("SIGKILL"), withinMs);
  const isReady = await Promise.race([ready, ended.then(() => false)]);
  clearTimeout(late);
  if (!isReady) throw new Error(`a provider did not start: ${said.join("\n")}`);
  return {
    pid: child.pid,
    /** Lines of its log. */
    said,
    signal: (name) => child.kill(name),
    async end(name) {
      if (child.exitCode === null && child.signalCode === null) child.kill(name);
      await ended;
    },
  };
}

/** The embedded registry, to be killed and started again. */
export class EmbeddedServer extends ServerProcess {
  constructor(port) {
    super({ name: "the embedded registry", port });
  }

  command(folder) {
    return {
      program: process.execPath,
      arguments: [here("embedded.mjs"), String(this.port), join(folder, "data", "configs.json")],
    };
  }

  async isReady() {
    const socket = connect(this.port + 1_000, this.host);
    try {
      await once(socket, "connect");
      return true;
    } finally {
      socket.destroy();
    }
  }
}
