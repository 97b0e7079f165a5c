import { readFileSync } from "node:fs";
import { hessianSection } from "../hessian/section.mjs";
import { languages } from "./build.mjs";
import { allCells, allLives, cellKey, levels, lifeKey } from "./cells.mjs";
import { lifeEvents, migrationEvents } from "./events.mjs";

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}.json`, import.meta.url), "utf8"));

/** docs/compatibility.md, from `results.json`, `known.json` and `quirks.json`. */
export function compatibilityPage(results) {
  return `${[
    "# Compatibility",
    introduction(results),
    "## Calls",
    "Cases passed of cases run. The arrow points from the consumer to the provider.",
    ...Object.keys(registryNames).map((registry) => registryTable(registry, results)),
    `### Dubbo 2.7

${languages.java27.version} on Java 17 registers and finds interfaces; the dubbo protocol, Hessian 2.`,
    dubbo2Table(results),
    `The cases: \`calls\`, over dubbo and in the wrapper, and \`proto\`, over triple with protobuf, are listed in
[test/interop](../test/interop/README.md#cases).`,
    ...lifeSection(results),
    "## What fails, whose fault it is, and what to do instead",
    knownTable(results),
    "JB and GB are faults of Apache Dubbo for Java and dubbo-go in the versions above.",
    ...hessianSection(),
    "## Quirks",
    "What the peers do in ways of their own, and the test that keeps each understood.",
    quirksTable(),
  ].join("\n\n")}\n`;
}

function introduction({ date }) {
  return `What Apache Dubbo for Java and dubbo-go reach with dubbo-ts, and with each other. This page is written by \`npm run interop\`, which
runs unmodified releases against it in both directions: ${languages.java.version} on Java 17, ${languages.go.version}; ZooKeeper 3.8, Nacos 3.1.0,
etcd 3.4. Last run: ${date}.`;
}

const columns = [
  ["dubbo-ts → Java", "java", "node"],
  ["Java → dubbo-ts", "node", "java"],
  ["dubbo-ts → Go", "go", "node"],
  ["Go → dubbo-ts", "node", "go"],
  ["Go → Java", "java", "go"],
  ["Java → Go", "go", "java"],
  ["dubbo-ts → Java, Dubbo 2.7", "java27", "node"],
  ["Java, Dubbo 2.7 → dubbo-ts", "node", "java27"],
];
const registryNames = {
  zookeeper: "ZooKeeper",
  nacos: "Nacos",
  etcd: "etcd (not known to Java)",
  embedded: "The embedded registry",
};
const introductions = {
  embedded: `A process of its own, \`dubbo-ts registry\`; programs of Java and Go join it through their Nacos support (\`nacos://127.0.0.1:8848\`),
those of dubbo-ts as \`local://\`.`,
};
const formNames = {
  dubbo: "dubbo, Hessian 2",
  "tri-protobuf": "triple, protobuf",
  "tri-wrapper": "triple, wrapper",
};

const levelNames = {
  local: "application, metadata local",
  remote: "application, metadata remote",
  interface: "interface",
  all: "interface; providers of dubbo-ts register both, its consumers look for both",
};

function registryTable(registry, { cells }) {
  const all = allCells().filter((cell) => cell.registry === registry && !isOfDubbo2(cell));
  const shown = columns.filter(([, provider, consumer]) => all.some(isOf(provider, consumer)));
  const shownLevels = levels.filter((level) => all.some(({ metadata }) => metadata === level));
  const rows = Object.keys(formNames).flatMap((form) =>
    shownLevels.map((metadata) => [
      formNames[form],
      levelNames[metadata],
      ...shown.map(([, provider, consumer]) => {
        const result = cells[cellKey({ registry, provider, consumer, form, metadata })];
        return result === undefined ? "not run" : shortResult(result);
      }),
    ]),
  );
  const head = ["protocol", "found by", ...shown.map(([name]) => name)];
  return [`### ${registryNames[registry]}`, introductions[registry], table(head, rows)]
    .filter(Boolean)
    .join("\n\n");
}

/** Programs that have not moved to Dubbo 3 yet. */
function dubbo2Table({ cells }) {
  const all = allCells().filter(isOfDubbo2);
  const pairs = columns.filter(([, provider, consumer]) => all.some(isOf(provider, consumer)));
  const places = all.filter(isOf(...pairs[0].slice(1)));
  const rows = places.map(({ registry, form, metadata }) => [
    registryNames[registry],
    levelNames[metadata],
    ...pairs.map(([, provider, consumer]) => {
      const result = cells[cellKey({ registry, provider, consumer, form, metadata })];
      return result === undefined ? "not run" : shortResult(result);
    }),
  ]);
  return table(["registry", "found by", ...pairs.map(([name]) => name)], rows);
}

const isOfDubbo2 = ({ provider, consumer }) => provider === "java27" || consumer === "java27";
const isOf = (provider, consumer) => (cell) => cell.provider === provider && cell.consumer === consumer;
const shortResult = ({ passed, run }) => (run === 0 ? "none" : `${passed} of ${run}`);

function table(head, rows) {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The entry of `known.json` that explains why a case fails in a cell. */
export function explanation(cell, name, known = read("known")) {
  const has = (list, value) => list === undefined || list.includes(value);
  return known.find(
    (one) =>
      one.where === undefined &&
      has(one.forms, cell.form) &&
      has(one.registries, cell.registry) &&
      (one.cases === "*" || one.cases.includes(name)) &&
      (one.metadata ?? cell.metadata) === cell.metadata &&
      (one.provider ?? cell.provider) === cell.provider &&
      (one.consumer ?? cell.consumer) === cell.consumer &&
      (one.between === undefined ||
        (one.between.includes(cell.provider) && one.between.includes(cell.consumer))),
  );
}

function knownTable({ cells }) {
  const known = read("known");
  const seen = new Map(known.map((one) => [one, new Map()]));
  const unexplained = [];
  for (const cell of allCells())
    for (const name of cells[cellKey(cell)]?.failed ?? []) {
      const why = explanation(cell, name, known);
      if (why === undefined) unexplained.push([`${cellTitle(cell)}, ${cell.registry}`, name]);
      else seen.get(why).set(why.metadata === undefined ? shortTitle(cell) : cellTitle(cell), true);
    }
  const rows = known
    .filter((one) => one.where !== undefined || seen.get(one).size > 0)
    .map((one) => [one.bug, placesOf(one, seen.get(one)), casesOf(one), one.why, one.instead]);
  const head = ["fault", "where", "cases", "why", "instead"];
  return [table(head, rows), ...unexplainedTable(unexplained)].join("\n\n");
}

/** What no case shows says itself where it was seen. */
const placesOf = ({ where }, seen) => where ?? [...seen.keys()].join("; ");
const casesOf = ({ cases, event }) =>
  event ?? (cases === "*" ? "all" : cases.map((name) => `\`${name}\``).join(", "));

function shortTitle({ provider, consumer, form }) {
  const [name] = columns.find(([, from, to]) => from === provider && to === consumer);
  return `${name}, ${formNames[form]}`;
}

const cellTitle = (cell) => `${shortTitle(cell)}, ${levelNames[cell.metadata]}`;

function unexplainedTable(rows) {
  if (rows.length === 0) return [];
  return ["Not explained yet:", table(["where", "case"], rows)];
}

function lifeSection(results) {
  return [
    "## Life",
    `Calls go on all the while, 100 a second with default settings: how many failed, of how many. In the cells above providers start
before consumers.`,
    storyTable("life", Object.values(lifeEvents), results),
    "## Migration",
    `From interface-level to application-level discovery: providers of the one registration give way to those of the other under a consumer
with \`application-first\`; and the step of a consumer of dubbo-ts is switched at run time, every way; – where there is no such consumer.`,
    storyTable("migration", Object.values(migrationEvents), results),
    ...secondRuns(results),
  ];
}

function storyTable(story, events, { lives = {} }) {
  const rows = allLives()
    .filter((life) => life.story === story)
    .map((life) => {
      const told = lives[lifeKey(life)] ?? {};
      const isShort = story === "migration" && life.consumer !== "node";
      const none = Object.keys(told).length > 0 && isShort ? "–" : "not run";
      return [lifeTitle(life), ...events.map((event) => eventText(told[event], none))];
    });
  return table(
    ["", ...events],
    rows.sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function lifeTitle({ provider, consumer, registry, form, metadata }) {
  const [name] = columns.find(([, from, to]) => from === provider && to === consumer);
  return `${name}, ${registry}, ${form}, ${metadata}`;
}

function eventText(result, none) {
  if (result === undefined) return none;
  return `${result.failed} of ${result.calls}${result.trouble === undefined ? "" : `, ${result.trouble}`}`;
}

/** What fell in the run and passed when it was run once more, with nothing beside it. */
function secondRuns({ cells, lives = {} }) {
  const ofCells = Object.entries(cells).map(([key, { first }]) => [key, first]);
  const ofLives = Object.entries(lives).flatMap(([key, life]) => {
    const events = Object.entries(life);
    if (events.every(([, { first }]) => first !== undefined)) return [[key, "ended early"]];
    return events.map(([event, { first }]) => [`${key}, ${event}`, first]);
  });
  const lines = [...ofCells, ...ofLives]
    .filter(([, first]) => first !== undefined)
    .map(([what, first]) => `- ${what} (first: ${first})`);
  if (lines.length === 0) return [];
  return [["Reached when run a second time, alone:", "", ...lines].join("\n")];
}

function quirksTable() {
  return table(
    ["quirk", "test"],
    read("quirks").map(([quirk, test]) => [quirk, `\`${test}\``]),
  );
}
