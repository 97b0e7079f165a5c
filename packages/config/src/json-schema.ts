import { z } from "zod";
import { standardSchema } from "./schema/config-schema.js";
import { kebab, type KeyMeta, unwrap } from "./schema/key.js";

/** JSON Schema of draft 7, which editors understand best. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * The keys of a configuration as JSON Schema, for editors: preferred spellings with their descriptions, and the
 * other ones that files have. What it refuses, `loadConfig` may accept in rarer spellings (`time-out`); ranges that
 * depend on other keys are not in it. `x-` keywords are for the page of the reference: `x-type`, `x-aliases`,
 * `x-effect` (`none`, `later`) and `x-why`.
 */
export function configJsonSchema(): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const root = new Describing(definitions).value(standardSchema, "config");
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of dubbo-ts",
    if: { type: "object", required: ["dubbo"] },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { properties: { dubbo: root } },
    else: root,
    definitions,
  };
}

class Describing {
  /** An object that stands in several places is described once. */
  readonly #described = new Map<z.ZodObject, string>();

  constructor(private readonly definitions: Record<string, JsonSchema>) {}

  value(wrapped: unknown, path: string): JsonSchema {
    const { schema, meta, byDefault } = unwrap(wrapped);
    const more = describe(meta, byDefault);
    const value = this.#type(schema, meta, path);
    return meta.shorthand === undefined ? { ...more, ...value } : { ...more, anyOf: [value, scalar] };
  }

  #type(schema: unknown, { json, type, namedBy, effect }: KeyMeta, path: string): JsonSchema {
    if (schema instanceof z.ZodObject) return this.#reference(schema, path);
    if (effect === "none" && json === undefined) return {};
    if (json !== undefined) return this.#shared(json as JsonSchema, type);
    if (schema instanceof z.ZodRecord) {
      const item = this.value(schema.valueType, `${path}.*`);
      const map = { type: ["object", "null"], additionalProperties: item };
      return namedBy === undefined ? map : { anyOf: [map, { type: "array", items: item }] };
    }
    if (schema instanceof z.ZodArray)
      return { type: ["array", "null"], items: this.value(schema.element, `${path}.*`) };
    throw new TypeError(`no JSON Schema for ${path}`);
  }

  #reference(schema: z.ZodObject, path: string): JsonSchema {
    let name = this.#described.get(schema);
    if (name === undefined) {
      name = `keys.${path}`;
      this.#described.set(schema, name);
      this.definitions[name] = this.#object(schema, path);
    }
    return { $ref: `#/definitions/${name}` };
  }

  /** What many keys have in common stands once. */
  #shared(json: JsonSchema, type: string | undefined): JsonSchema {
    if (type === undefined || "anyOf" in json) return json;
    const name = type.replaceAll(" ", "-");
    this.definitions[name] ??= json;
    return { $ref: `#/definitions/${name}` };
  }

  #object({ shape, def }: z.ZodObject, path: string): JsonSchema {
    const properties: Record<string, JsonSchema> = {};
    const patternProperties: Record<string, JsonSchema> = {};
    for (const [name, value] of Object.entries(shape)) {
      const key = kebab(name);
      properties[key] = this.value(value, path === "config" ? key : `${path}.${key}`);
      for (const word of [name, ...(unwrap(value).meta.aliases ?? [])]) {
        const pattern = spellings(word);
        if (pattern !== undefined || kebab(word) !== key)
          patternProperties[pattern ?? `^${word}$`] = {
            $ref: `#/definitions/keys.${path}/properties/${key}`,
          };
      }
    }
    const free = def.catchall === undefined ? false : scalar;
    return { type: ["object", "null"], properties, patternProperties, additionalProperties: free };
  }
}

const scalar: JsonSchema = { type: ["string", "number", "boolean", "null"] };

/** `tpsLimit` as `tps_limit`, `tps.limit`, `tps-limit`, `tpslimit` and `tpsLimit`; undefined for a single word. */
function spellings(name: string): string | undefined {
  const words = kebab(name).split("-");
  if (words.length === 1) return undefined;
  const [first, ...rest] = words;
  const anyCase = rest.map((word) => `[${word[0]?.toUpperCase()}${word[0]}]${word.slice(1)}`);
  return `^${[first, ...anyCase].join("[-_.]?")}$`;
}

function describe(meta: KeyMeta, byDefault: unknown): Record<string, unknown> {
  const { description, type, aliases, effect, why } = meta;
  const shown = description ?? (why === undefined ? undefined : `No effect: ${why}.`);
  return {
    ...(shown !== undefined && { description: shown }),
    ...(byDefault !== undefined &&
      typeof byDefault !== "object" && { default: shownDefault(byDefault, type) }),
    ...(type !== undefined && { "x-type": type }),
    ...(aliases !== undefined && { "x-aliases": aliases }),
    ...(effect !== undefined && { "x-effect": effect }),
    ...(why !== undefined && { "x-why": why }),
  };
}

/** As a person would write it. */
function shownDefault(value: unknown, type: string | undefined): unknown {
  if (typeof value !== "number") return value;
  if (type === "duration") return value % 1_000 === 0 ? `${value / 1_000}s` : `${value}ms`;
  if (type === "size") return value % 1_048_576 === 0 ? `${value / 1_048_576}mib` : value;
  return value;
}
