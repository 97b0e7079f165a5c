import { z } from "zod";
import { parseDuration } from "../duration.js";
import type { Located } from "../located.js";
import { quoted } from "../problems.js";
import { readYaml } from "../read-yaml.js";
import { patternProblem } from "./safe-pattern.js";

/** A rule of `.configurators`: an operator changes settings of running applications (`ConfiguratorConfig` of apache/dubbo). */
export interface OverrideRule {
  /** Default `service`. */
  readonly scope: "service" | "application";
  /** The service `group/interface:version`, or the application. */
  readonly key: string;
  readonly enabled: boolean;
  readonly items: readonly OverrideItem[];
}

/** One of `configs:`. Empty lists: whichever. */
export interface OverrideItem {
  /** Whom it is for. Undefined: nobody, as in Java. */
  readonly side?: "consumer" | "provider" | undefined;
  /** Hosts of those it is for; `0.0.0.0` is all. */
  readonly addresses: readonly string[];
  /** `host:port` of the providers that it is about; `0.0.0.0`, `0.0.0.0:*`, `0.0.0.0:port` and a host alone too. */
  readonly providerAddresses: readonly string[];
  /** In the scope `application`: the services `group/interface:version` that it is about, or `*`. */
  readonly services: readonly string[];
  /** In the scope `service`: the applications that it is for, or `*`. */
  readonly applications: readonly string[];
  readonly match: OverrideMatch | undefined;
  /** `timeout` in ms, `hello.retries`, `weight`, `disabled` ... checked where this framework knows them. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Conditions since `configVersion: v3.0`; all that are given must hold. */
export interface OverrideMatch {
  readonly address: AddressMatch | undefined;
  readonly providerAddress: AddressMatch | undefined;
  /** Any of them. */
  readonly service: readonly TextMatch[] | undefined;
  /** Any of them. */
  readonly application: readonly TextMatch[] | undefined;
  readonly params: readonly { readonly key: string; readonly value: TextMatch }[];
}

/** One of the three. */
export interface AddressMatch {
  readonly wildcard?: string | undefined;
  /** A network, `10.0.0.0/8`; Java's key for it is spelled `cird`. */
  readonly cidr?: string | undefined;
  readonly exact?: string | undefined;
}

/** The first that is given counts. */
export interface TextMatch {
  readonly exact?: string | undefined;
  readonly prefix?: string | undefined;
  /** The whole text, as Java has it; one that {@link readOverrideRule} lets through never takes long. */
  readonly regex?: string | undefined;
  readonly wildcard?: string | undefined;
  readonly empty?: string | undefined;
  readonly noempty?: string | undefined;
}

/** A rule, or what is wrong with it. */
export type OverrideRead =
  | { readonly rule: OverrideRule; readonly problems?: undefined }
  | { readonly rule?: undefined; readonly problems: readonly string[] };

const texts = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === "string" ? [value] : value).map((one) => one.trim()))
  .default([]);
const flag = z
  .string()
  .refine((value) => /^(?:true|false)$/i.test(value), { error: "is neither true nor false" })
  .transform((value) => value.toLowerCase() === "true")
  .default(true);
const text = z.string().optional();
const addressMatch = z.object({ wildcard: text, cird: text, cidr: text, exact: text }).optional();
const textMatch = z.object({
  exact: text,
  prefix: text,
  regex: text.superRefine((pattern, context) => {
    const message = pattern === undefined ? undefined : patternProblem(pattern);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  }),
  wildcard: text,
  empty: text,
  noempty: text,
});
const textMatches = z.object({ oneof: z.array(textMatch).default([]) }).optional();

const item = z.object({
  type: text,
  enabled: flag,
  side: z.enum(["consumer", "provider"], { error: "is neither consumer nor provider" }).optional(),
  addresses: texts,
  providerAddresses: texts,
  services: texts,
  applications: texts,
  match: z
    .object({
      address: addressMatch,
      providerAddress: addressMatch,
      service: textMatches,
      app: textMatches,
      application: textMatches,
      param: z.array(z.object({ key: z.string(), value: textMatch })).default([]),
    })
    .optional(),
  parameters: z.record(z.string(), z.string()),
});

const rule = z.object({
  configVersion: text,
  scope: z
    .enum(["service", "application"], { error: "is neither service nor application" })
    .default("service"),
  key: z.string(),
  enabled: flag,
  configs: z.array(item).default([]),
});

/**
 * Reads the YAML or JSON of a `.configurators` item, `configVersion` v2.7 and v3.0. A rule with a value that cannot
 * be is wrong as a whole: what it says belongs together.
 */
export function readOverrideRule(source: string): OverrideRead {
  const { root, problems } = readYaml("rule", source);
  if (root === undefined || problems.length > 0)
    return { problems: problems.map(({ where, message }) => `line ${where.line ?? 1}: ${message}`) };
  if (root.kind !== "map") return { problems: ["must have keys: URLs of older versions are not read"] };
  const parsed = rule.safeParse(plain(root));
  if (!parsed.success)
    return {
      problems: parsed.error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`),
    };
  const { scope, key, enabled, configs } = parsed.data;
  const items = configs.map(
    ({ type, enabled: ofItem, match, ...rest }): OverrideItem & { readonly enabled: boolean } => ({
      ...rest,
      // Java asks the item only where it has a type other than `general` (ConfigParser.parseEnabled).
      enabled: type === undefined || type === "general" ? true : ofItem,
      match: match && matchOf(match),
    }),
  );
  const wrong = items.flatMap(({ parameters }, index) => parameterProblems(parameters, `configs.${index}`));
  if (wrong.length > 0) return { problems: wrong };
  const on = items.filter((one) => one.enabled);
  return {
    rule: { scope, key, enabled, items: on.map((one) => ({ ...one, parameters: inMs(one.parameters) })) },
  };
}

/** Java has times in ms; `500ms` and `3s` are understood too. */
function inMs(parameters: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(parameters).map(([name, value]) =>
    /(?:^|\.)timeout$/.test(name) ? [name, String(parseDuration(value))] : [name, value],
  );
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

type ParsedMatch = NonNullable<z.output<typeof item>["match"]>;

function matchOf({ address, providerAddress, service, app, application, param }: ParsedMatch): OverrideMatch {
  return {
    address: address && addressOf(address),
    providerAddress: providerAddress && addressOf(providerAddress),
    service: service?.oneof,
    application: (app ?? application)?.oneof,
    params: param,
  };
}

function addressOf({ wildcard, cird, cidr, exact }: NonNullable<ParsedMatch["address"]>): AddressMatch {
  return { wildcard, cidr: cidr ?? cird, exact };
}

function whole(least: number, most: number) {
  return (value: string) => /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most;
}

/** What a parameter must look like, by its name without the method's. */
const checks: ReadonlyMap<string, readonly [check: (value: string) => boolean, wanted: string]> = new Map([
  ["timeout", [(value: string) => (parseDuration(value) ?? 0) > 0, "no duration above 0"]],
  ["warmup", [whole(0, 1_000_000_000), "no number of ms"]],
  ["retries", [whole(0, 100), "no whole number from 0 to 100"]],
  ["weight", [whole(0, 10_000), "no whole number from 0 to 10000"]],
  ["disabled", [(value: string) => /^(?:true|false)$/i.test(value), "neither true nor false"]],
  ["enabled", [(value: string) => /^(?:true|false)$/i.test(value), "neither true nor false"]],
]);

function parameterProblems(parameters: Readonly<Record<string, string>>, path: string): readonly string[] {
  const names = Object.keys(parameters);
  if (names.length === 0) return [`${path}.parameters: at least one is wanted`];
  return names.flatMap((name) => {
    const [check, wanted] = checks.get(name.slice(name.lastIndexOf(".") + 1)) ?? [];
    const value = parameters[name] as string;
    return check === undefined || check(value)
      ? []
      : [`${path}.parameters.${name}: ${quoted(value)} is ${wanted}`];
  });
}

/** The values of a tree as they stand there; keys without a value are left out. */
export function plain(node: Located): unknown {
  if (node.kind === "text") return node.text;
  if (node.kind === "list") return node.items.map(plain);
  const record = Object.create(null) as Record<string, unknown>;
  for (const [key, { value }] of node.entries)
    if (value.kind !== "text" || value.text !== "") record[key] = plain(value);
  return record;
}
