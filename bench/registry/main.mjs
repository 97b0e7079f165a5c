// What each store costs: until a provider is seen, bytes, until it is back after a crash of the server, and a rest.
import installServers from "../../scripts/install-servers.mjs";
import { stores } from "../../faults/stores.mjs";
import { quantile, sortedNumbers } from "../lib/statistics.mjs";
import { short, table } from "../lib/table.mjs";
import { measureAgain } from "./again.mjs";
import { measureBytes } from "./bytes.mjs";
import { measureRest } from "./rest.mjs";
import { measureVisible } from "./visible.mjs";

const parts = {
  visible: (store, server, { quick }) => measureVisible(store, server, { count: quick ? 10 : 100 }),
  again: (store, server, { rounds, progress }) => measureAgain(store, server, { rounds, progress }),
  rest: (store, server, { quick, ms }) =>
    measureRest(store, server, { applications: quick ? 100 : 1_000, ms: ms ?? (quick ? 2_000 : 30_000) }),
  bytes: (store, server, { quick }) =>
    measureBytes(store, server, { instances: quick ? 10 : 100, interfaces: quick ? 10 : 100 }),
};

/** `only` names stores and parts; `rounds` is how often each server is killed. */
export async function measure({ quick, only, rounds = quick ? 3 : 100, ms, progress }) {
  installServers();
  const isChosen = (name, all) => !only?.some((one) => Object.hasOwn(all, one)) || only.includes(name);
  const samples = [];
  const failures = [];
  for (const [name, store] of Object.entries(stores)) {
    if (store.metadataOnly || !isChosen(name, stores)) continue;
    if (!store.isThere()) {
      progress(`${store.title} is not installed here and is left out`);
      continue;
    }
    for (const [part, run] of Object.entries(parts)) {
      if (!isChosen(part, parts)) continue;
      progress(`${store.title}: ${part}`);
      const say = (text) => progress(`${store.title}: ${text}`);
      try {
        const figures = await onServer(store, (server) =>
          run(store, server, { quick, rounds, ms, progress: say }),
        );
        samples.push({ store: name, title: store.title, part, ...figures });
      } catch (error) {
        failures.push({ store: name, part, error: String(error) });
        say(`${part} failed: ${error}`);
      }
    }
  }
  return { samples, failures };
}

/** Its own server for each part: what one leaves behind is not measured with the next. */
async function onServer(store, work) {
  const server = await store.start();
  try {
    return await work(server);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

export function print({ samples, failures }) {
  for (const { store, part, error } of failures) console.log(`NOT MEASURED: ${part} of ${store}: ${error}\n`);
  for (const [part, { title, head, row }] of Object.entries(tables)) {
    const rows = samples.filter((sample) => sample.part === part);
    if (rows.length > 0)
      console.log(
        `### ${title}\n\n${table(
          ["", ...head],
          rows.map((one) => [one.title, ...row(one)]),
        )}\n`,
      );
  }
}

const tables = {
  visible: {
    title: "From registering to being seen by another process's connection",
    head: ["providers", "p50 ms", "p99 ms", "longest"],
    row: ({ ms }) => [ms.length, ...quantiles(ms)],
  },
  bytes: {
    title: "Bytes stored",
    head: [
      "instances",
      "interfaces",
      "by application, B/instance",
      "by interface, B/instance",
      "share",
      "wanted",
    ],
    row: ({ instances, interfaces, application, byInterface }) => [
      instances,
      interfaces,
      short(application / instances),
      short(byInterface / instances),
      `${((application / byInterface) * 100).toFixed(2)} %`,
      "<= 3 %",
    ],
  },
  again: {
    title: "Back after the server's kill -9, counted from when the server answers again",
    head: ["rounds", "came back", "p50 ms", "p99 ms", "longest", "wanted"],
    row: ({ ms, rounds }) => [rounds, ms.filter((one) => one <= 30_000).length, ...quantiles(ms), "<= 5,000"],
  },
  rest: {
    title: "A consumer that watches and rests",
    head: ["applications", "CPU ms/s", "of it without any", "memory MB"],
    row: ({ applications, cpuPerSecond, bareCpuPerSecond, heapMb }) => [
      applications,
      short(cpuPerSecond),
      short(bareCpuPerSecond),
      short(heapMb),
    ],
  },
};

function quantiles(values) {
  const sorted = sortedNumbers(values);
  return [quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1)].map(short);
}
