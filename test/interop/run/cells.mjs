// What is run: a provider and a consumer of two languages at a registry, over a protocol, found by the application with
// metadata local or remote, or by the interface as Dubbo 2 does.

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
};

/** Every cell there is. */
export function allCells() {
  const cells = [];
  for (const registry of ["zookeeper", "nacos", "etcd", "embedded"])
    for (const [provider, consumer] of pairs)
      for (const metadata of levels)
        for (const form of Object.keys(forms)) cells.push({ registry, provider, consumer, form, metadata });
  return cells.filter(isPossible);
}

/** Java has no etcd; the embedded registry is for programs beside one of this project, at the level of applications. */
function isPossible({ registry, provider, consumer, metadata }) {
  const both = [provider, consumer];
  if (registry === "etcd") return !both.includes("java");
  return registry !== "embedded" || (both.includes("node") && metadata !== "interface");
}

/**
 * Every story of a provider's life, and of a migration: a pair with this project in it, at a registry, over a protocol.
 * dubbo-go reads one kind of registration only: its consumers do not migrate.
 */
export function allLives() {
  const lives = allCells().filter(
    (cell) => cell.metadata === "local" && cell.form !== "tri-protobuf" && isOneOf(cell, "node"),
  );
  return lives.flatMap((cell) => {
    const life = { ...cell, form: forms[cell.form].protocol };
    const migrates = cell.consumer !== "go" && cell.registry !== "embedded";
    return [{ ...life, story: "life" }, ...(migrates ? [{ ...life, story: "migration" }] : [])];
  });
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
