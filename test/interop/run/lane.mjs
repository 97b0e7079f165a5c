import { groups, runCalls } from "./call-cells.mjs";
import { runLife } from "./life.mjs";
import { startRegistry } from "./registries.mjs";

/**
 * All cells and all lives, registries side by side. A second application of dubbo-go cannot write the mapping of an
 * interface on etcd (peers GB17): each provider has an etcd of its own.
 */
export async function runAtRegistries({ cells, lives }, folder, reports) {
  const names = [...new Set([...cells, ...lives].map(({ registry }) => registry))];
  const started = new Map();
  // One after the other: they need the whole machine for a moment.
  for (const name of names) started.set(name, await startRegistry(name));
  const lane = async (name) => {
    const at = (list) => list.filter(({ registry }) => registry === name);
    await withRegistry(started.get(name), async (registry) => {
      if (name !== "etcd") await runCalls(at(cells), registry, folder, reports.cell);
    });
    if (name === "etcd")
      for (const group of groups(at(cells)))
        await withRegistry(await startRegistry(name), (own) => runCalls(group, own, folder, reports.cell));
    // What a killed registry forgets is the next story's trouble: each has its own, but for the slow ones.
    for (const life of at(lives))
      await withRegistry(await startRegistry(name), (own) => runLife(life, own, folder, reports.life));
  };
  await Promise.all(names.map(lane));
}

async function withRegistry(registry, body) {
  try {
    await body(registry);
  } finally {
    await registry[Symbol.asyncDispose]();
  }
}
