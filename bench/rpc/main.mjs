import { peerVersions } from "../lib/peers.mjs";
import { median, spread } from "../lib/statistics.mjs";
import { ratioText, short, table } from "../lib/table.mjs";
import { openPair } from "./pair.mjs";
import { targets } from "./targets/index.mjs";

const concurrencies = [1, 64, 256];
const workloadTitles = { echo: "echo of 100 B", users: "list of 100 users" };

/** Every target in turn, round after round, so that whatever else the machine does falls on all alike. */
export async function measure({
  quick,
  peers,
  only,
  rounds = quick ? 1 : 5,
  ms = quick ? 150 : 1_000,
  progress,
}) {
  const chosen = targets.filter(
    ({ name, peer }) => (peers || !peer) && (only === undefined || only.includes(name)),
  );
  const pairs = await openPairs(chosen, progress);
  const samples = [];
  try {
    for (const workload of Object.keys(workloadTitles))
      for (const [name, pair] of pairs) await pair.measure({ workload, concurrency: 64, ms });
    for (let round = 1; round <= rounds; round += 1) {
      progress(`round ${round} of ${rounds}`);
      for (const cell of cellsOf(quick))
        for (const [name, pair] of pairs)
          samples.push({ round, name, ...cell, ...(await pair.measure({ ...cell, ms })) });
    }
  } finally {
    for (const pair of pairs.values()) pair.stop();
  }
  return { versions: peers ? peerVersions() : {}, ms, rounds, samples };
}

async function openPairs(chosen, progress) {
  const pairs = new Map();
  try {
    for (const target of chosen) {
      progress(`starting ${target.title}`);
      pairs.set(target.name, await openPair(target));
    }
    return pairs;
  } catch (error) {
    for (const pair of pairs.values()) pair.stop();
    throw error;
  }
}

function cellsOf(quick) {
  const levels = quick ? [64] : concurrencies;
  return Object.keys(workloadTitles).flatMap((workload) =>
    levels.map((concurrency) => ({ workload, concurrency })),
  );
}

/** A table for each workload and concurrency, then the bars that the project sets itself. */
export function print({ samples, versions }) {
  for (const [workload, title] of Object.entries(workloadTitles))
    for (const concurrency of concurrencies) {
      const cell = samples.filter(
        (sample) => sample.workload === workload && sample.concurrency === concurrency,
      );
      if (cell.length > 0) console.log(`### ${title}, ${concurrency} in flight\n\n${cellTable(cell)}\n`);
    }
  console.log(`### Ratios, median of the rounds (least to greatest)\n\n${barTable(samples)}\n`);
  const installed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  if (installed.length > 0) console.log(`Peers: ${installed.join(", ")}.`);
}

function cellTable(cell) {
  const rows = targets.flatMap(({ name, title }) => {
    const own = cell.filter((sample) => sample.name === name);
    if (own.length === 0) return [];
    const of = (key) => own.map((sample) => sample[key]);
    const [client, server] = [median(of("clientMicros")), median(of("serverMicros"))];
    const rates = spread(of("ratePerSecond"));
    return [
      [
        title,
        short(rates.max),
        short(rates.median),
        short(Math.min(...of("p50Ms"))),
        short(Math.min(...of("p99Ms"))),
        short(client),
        short(server),
        short(client + server),
      ],
    ];
  });
  const head = ["", "calls/s, best", "median", "p50 ms", "p99 ms", "CPU µs/call: client", "server", "both"];
  return table(head, rows);
}

const cpu = { title: "CPU per call", of: (sample) => sample.clientMicros + sample.serverMicros };
const rate = { title: "calls/s", of: (sample) => sample.ratePerSecond };

/** Ours, the peer, what is compared, and what it should be. */
const bars = [
  ["dubbo", "moleculer", cpu, "<= 1.0"],
  ["dubbo", "sofa", rate, ">= 3"],
  ["dubbo", "bare", rate, ""],
  ["dubbo", "net", cpu, ""],
  ["dubbo-direct", "moleculer", cpu, "<= 1.0"],
  ["triple", "grpc", cpu, "<= 1.15"],
];

function barTable(samples) {
  const rows = bars.flatMap(([ours, peer, figure, bar]) =>
    Object.entries(workloadTitles).flatMap(([workload, title]) =>
      concurrencies.flatMap((concurrency) => {
        const ratios = ratiosOf(samples, ours, peer, figure, { workload, concurrency });
        if (ratios.length === 0) return [];
        return [[`${ours} / ${peer}`, figure.title, title, concurrency, ratioText(spread(ratios)), bar]];
      }),
    ),
  );
  return table(["", "figure", "workload", "in flight", "ratio", "wanted"], rows);
}

function ratiosOf(samples, ours, peer, figure, { workload, concurrency }) {
  const cell = samples.filter((sample) => sample.workload === workload && sample.concurrency === concurrency);
  return cell.flatMap((mine) => {
    const other = cell.find((sample) => sample.name === peer && sample.round === mine.round);
    return mine.name === ours && other !== undefined ? [figure.of(mine) / figure.of(other)] : [];
  });
}
