// Five providers, one consumer at a steady rate, and what was seen meanwhile.
import { createApplication } from "dubbo-ts";
import { Load, waitFor } from "@dubbo-ts/testkit";
import { startProvider } from "./processes.mjs";
import { linkTo, lookInto, stores } from "./stores.mjs";
import { Worker } from "./worker.mjs";

export const application = "worker-app";
export const perSecond = 200;

/** What an application is told of its registry; of Redis, which keeps metadata only, beside an unharmed registry. */
function centersAt(store, at, beside, query) {
  const address = store.url(at, query);
  if (!store.metadataOnly) return { registries: { main: { address } } };
  return {
    registries: { main: { address: stores.local.url(beside.address) } },
    "metadata-report": { address },
  };
}

/**
 * @param store of `stores`.
 * @param server one that runs, or several as `startMany` gives them.
 * @param options `providers`: 5; `query`: further parameters of the URL; `ownLinks`: providers that get a way of their
 *   own to the registry, from the first; `remote`: metadata is kept in the report.
 */
export async function openScene(
  store,
  server,
  { providers = 5, query = "", ownLinks = 0, remote = store.metadataOnly } = {},
) {
  const closers = [];
  const beside = store.metadataOnly ? await stores.local.start() : undefined;
  if (beside !== undefined) closers.push(() => beside[Symbol.asyncDispose]());
  const many = server.members !== undefined;
  const open = async () => {
    if (many)
      return { at: server.address ?? server.members.map(({ address }) => address).join(","), close() {} };
    const link = await linkTo(store, server);
    closers.push(() => link.close());
    return link;
  };
  const configAt = (link, name, more = {}) => ({
    ...more,
    application: { name, ...(remote && { "metadata-type": "remote" }) },
    ...centersAt(store, link.at, beside, query),
  });
  try {
    const direct = many ? (await open()).at : server.address;
    const look = await lookInto(store.url(direct, query));
    closers.push(() => look.close());
    const lookBeside = beside === undefined ? look : await lookInto(stores.local.url(beside.address));
    if (lookBeside !== look) closers.push(() => lookBeside.close());
    const shared = await open();
    const links = await Promise.all(Array.from({ length: ownLinks }, open));
    const start = (index = providers, withinMs) =>
      startProvider(configAt(links[index] ?? shared, application), withinMs);
    // Those that did start are ended also when another one did not.
    const starts = await Promise.allSettled(Array.from({ length: providers }, (_, index) => start(index)));
    const running = starts.flatMap(({ value }) => value ?? []);
    closers.push(() => Promise.all(running.map((one) => one.end("SIGKILL"))));
    const failed = starts.find(({ status }) => status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const consumerLink = await open();
    const consumerConfig = (name) =>
      configAt(consumerLink, name, { logger: { level: "silent" }, cache: { enabled: false } });
    const app = await createApplication({ config: consumerConfig("faults-consumer"), env: {} });
    closers.push(() => app.stop());
    const worker = await app.refer(Worker);
    const traffic = new Traffic(worker);
    closers.push(() => traffic.end());
    const scene = {
      store,
      server,
      look,
      links,
      shared,
      consumerLink,
      running,
      worker,
      traffic,
      start,
      app,
      consumerConfig,
      /** Of all providers; each has its own, since their ports differ. */
      async revisions() {
        const instances = await lookBeside.instances(application);
        return [...new Set(instances.map(({ revision }) => revision))];
      },
      /** How many providers the registry lists; with Redis, whether it has all that there is to have. */
      async visible() {
        if (!store.metadataOnly) return (await look.instances(application)).length;
        const mapped = (await look.mapping("org.example.Worker")).has(application);
        return mapped ? running.length : 0;
      },
      async close() {
        for (const close of closers.splice(0).reverse()) await close();
      },
    };
    await traffic.sees(running.map(({ pid }) => pid));
    await waitFor(async () => (await scene.visible()) === running.length, {
      timeoutMs: 15_000,
      intervalMs: 100,
      what: "all providers in the registry",
    });
    traffic.reset();
    return scene;
  } catch (error) {
    for (const close of closers.reverse()) await close();
    throw error;
  }
}

/** When which process answered. Kept off the heap, which some faults measure: ten minutes are 120,000 answers. */
class Answers {
  #atMs = new Float64Array(1_024);
  #pids = new Int32Array(1_024);
  #count = 0;

  add(atMs, pid) {
    if (this.#count === this.#pids.length) {
      this.#atMs = grown(Float64Array, this.#atMs);
      this.#pids = grown(Int32Array, this.#pids);
    }
    this.#atMs[this.#count] = atMs;
    this.#pids[this.#count] = pid;
    this.#count += 1;
  }

  clear() {
    this.#count = 0;
  }

  /** The latest first. */
  *since(sinceMs) {
    for (let at = this.#count - 1; at >= 0 && this.#atMs[at] >= sinceMs; at -= 1)
      yield { atMs: this.#atMs[at], pid: this.#pids[at] };
  }
}

function grown(Numbers, numbers) {
  const twice = new Numbers(2 * numbers.length);
  twice.set(numbers);
  return twice;
}

/** Calls at {@link perSecond}, each with the process that answered. */
class Traffic {
  #answers = new Answers();
  #load;
  longestMs = 0;

  constructor(worker) {
    this.#load = new Load(async () => {
      const startMs = performance.now();
      try {
        const pid = await worker.whoAmI();
        this.#answers.add(performance.now(), pid);
      } finally {
        this.longestMs = Math.max(this.longestMs, performance.now() - startMs);
      }
    }, perSecond);
  }

  /** Forgets what was before: failures of the start are none of a fault's. */
  reset() {
    this.#answers.clear();
    this.#load.failures.length = 0;
    this.#load.answered = 0;
    this.longestMs = 0;
  }

  get answered() {
    return this.#load.answered;
  }

  get failures() {
    return this.#load.failures;
  }

  /** Waits until each of `pids` has answered from now on. */
  async sees(pids, timeoutMs = 30_000) {
    const sinceMs = performance.now();
    const seen = () => new Set(Array.from(this.#answers.since(sinceMs), ({ pid }) => pid));
    await waitFor(() => pids.every((pid) => seen().has(pid)), {
      timeoutMs,
      intervalMs: 20,
      what: `answers of ${pids}`,
    });
    return performance.now() - sinceMs;
  }

  /** In each whole second since `sinceMs`: how many different processes answered, the fewest of them. */
  fewestPerSecond(sinceMs) {
    const seconds = new Map();
    for (const { atMs, pid } of this.#answers.since(sinceMs)) {
      const second = Math.floor((atMs - sinceMs) / 1_000);
      seconds.set(second, (seconds.get(second) ?? new Set()).add(pid));
    }
    const whole = [...seconds].filter(([second]) => sinceMs + (second + 1) * 1_000 <= performance.now());
    return Math.min(...whole.map(([, pids]) => pids.size));
  }

  /** The part of the calls since `sinceMs` that went to `pid`. */
  shareOf(pid, sinceMs) {
    let all = 0;
    let own = 0;
    for (const answer of this.#answers.since(sinceMs)) {
      all += 1;
      if (answer.pid === pid) own += 1;
    }
    return own / Math.max(1, all);
  }

  async end() {
    await this.#load.stop();
  }
}

export const forMs = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How long until `condition` holds; Infinity after `limitMs`. */
export async function msUntil(condition, limitMs) {
  const startMs = performance.now();
  try {
    await waitFor(condition, { timeoutMs: limitMs, intervalMs: 50 });
    return performance.now() - startMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
