import type { OverrideRule } from "@dubbo-ts/config";
import type { ExportedMethodOptions, ExportedServiceOptions } from "@dubbo-ts/metadata";
import { isOff } from "./consumer-override.js";
import { concerns, itemsFor, type RuleProvider, type RuleTarget } from "./match-rule.js";

/** What is published with a service, as `rules` have it. Later rules win. */
export function overriddenOptions(
  published: ExportedServiceOptions,
  rules: readonly OverrideRule[],
  target: Omit<RuleTarget, "side" | "host">,
  provider: RuleProvider,
): ExportedServiceOptions {
  const items = itemsFor(rules, { ...target, side: "provider", host: provider.host });
  const params: Record<string, string> = {};
  for (const item of items)
    if (concerns(item, provider, published.params ?? {})) Object.assign(params, item.parameters);
  return Object.entries(params).reduce(withParam, published);
}

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

function withParam(options: ExportedServiceOptions, [name, value]: [string, string]): ExportedServiceOptions {
  const dot = name.lastIndexOf(".");
  const method = name.slice(0, Math.max(dot, 0));
  const ofMethod = dot > 0 ? methodOption(name.slice(dot + 1), value) : undefined;
  if (ofMethod !== undefined) {
    const methods = { ...options.methods, [method]: { ...options.methods?.[method], ...ofMethod } };
    return { ...options, methods };
  }
  const own = methodOption(name, value) ?? serviceOption(name, value);
  if (own !== undefined) return { ...options, ...own };
  const params = { ...options.params, [name]: value };
  // Consumers of this framework look at the weight, Java's at the word.
  const weight = isOff({ [name]: value }) ? { weight: 0 } : {};
  return { ...options, ...weight, params };
}

function methodOption(name: string, value: string): Mutable<ExportedMethodOptions> | undefined {
  switch (name) {
    case "timeout":
      return { timeoutMs: Number(value) };
    case "retries":
      return { retries: Number(value) };
    case "weight":
      return { weight: Number(value) };
    case "loadbalance":
      return { loadbalance: value };
    default:
      return undefined;
  }
}

function serviceOption(name: string, value: string): Mutable<ExportedServiceOptions> | undefined {
  switch (name) {
    case "warmup":
      return { warmupMs: Number(value) };
    case "cluster":
      return { cluster: value };
    case "dubbo.tag":
      return { tag: value };
    default:
      return undefined;
  }
}
