import { ConfigError } from "@dubbo-ts/core";
import { z } from "zod";
import { parseBytes, parseDuration } from "../duration.js";
import { didYouMean } from "../nearest.js";
import { quoted } from "../problems.js";
import { parseRegistryAddress } from "../registry-address.js";

const textError = ({ input }: { readonly input?: unknown }) =>
  input === undefined ? "is missing" : "must be a single value";

const anyScalar = { type: ["string", "number", "boolean", "null"] };

/** Any text. Its value is never part of a message: it may be a secret. */
export const text = () => z.string({ error: textError }).meta({ type: "text", json: anyScalar });

/** What a text may be besides: nothing, or a variable. */
const orVariable = "^$|\\$\\{";

/** A text that `parse` makes a value of; what it throws or undefined becomes a problem. */
function parsed<T>(
  parse: (text: string) => T | undefined,
  expected: string,
  { type, json }: { type: string; json: object },
) {
  return z
    .string({ error: textError })
    .transform((value, context): T => {
      const result = parse(value);
      if (result !== undefined) return result;
      context.addIssue({ code: "custom", message: `${quoted(value)} is ${expected}`, input: value });
      return z.NEVER;
    })
    .meta({ type, json });
}

/** A duration in ms, see {@link parseDuration}. */
export const duration = ({ zero = false }: { zero?: boolean } = {}) =>
  parsed(
    (value) => {
      const ms = parseDuration(value);
      return ms === 0 && !zero ? undefined : ms;
    },
    `no duration${zero ? "" : " above 0"}, such as 500ms, 3s, 1m or a number of ms`,
    {
      type: "duration",
      json: {
        type: ["string", "integer", "null"],
        minimum: zero ? 0 : 1,
        pattern: `^\\d+$|^(?:\\d+(?:\\.\\d+)?(?:ms|s|m|h|d))+$|${orVariable}`,
      },
    },
  );

/** A size in bytes above 0, see {@link parseBytes}. */
export const bytes = () =>
  parsed((value) => parseBytes(value) || undefined, "no size, such as 8mib or 8388608", {
    type: "size",
    json: {
      type: ["string", "integer", "null"],
      minimum: 1,
      pattern: `^\\d+\\s?(?:[bB]|[kKmMgG][iI]?[bB])?$|${orVariable}`,
    },
  });

/** A whole number. */
export const integer = (least: number, most: number) =>
  parsed(
    (value) => {
      const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      return number >= least && number <= most ? number : undefined;
    },
    `no whole number from ${least} to ${most}`,
    {
      type: `${least} to ${most}`,
      json: {
        type: ["integer", "string", "null"],
        minimum: least,
        maximum: most,
        pattern: `^-?\\d+$|${orVariable}`,
      },
    },
  );

/** A number from 0 to 1. */
export const share = () =>
  parsed(
    (value) => (/^(?:0|1|0?\.\d{1,12}|1\.0+|0\.\d{1,12})$/.test(value) ? Number(value) : undefined),
    "no number from 0 to 1",
    {
      type: "0 to 1",
      json: {
        type: ["number", "string", "null"],
        minimum: 0,
        maximum: 1,
        pattern: `^[01]?\\.?\\d+$|${orVariable}`,
      },
    },
  );

/** A number that is not negative. */
export const positive = () =>
  parsed(
    (value) => (/^\d{1,9}(?:\.\d{1,9})?$/.test(value) ? Number(value) : undefined),
    "no number of 0 or more",
    {
      type: "number",
      json: { type: ["number", "string", "null"], minimum: 0, pattern: `^\\d+(?:\\.\\d+)?$|${orVariable}` },
    },
  );

/** Yes or no. */
export const flag = () =>
  parsed((value) => ({ true: true, false: false })[value.toLowerCase()], "neither true nor false", {
    type: "true or false",
    json: {
      type: ["boolean", "string", "null"],
      pattern: `^[Tt][Rr][Uu][Ee]$|^[Ff][Aa][Ll][Ss][Ee]$|${orVariable}`,
    },
  });

/**
 * One of `names`; capital letters, `-` and `_` do not matter. `aliases` are other words for them, and may have
 * names of their own that are known.
 */
export function oneOf<N extends string>(names: readonly N[], aliases: Readonly<Record<string, N>> = {}) {
  const byFolded = new Map<string, N>(Object.entries(aliases));
  for (const name of names) byFolded.set(foldName(name), name);
  return z
    .string({ error: textError })
    .transform((value, context): N => {
      const name = byFolded.get(foldName(value));
      if (name !== undefined) return name;
      const message = `${quoted(value)} is none of ${names.join(", ")}${didYouMean(value, names)}`;
      context.addIssue({ code: "custom", message, input: value });
      return z.NEVER;
    })
    .meta({
      type: names.map((name) => `\`${name}\``).join(", "),
      json: {
        // Other ways of writing them have capitals or hyphens; a variable has a dollar.
        anyOf: [
          { enum: [...names, ...Object.keys(aliases).filter((alias) => !names.includes(alias as N))] },
          { type: "string", pattern: `[A-Z_-]|${orVariable}` },
          { type: "null" },
        ],
      },
    });
}

const foldName = (name: string) => name.replace(/[-_]/g, "").toLowerCase();

/** Texts: a list, or one text with commas or semicolons between them. Never empty: nothing given is undefined. */
export const texts = () =>
  z
    .union([z.string(), z.array(z.string())], { error: "must be a text or a list of texts" })
    .transform((value) => {
      const items = typeof value === "string" ? value.split(/[,;]/) : value;
      const given = items.map((item) => item.trim()).filter((item) => item !== "");
      return given.length === 0 ? undefined : given;
    })
    .meta({ type: "texts", json: { anyOf: [anyScalar, { type: "array", items: anyScalar }] } });

/** Names and texts. */
export const params = () =>
  z.record(z.string(), z.string({ error: "must be a single value" })).meta({
    type: "names and texts",
    json: { type: ["object", "null"], additionalProperties: anyScalar },
  });

/** Whatever stands there, kept with its keys as they are written and with all values as texts. */
export const data = () => z.unknown().optional().meta({ type: "anything", json: {} });

/** A text where `false` means nothing. */
export const textOrFalse = () =>
  z
    .string({ error: textError })
    .transform((value) => (value.toLowerCase() === "false" ? undefined : value))
    .meta({ type: "text, or false", json: anyScalar });

/** Addresses of providers: `dubbo://host:port`, several with commas or semicolons between them. */
export const providerUrls = () =>
  texts()
    .transform((urls, context) => {
      for (const url of urls ?? []) {
        const message = addressProblem(url);
        if (message !== undefined) context.addIssue({ code: "custom", message, input: url });
      }
      return urls;
    })
    .meta({ type: "addresses", json: { anyOf: [anyScalar, { type: "array", items: anyScalar }] } });

/** What is wrong with an address; undefined: nothing. */
export function addressProblem(url: string, defaultScheme?: string): string | undefined {
  try {
    parseRegistryAddress(url, defaultScheme);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}
