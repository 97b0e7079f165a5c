// Makes packages/config/dubbo.schema.json and docs/configuration.md from the schema of the configuration:
// `npx tsc -b packages/config && node scripts/config-reference.mjs`. With --check it writes nothing, and fails when
// the page is not what the committed schema file makes; that needs no build.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";

const introduction = `# Configuration

All keys that a file may have. This page is generated; \`node scripts/config-reference.mjs\` makes it anew.

\`\`\`yaml
# yaml-language-server: $schema=./node_modules/@dubbo-ts/config/dubbo.schema.json
dubbo:
  application:
    name: user-info-server
  registries:
    main: nacos://\${NACOS:127.0.0.1:8848}
  protocols:
    dubbo: { port: 20880 }
  provider:
    services:
      UserProvider: { interface: org.example.UserProvider, timeout: 3s }
\`\`\`

The root key \`dubbo\` may be left out. \`metadata-type\`, \`metadataType\` and \`metadata_type\` are the same key. A key that is
not known is refused, and the nearest known one named. The file \`dubbo.schema.json\` of \`@dubbo-ts/config\` tells editors
the keys, as the first line above does.

| type | values |
| --- | --- |
| duration | \`500ms\`, \`3s\`, \`1m30s\`, \`1h\`; a bare number is ms |
| size | \`8mib\`, \`2147mb\`; a bare number is bytes |
| texts | a list, or one text with commas or semicolons between them |
| any | \`\${NAME}\`, \`\${NAME:default}\`: a variable of the environment; \`\${application.name:default}\`, with dots: another key of the file; \`$\${\` is \`\${\` |

## Where settings come from

Later ones are laid over earlier ones: maps key by key, lists and values as a whole. An empty text takes a setting back, a
key without value changes nothing.

1. The file that the program names. When it names none: the files that the environment names, in the order
   \`DUBBO_GO_CONFIG_PATH\`, \`CONF_PROVIDER_FILE_PATH\`, \`CONF_CONSUMER_FILE_PATH\`; or else \`dubbo.yaml\` or \`dubbo.yml\` in the
   working directory. Then \`APP_LOG_CONF_FILE\`: \`logger:\`, or a file of zap (\`level\`, \`encoding\`, \`outputPaths\`).
2. Over each of these files the one that its \`profiles.active\` names: with \`active: dev\`, \`dubbo-dev.yaml\` beside
   \`dubbo.yaml\`.
3. The profile that the program names: \`profiles/<name>/server.yml\`, \`client.yml\` and \`log.yml\`, beside the file or in the
   working directory.
4. Variables of the environment: \`DUBBO_CONSUMER_TIMEOUT\` is \`consumer.timeout\`, \`DUBBO_REGISTRIES_MAIN_ADDRESS\` is
   \`registries.main.address\`.
5. What the [configuration center](config-center.md) says, at the start and while the program runs.
6. What the program itself says.

\`dubbo-ts config explain\` shows of every key its value and where it came from.

Files of dubbo-go 3 and 1.5 load as they are. What has no effect here is in \`Config.notices\`, and so is what is accepted and
not used yet.
`;

const schemaFile = new URL("../packages/config/dubbo.schema.json", import.meta.url);
const pageFile = new URL("../docs/configuration.md", import.meta.url);

function pageOf(schema) {
  const root = schema.definitions["keys.config"].properties;
  const sections = Object.keys(root).filter((key) => definitionOf(root[key]) !== undefined && !older(key));
  const olderKeys = Object.keys(root).filter(older);
  const page = new Page(schema);
  return [
    introduction,
    "## Sections\n",
    list(sections.map((key) => `[\`${key}\`](#${anchor(headOf(key, root[key]))}): ${root[key].description}`)),
    ...sections.flatMap((key) => page.section(headOf(key, root[key]), root[key])),
    olderPage(schema, olderKeys, root),
    "## Accepted, without effect\n",
    "Other Dubbo programs have these keys, and they mean nothing here. `Config.notices` names those that a file has.\n",
    withoutEffect(schema),
  ].join("\n");
}

/** Sections of the page: each with a table of its keys, and those below it. What stands in two places is shown once. */
class Page {
  #headings = new Map();

  constructor(schema) {
    this.definitions = schema.definitions;
  }

  section(path, value) {
    const name = definitionOf(value);
    if (this.#headings.has(name)) return [];
    this.#headings.set(name, path);
    const rows = this.#rowsOf(name);
    const aliases = value["x-aliases"]?.map((alias) => `\`${kebab(alias)}\``).join(", ");
    const nested = rows
      .filter(([, one]) => this.#rowsOf(definitionOf(one)).length > 0)
      .flatMap(([key, one]) => this.section(pathOf(path, key, one), one));
    return [
      `## ${path}\n`,
      `${value.description ?? ""}${aliases === undefined ? "" : ` Also ${aliases}.`}${later(value)}\n`,
      "| key | type | default | |",
      "| --- | --- | --- | --- |",
      ...rows.map(([key, one]) => this.#row(key, one)),
      "",
      ...nested,
    ];
  }

  /** The keys below, but those without effect. */
  #rowsOf(name) {
    const { properties = {} } = this.definitions[name] ?? {};
    return Object.entries(properties).filter(([, one]) => one["x-effect"] !== "none");
  }

  #row(key, value) {
    const heading = this.#headings.get(definitionOf(value));
    const type = heading === undefined ? typeOf(value) : `[keys](#${anchor(heading)})`;
    const words = (value["x-aliases"] ?? []).map((alias) => `\`${kebab(alias)}\``);
    const also = words.length === 0 ? "" : ` Also ${words.join(", ")}.`;
    const byDefault = value.default === undefined ? "" : `\`${value.default}\``;
    return `| \`${key}\` | ${type} | ${byDefault} | ${value.description ?? ""}${also}${later(value)} |`;
  }
}

const later = (value) => (value["x-effect"] === "later" ? " *Not used yet.*" : "");
const typeOf = (value) => value["x-type"] ?? "";
const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const anchor = (path) => path.toLowerCase().replace(/[^a-z0-9 _-]/g, "");
const list = (items) => `${items.map((item) => `- ${item}`).join("\n")}\n`;

/** `registries.NAME` for a section with names of the user's choice. */
const headOf = (path, value) => (isMap(value) ? `${path}.NAME` : isList(value) ? `${path}.N` : path);
const pathOf = (path, key, value) => headOf(`${path}.${key}`, value);

const isMap = (value) =>
  [value, ...(value.anyOf ?? [])].some((one) => definitionOf(one.additionalProperties) !== undefined);
const isList = (value) => value.items !== undefined;

/** The definition of the keys below, behind maps, lists and shorthands. */
function definitionOf(value) {
  if (value === undefined || value === null || typeof value !== "object") return undefined;
  if (value.$ref?.startsWith("#/definitions/keys.")) return value.$ref.replace("#/definitions/", "");
  for (const inner of [value.additionalProperties, value.items, ...(value.anyOf ?? [])]) {
    const found = definitionOf(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

function older(key) {
  return [
    "remote",
    "service-discovery",
    "services",
    "references",
    "check",
    "request-timeout",
    "filter",
  ].includes(key);
}

function olderPage(schema, keys, root) {
  return [
    "## Files of dubbo-go 1.5\n",
    "They have no root key, and these keys at the root; `metadata_report`, `config_center` and `shutdown_conf` are the",
    "sections above. A registry with `protocol: service-discovery` is the one that its parameter `service_discovery` names.\n",
    "| key | stands for |",
    "| --- | --- |",
    ...keys.map((key) => `| \`${key.replaceAll("-", "_")}\` | ${root[key].description} |`),
    "",
  ].join("\n");
}

const sectionNameOf = (definition) => definition.replace(/^keys\.(?:config$)?/, "").replaceAll(".*", "");

function withoutEffect(schema) {
  const rows = Object.entries(schema.definitions).flatMap(([definition, { properties = {} }]) =>
    Object.entries(properties)
      .filter(([, value]) => value["x-effect"] === "none")
      .map(([key, value]) => [sectionNameOf(definition), key, value["x-why"]]),
  );
  const reasons = new Map();
  for (const [path, key, why] of rows) {
    const keys = reasons.get(why) ?? new Set();
    reasons.set(why, keys.add(`\`${path === "" ? key : `${path}.${key}`}\``));
  }
  return [
    "| keys | why |",
    "| --- | --- |",
    ...[...reasons].map(([why, keys]) => `| ${[...keys].join(", ")} | ${why} |`),
    "",
  ].join("\n");
}

if (process.argv.includes("--check")) {
  const page = pageOf(JSON.parse(readFileSync(schemaFile, "utf8")));
  if (page !== readFileSync(pageFile, "utf8")) {
    console.error("docs/configuration.md is not current: run node scripts/config-reference.mjs");
    process.exitCode = 1;
  }
} else {
  const { configJsonSchema } = await import("../packages/config/dist/index.js");
  const schema = configJsonSchema();
  writeFileSync(schemaFile, `${JSON.stringify(schema, null, 2)}\n`);
  writeFileSync(pageFile, pageOf(schema));
  spawnSync("npx", ["--no-install", "biome", "format", "--write", fileURLToPath(schemaFile)], {
    shell: process.platform === "win32",
  });
}
