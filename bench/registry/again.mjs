// The server is killed as by the system, and started again on its data: how soon is the provider back?
import { setTimeout as pause } from "node:timers/promises";
import { DisposalScope } from "@dubbo-ts/core";
import { instanceAt } from "../lib/instance.mjs";
import { connect, within } from "./lib.mjs";

const application = "bench-again";
const giveUpMs = 30_000;

/** `ms` counts from when the server answers again; one that never came back is infinite. */
export async function measureAgain(store, server, { rounds, progress }) {
  const scope = new DisposalScope();
  try {
    const { registry } = scope.use(await connect(store, server));
    const instance = instanceAt(application, 1);
    await registry.register(instance, within(giveUpMs));
    await untilListed(store, server, instance);
    const ms = [];
    for (let round = 1; round <= rounds; round += 1) {
      await server.kill("SIGKILL");
      await server.restart();
      ms.push(await untilListed(store, server, instance));
      if (round % 10 === 0) progress(`killed ${round} times, last back after ${Math.round(ms.at(-1))} ms`);
    }
    return { rounds, ms };
  } finally {
    await scope[Symbol.asyncDispose]();
  }
}

/** Asks over a new connection, which owes nothing to the one that was lost. */
async function untilListed(store, server, { id }) {
  const start = performance.now();
  const backend = await connect(store, server);
  try {
    while (performance.now() - start < giveUpMs) {
      const instances = await backend.registry.get(application, within(2_000)).catch(() => []);
      if (instances.some((one) => one.id === id)) return performance.now() - start;
      await pause(20);
    }
    return Infinity;
  } finally {
    await backend[Symbol.asyncDispose]();
  }
}
