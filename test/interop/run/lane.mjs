import { groups, runCalls } from "./call-cells.mjs";
import { startRegistry } from "./registries.mjs";
import { runStory } from "./stories.mjs";

/** So many things happen at once: most of a story is waiting. Two at each of the registries that have most of them. */
const lanesOf = { zookeeper: 2, nacos: 2, etcd: 1, embedded: 1 };

/** What stories and groups of cells take on a quiet machine of two processors, in s. */
const secondsOf = { life: 130, migration: 65, "life embedded": 35, calls: 20 };

/** About how long it will take, in s. */
export function estimatedSeconds(plan) {
  const sums = {};
  for (const { registry, seconds } of tasksOf(plan)) sums[registry] = (sums[registry] ?? 0) + seconds;
  return Math.max(0, ...Object.entries(sums).map(([registry, sum]) => sum / lanesOf[registry]));
}

/**
 * All cells and all lives, registries side by side. What a killed registry forgets is the next story's trouble: each has
 * a registry of its own. A second application of dubbo-go cannot write the mapping of an interface on etcd (peers GB17): there
 * each provider has one of its own too.
 */
export async function runAtRegistries(plan, folder, reports) {
  const waiting = tasksOf(plan);
  const lane = async (name) => {
    for (;;) {
      const next = waiting.findIndex(({ registry }) => registry === name);
      if (next < 0) return;
      const [task] = waiting.splice(next, 1);
      await withRegistry(name, (registry) => task.run(registry, folder, reports));
    }
  };
  const names = [...new Set(waiting.map(({ registry }) => registry))];
  await Promise.all(names.flatMap((name) => Array.from({ length: lanesOf[name] }, () => lane(name))));
}

/** The longest first. */
function tasksOf({ cells, lives }) {
  const names = [...new Set([...cells, ...lives].map(({ registry }) => registry))];
  const tasks = names.flatMap((registry) => {
    const own = groups(cells.filter((cell) => cell.registry === registry));
    return registry === "etcd"
      ? own.map((group) => callsTask(registry, [group]))
      : [callsTask(registry, own)].filter(({ seconds }) => seconds > 0);
  });
  return [...tasks, ...lives.map(storyTask)].sort((one, other) => other.seconds - one.seconds);
}

function callsTask(registry, parts) {
  return {
    registry,
    seconds: parts.length * secondsOf.calls,
    run: (at, folder, reports) => runCalls(parts.flat(), at, folder, reports.cell),
  };
}

function storyTask(life) {
  const { registry, story } = life;
  return {
    registry,
    seconds: secondsOf[`${story} ${registry}`] ?? secondsOf[story],
    run: (at, folder, reports) => runStory(life, at, folder, reports.life),
  };
}

async function withRegistry(name, body) {
  const registry = await startRegistry(name);
  try {
    await body(registry);
  } finally {
    await registry[Symbol.asyncDispose]();
  }
}
