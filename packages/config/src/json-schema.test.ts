import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { configJsonSchema, type JsonSchema } from "./json-schema.js";

const root = join(__dirname, "..", "..", "..");
const makeAnew = "run: npx tsc -b packages/config && node scripts/config-reference.mjs";

const published = JSON.parse(
  readFileSync(join(root, "packages/config/dubbo.schema.json"), "utf8"),
) as JsonSchema;

/** As much of a validator as the schema needs: where `value` is refused, or undefined. */
function refusal(value: unknown, schema: JsonSchema, path = ""): string | undefined {
  const {
    $ref,
    anyOf,
    enum: names,
    type,
    properties,
    patternProperties,
    additionalProperties,
    items,
  } = schema;
  if (typeof $ref === "string") return refusal(value, resolve($ref), path);
  if (schema["if"] !== undefined) {
    const { then: wrapped, else: bare } = schema as { then: JsonSchema; else: JsonSchema };
    return refusal(
      value,
      typeof value === "object" && value !== null && "dubbo" in value ? wrapped : bare,
      path,
    );
  }
  if (Array.isArray(anyOf)) {
    const refusals = anyOf.map((one: JsonSchema) => refusal(value, one, path));
    return refusals.includes(undefined) ? undefined : refusals[0];
  }
  if (Array.isArray(names)) return names.includes(value) ? undefined : path;
  if (type !== undefined && ![type].flat().some((one) => isOf(value, one))) return path;
  if (typeof value === "string" && !new RegExp((schema["pattern"] as string | undefined) ?? "").test(value))
    return path;
  if (typeof value === "number") {
    const { minimum = -Infinity, maximum = Infinity } = schema as { minimum?: number; maximum?: number };
    return value >= minimum && value <= maximum ? undefined : path;
  }
  if (Array.isArray(value))
    return value
      .map((item, index) => refusal(item, (items ?? {}) as JsonSchema, `${path}.${index}`))
      .find(Boolean);
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const below = path === "" ? key : `${path}.${key}`;
    const named = (properties as Record<string, JsonSchema> | undefined)?.[key];
    const patterned = Object.entries((patternProperties ?? {}) as Record<string, JsonSchema>).find(
      ([pattern]) => new RegExp(pattern).test(key),
    )?.[1];
    const found = named ?? patterned ?? additionalProperties ?? {};
    const refused = found === false ? below : refusal(member, found as JsonSchema, below);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function resolve(pointer: string): JsonSchema {
  const steps = pointer.slice(2).split("/");
  return steps.reduce((node, step) => node[step] as JsonSchema, published);
}

function isOf(value: unknown, type: unknown): boolean {
  if (value === null) return type === "null";
  if (Array.isArray(value)) return type === "array";
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

test("the file for editors is current", () => {
  if (JSON.stringify(published) !== JSON.stringify(configJsonSchema()))
    throw new Error(`packages/config/dubbo.schema.json is not current; ${makeAnew}`);
});

test("the page of all keys is current", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, "scripts/config-reference.mjs"), "--check"],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`${stderr}${makeAnew}`);
});

test("every key says what it does, or why it does nothing", () => {
  const definitions = Object.entries(
    published["definitions"] as Record<string, { properties?: Record<string, JsonSchema> }>,
  );
  const silent = definitions.flatMap(([name, { properties = {} }]) =>
    Object.entries(properties)
      .filter(([, value]) => typeof value["description"] !== "string")
      .map(([key]) => `${name}.${key}`),
  );
  expect(silent).toEqual([]);
});

const files = [
  ...["dubbogo.yaml", "dubbogo-dev.yaml", "client.yml", "server.yml"].map(
    (name) => `packages/config/src/fixtures/${name}`,
  ),
  ...["dev", "test", "release"].flatMap((profile) =>
    ["server.yml", "client.yml", "log.yml"].map((name) => `profiles/${profile}/${name}`),
  ),
];

test.each(files)("editors find nothing wrong in %s", (path) => {
  expect(refusal(parse(readFileSync(join(root, path), "utf8")), published)).toBeUndefined();
});

test.each([
  ["consumer: { timout: 3s }", "consumer.timout"],
  ["dubbo: { consumer: { timeout: 3 sec } }", "dubbo.consumer.timeout"],
  ["dubbo: { consumer: { request_timeout: 3s } }", undefined],
  ["dubbo: { consumer: { timeout: '${T:3s}' } }", undefined],
  ["logger: { level: lowd }", "logger.level"],
  ["logger: { level: WARN }", undefined],
  ["protocols: { dubbo: { port: 99999 } }", "protocols.dubbo.port"],
  ["protocols: { dubbo: { params: { any: thing, session-number: 7 } } }", undefined],
  ["registries: { main: 'nacos://h', other: { address: 'nacos://h', register_mode: all } }", undefined],
  ["registries: { main: { adress: h } }", "registries.main"],
  ["provider: { services: { S: { methods: [{ name: m, tps.limit.rate: 1 }] } } }", undefined],
  [
    "provider: { services: { S: { methods: { m: { retires: 1 } } } } }",
    "provider.services.S.methods.m.retires",
  ],
])("editors see %s", (yaml, refused) => {
  const found = refusal(parse(yaml), published);
  if (refused === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(refused);
});
