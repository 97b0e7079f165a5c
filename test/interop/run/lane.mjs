import { groups, runCalls } from "./call-cells.mjs";
import { startRegistry } from "./registries.mjs";
import { runStory } from "./stories.mjs";

/** So many things happen at once, and at once at servers of one kind: most of a story is waiting. */
const atOnce = 4;
const atOnceAt = { zookeeper: 2, nacos: 2, etcd: 2, embedded: 2 };

/** What stories and groups of cells take on a quiet machine of two processors, in s. */
const secondsOf = { life: 110, "life nacos": 160, migration: 60, calls: 15 };

/** What is kept of the budget for what has to be run a second time, in s. */
const reserveSeconds = 300;

/** About how long it will take, in s. */
export function estimatedSeconds(plan) {
  const tasks = tasksOf(plan);
  const sum = (some) => some.reduce((total, { seconds }) => total + seconds, 0);
  const at = Object.entries(atOnceAt).map(([name, count]) => sum(tasks.filter(isAt(name))) / count);
  return Math.max(sum(tasks) / atOnce, ...at);
}

const isAt =
  (name) =>
  ({ registry }) =>
    registry === name;

/**
 * All cells and all lives, some side by side. What a killed registry forgets is the next story's trouble: each has
 * a registry of its own. A second application of dubbo-go cannot write the mapping of an interface on etcd (peers GB17): there
 * each provider has one of its own too. What the budget has no time for is told to `reports.missed`.
 */
export async function runAtRegistries(plan, run) {
  const waiting = tasksOf(plan);
  const running = new Set();
  const canStart = ({ registry, seconds }) =>
    [...running].filter(isAt(registry)).length < atOnceAt[registry] &&
    run.budget.has(seconds, reserveSeconds);
  for (;;) {
    const next = running.size < atOnce ? waiting.findIndex(canStart) : -1;
    if (next >= 0) {
      const [task] = waiting.splice(next, 1);
      running.add(task);
      task.ended = runTask(task, run).finally(() => running.delete(task));
    } else if (running.size > 0) await Promise.race([...running].map(({ ended }) => ended));
    else break;
  }
  for (const { parts } of waiting) for (const part of parts) run.reports.missed(part, "no time was left");
}

/** A plan's parts once more, one after the other with nothing beside them. */
export async function runAlone({ cells, lives }, run) {
  const tasks = groups(cells).map((group) => callsTask(group[0].registry, [group]));
  for (const task of [...tasks, ...lives.map(storyTask)])
    if (run.budget.has(task.seconds)) await runTask(task, run);
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
    parts: parts.flat(),
    start: (at, run, reports) => runCalls(parts.flat(), at, run, reports.cell),
  };
}

function storyTask(life) {
  const { registry, story } = life;
  return {
    registry,
    seconds: secondsOf[`${story} ${registry}`] ?? secondsOf[story],
    parts: [life],
    start: (at, run, reports) => runStory(life, at, run, reports.life),
  };
}

/**
 * Runs a task at a registry of its own. One that takes very long is given up: its peers are killed. What it has not told
 * then, or when it ended early, is told to `reports.broken`; at the end of the budget to `reports.missed`.
 */
async function runTask(task, { folder, reports, budget }) {
  const stop = new AbortController();
  const limitMs = (task.seconds * 4 + 180) * 1_000;
  const timer = setTimeout(() => stop.abort(), Math.max(0, Math.min(limitMs, budget.leftMs)));
  const told = new Set();
  const tell =
    (name) =>
    (part, ...result) => {
      if (stop.signal.aborted) return;
      if (name === "cell") told.add(part);
      reports[name](part, ...result);
    };
  const heard = { cell: tell("cell"), life: tell("life") };
  let trouble;
  try {
    await withRegistry(task, (at) => task.start(at, { folder, signal: stop.signal }, heard));
  } catch (error) {
    trouble = String(error.message ?? error);
  } finally {
    clearTimeout(timer);
  }
  if (stop.signal.aborted) trouble = `not done in ${Math.round(limitMs / 60_000)} min`;
  if (trouble === undefined) return;
  const isMissed = stop.signal.aborted && budget.leftMs <= 0;
  for (const part of task.parts.filter((one) => !told.has(one)))
    if (isMissed) reports.missed(part, "given up at the end of the time");
    else reports.broken(part, trouble);
}

async function withRegistry({ registry: name }, body) {
  const registry = await startRegistry(name);
  try {
    await body(registry);
  } finally {
    await registry[Symbol.asyncDispose]();
  }
}
