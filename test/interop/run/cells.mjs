// What is run: a provider and a consumer of two languages at a registry, over a protocol, found by the application with
// metadata local or remote, or by the interface as Dubbo 2 does.

const registries = ["zookeeper", "nacos", "etcd", "embedded"];

const pairs = [
  ["java", "node"],
  ["node", "java"],
  ["go", "node"],
  ["node", "go"],
  ["java", "go"],
  ["go", "java"],
];

/** How the three forms of a call are told apart: what the peers are told, and which suite of the contract is run. */
export const forms = {
  dubbo: { protocol: "dubbo", suite: "calls" },
  "tri-protobuf": { protocol: "tri", suite: "proto" },
  "tri-wrapper": { protocol: "tri", suite: "calls" },
};

/** How a consumer finds a provider: what both peers are told about it. */
export const levels = ["local", "remote", "interface"];
export const toldOf = {
  local: { metadata: "local" },
  remote: { metadata: "remote" },
  interface: { metadata: "local", registerMode: "interface", migration: "FORCE_INTERFACE" },
  all: { metadata: "local", registerMode: "all", migration: "APPLICATION_FIRST" },
};

/** Every cell there is. */
export function allCells() {
  const cells = [];
  for (const registry of registries)
    for (const [provider, consumer] of pairs)
      for (const metadata of levels)
        for (const form of Object.keys(forms)) cells.push({ registry, provider, consumer, form, metadata });
  return [...cells.filter(isPossible), ...cellsOfDubbo2()];
}

/** Dubbo 2.7 knows interfaces only, and the dubbo protocol; it meets providers and consumers that know both kinds. */
function cellsOfDubbo2() {
  const cell = (registry, provider, consumer, metadata) => ({
    registry,
    provider,
    consumer,
    form: "dubbo",
    metadata,
  });
  return ["zookeeper", "nacos"].flatMap((registry) =>
    ["interface", "all"].flatMap((metadata) => [
      cell(registry, "java27", "node", metadata),
      cell(registry, "node", "java27", metadata),
    ]),
  );
}

/** Java has no etcd; the embedded registry is for programs beside one of this project, at the level of applications. */
function isPossible({ registry, provider, consumer, metadata }) {
  const both = [provider, consumer];
  if (registry === "etcd") return !both.includes("java");
  return registry !== "embedded" || (both.includes("node") && metadata !== "interface");
}

/**
 * Every story of a provider's life, and of a migration: a pair with this project in it, at a registry, over a protocol;
 * the metadata are local and remote in turns. dubbo-go reads one kind of registration only: its consumers do not migrate.
 */
export function allLives() {
  const lives = allCells().filter(
    (cell) => cell.form !== "tri-protobuf" && isOneOf(cell, "node") && cell.metadata === metadataOfLife(cell),
  );
  return lives.flatMap((cell) => {
    const life = { ...cell, form: forms[cell.form].protocol };
    const migrates = cell.consumer !== "go" && cell.registry !== "embedded";
    return [{ ...life, story: "life" }, ...(migrates ? [{ ...life, story: "migration" }] : [])];
  });
}

/** Of the two protocols one has local metadata, the other remote; the other way about in the other direction, and at the next registry. */
function metadataOfLife({ registry, provider, form }) {
  const turn = registries.indexOf(registry) + (provider === "node") + (form === "dubbo");
  return turn % 2 === 0 ? "local" : "remote";
}

/** `java>node zookeeper dubbo local` */
export const cellKey = ({ provider, consumer, registry, form, metadata }) =>
  `${provider}>${consumer} ${registry} ${form} ${metadata}`;

const words = {
  java: (cell) => isOneOf(cell, "java"),
  go: (cell) => isOneOf(cell, "go"),
  node: (cell) => isOneOf(cell, "node"),
  provides: (cell) => cell.consumer === "node",
  consumes: (cell) => cell.provider === "node",
  tri: ({ form }) => form.startsWith("tri"),
  protobuf: ({ form }) => form === "tri-protobuf",
  wrapper: ({ form }) => form === "tri-wrapper",
};
const isOneOf = ({ provider, consumer }, language) => provider === language || consumer === language;

/** `java>node zookeeper dubbo local migration` */
export const lifeKey = (life) => `${cellKey(life)} ${life.story}`;

/** Whether a cell is among those of `--only=java,zookeeper,tri,provides`; every word must hold for it. */
export function matches(cell, only) {
  return only.every((word) =>
    Object.hasOwn(words, word) ? words[word](cell) : Object.values(cell).includes(word),
  );
}

/** The words that `--only` takes. */
export const knownWords = [
  ...new Set([...Object.keys(words), ...allCells().flatMap((cell) => Object.values(cell))]),
];
