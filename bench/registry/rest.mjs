// A consumer of many applications while nothing happens: signs of life, reads beside the pushes, timers.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { instanceAt } from "../lib/instance.mjs";
import { connect, eachOf, within } from "./lib.mjs";

const watcher = fileURLToPath(new URL("watcher.mjs", import.meta.url));

export async function measureRest(store, server, { applications, ms }) {
  const provider = await connect(store, server);
  try {
    await eachOf(applications, 50, (at) =>
      provider.registry.register(instanceAt(`bench-rest-${at}`, at), within(60_000)),
    );
    const url = store.url(server.address);
    const bare = await watch({ url, applications: 0, ms: Math.min(ms, 10_000) });
    const full = await watch({ url, applications, ms });
    return {
      applications,
      cpuPerSecond: full.cpuPerSecond,
      bareCpuPerSecond: bare.cpuPerSecond,
      heapMb: full.heapMb,
    };
  } finally {
    await provider[Symbol.asyncDispose]();
  }
}

async function watch(settings) {
  const args = ["--expose-gc", watcher, JSON.stringify(settings)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let text = "";
  for await (const chunk of child.stdout) text += chunk;
  const [code] = await ended;
  if (code !== 0) throw new Error(`the watcher ended with code ${code}`);
  return JSON.parse(text);
}
