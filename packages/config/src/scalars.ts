import { ConfigError } from "@dubbo-ts/core";
import { z } from "zod";
import { parseBytes, parseDuration } from "./duration.js";
import { didYouMean } from "./nearest.js";
import { quoted } from "./problems.js";
import { parseRegistryAddress } from "./registry-address.js";

const textError = ({ input }: { readonly input?: unknown }) =>
  input === undefined ? "is missing" : "must be a single value";

/** Any text. Its value is never part of a message: it may be a secret. */
export const text = () => z.string({ error: textError });

/** A text that `parse` makes a value of; what it throws or undefined becomes a problem. */
function parsed<T>(parse: (text: string) => T | undefined, expected: string) {
  return text().transform((value, context): T => {
    const result = parse(value);
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", message: `${quoted(value)} is ${expected}`, input: value });
    return z.NEVER;
  });
}

/** A duration in ms, see {@link parseDuration}. */
export const duration = ({ zero = false }: { zero?: boolean } = {}) =>
  parsed(
    (value) => {
      const ms = parseDuration(value);
      return ms === 0 && !zero ? undefined : ms;
    },
    `no duration${zero ? "" : " above 0"}, such as 500ms, 3s, 1m or a number of ms`,
  );

/** A size in bytes above 0, see {@link parseBytes}. */
export const bytes = () =>
  parsed((value) => parseBytes(value) || undefined, "no size, such as 8mib or 8388608");

/** A whole number. */
export const integer = (least: number, most: number) =>
  parsed((value) => {
    const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    return number >= least && number <= most ? number : undefined;
  }, `no whole number from ${least} to ${most}`);

/** Yes or no. */
export const flag = () =>
  parsed((value) => ({ true: true, false: false })[value.toLowerCase()], "neither true nor false");

/** One of `names`; capital letters, `-` and `_` do not matter. `aliases` are other words for them. */
export function oneOf<N extends string>(names: readonly N[], aliases: Readonly<Record<string, N>> = {}) {
  return text().transform((value, context): N => {
    const fold = (name: string) => name.replace(/[-_]/g, "").toLowerCase();
    const folded = fold(value);
    const name =
      names.find((one) => fold(one) === folded) ??
      (Object.hasOwn(aliases, folded) ? aliases[folded] : undefined);
    if (name !== undefined) return name;
    const message = `${quoted(value)} is none of ${names.join(", ")}${didYouMean(value, names)}`;
    context.addIssue({ code: "custom", message, input: value });
    return z.NEVER;
  });
}

/** Texts: a list, or one text with commas or semicolons between them. Never empty: nothing given is undefined. */
export const texts = () =>
  z
    .union([z.string(), z.array(z.string())], { error: "must be a text or a list of texts" })
    .transform((value) => {
      const items = typeof value === "string" ? value.split(/[,;]/) : value;
      const given = items.map((item) => item.trim()).filter((item) => item !== "");
      return given.length === 0 ? undefined : given;
    });

/** Names and texts. */
export const params = () => z.record(z.string(), z.string({ error: "must be a single value" }));

/** Addresses of providers: `dubbo://host:port`, several with commas or semicolons between them. */
export const providerUrls = () =>
  texts().transform((urls, context) => {
    for (const url of urls ?? []) {
      const message = addressProblem(url);
      if (message !== undefined) context.addIssue({ code: "custom", message, input: url });
    }
    return urls;
  });

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
