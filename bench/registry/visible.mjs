// One provider after the other registers; a consumer with a connection of its own watches.
import { DisposalScope } from "@dubbo-ts/core";
import { instanceAt } from "../lib/instance.mjs";
import { connect, within } from "./lib.mjs";

const application = "bench-visible";

export async function measureVisible(store, server, { count }) {
  const scope = new DisposalScope();
  const stop = new AbortController();
  try {
    const { registry: provider } = scope.use(await connect(store, server));
    const { registry: consumer } = scope.use(await connect(store, server));
    const seen = new Map();
    const watching = follow(consumer, seen, stop.signal);
    await register(provider, 0, seen); // connections are made, code is loaded
    const ms = [];
    for (let index = 1; index <= count; index += 1) ms.push(await register(provider, index, seen));
    stop.abort();
    await watching;
    return { ms };
  } finally {
    stop.abort();
    await scope[Symbol.asyncDispose]();
  }
}

async function follow(registry, seen, signal) {
  for await (const { instances } of registry.watch(application, signal))
    for (const { id } of instances) {
      seen.get(id)?.();
      seen.delete(id);
    }
}

/** From the call until the consumer has it. */
async function register(registry, index, seen) {
  const instance = instanceAt(application, index);
  const late = within(30_000);
  const visible = new Promise((resolve, reject) => {
    seen.set(instance.id, resolve);
    late.addEventListener("abort", () => reject(new Error(`${instance.id} was never seen`)), { once: true });
  });
  const start = performance.now();
  await Promise.all([registry.register(instance, late), visible.then(() => {})]);
  return await visible, performance.now() - start;
}
