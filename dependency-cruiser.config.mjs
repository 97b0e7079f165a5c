// Which package may import which: one direction, from the program's entry down to `core` (docs/architecture.md).
// A port that an adapter implements is imported as a type only.
const allowed = {
  core: [],
  rpc: ["core"],
  hessian2: ["core", "rpc"],
  cluster: ["core", "rpc"],
  metadata: ["core", "rpc"],
  discovery: ["core", "metadata"],
  config: ["core"],
  application: ["core", "rpc", "cluster", "metadata", "discovery", "config"],
  decorators: ["core", "rpc", "application"],
  "nacos-client": [],
  "zookeeper-client": [],
  "etcd-client": [],
  "registry-nacos": ["core", "config", "discovery", "metadata", "nacos-client"],
  "registry-zookeeper": ["core", "config", "discovery", "metadata", "zookeeper-client"],
  "registry-etcd": ["core", "config", "discovery", "metadata", "etcd-client"],
  "metadata-redis": ["core", "config", "metadata"],
  "registry-local": ["core", "config", "discovery", "metadata", "nacos-client", "registry-nacos"],
  cli: ["core", "rpc", "discovery", "metadata", "config", "application", "registry-local"],
  "protocols/dubbo": ["core", "rpc", "hessian2"],
  "protocols/triple": ["core", "rpc", "hessian2"],
  testkit: ["core", "rpc", "discovery", "metadata", "config"],
};

const folder = (name) => (name.includes("/") ? name : `packages/${name}`);

// testkit is a development dependency: only tests, and what only they use, import it.
const tables = Object.entries(allowed).map(([name, targets]) => ({
  name: `${name} imports only ${targets.join(", ") || "nothing"}`,
  severity: "error",
  from: { path: `^${folder(name)}/src/`, pathNot: "(\\.test|/test-support)\\.ts$" },
  to: {
    path: "^(packages|protocols|samples)/",
    pathNot: [name, ...targets].map((target) => `^${folder(target)}/`),
  },
}));

export default {
  forbidden: [
    {
      name: "no cycles between files",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "a package is imported by its name, never a file inside it",
      severity: "error",
      from: { path: "^(packages|protocols|samples)/([^/]+)/" },
      to: { path: "^(packages|protocols)/([^/]+)/src/", pathNot: ["^$1/$2/", "/src/index\\.ts$"] },
    },
    {
      name: "imports resolve",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    ...tables,
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.check.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "/dist/" },
    enhancedResolveOptions: {
      conditionNames: ["@dubbo-ts/source", "import", "require", "node", "default", "types"],
      exportsFields: ["exports"],
    },
  },
};
