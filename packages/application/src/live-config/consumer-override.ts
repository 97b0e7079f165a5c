import type { OverrideItem, OverrideRule } from "@dubbo-ts/config";
import { type Endpoint, NoProviderError, type Resolution } from "@dubbo-ts/core";
import { concerns, isAboutSome, itemsFor, type RuleParams, type RuleTarget } from "./match-rule.js";

/** What rules change for a reference. */
export interface ConsumerOverride {
  /** What holds whichever provider is called. */
  readonly params: RuleParams;
  /** Names of parameters that a rule gives single providers, and that have an effect for all of them only. */
  readonly unused: readonly string[];
  /** The providers as the rules have them: other weights, and without those that are disabled. */
  apply(resolution: Resolution): Resolution;
}

/** What is done with single providers. */
const ofProviders: ReadonlySet<string> = new Set(["weight", "disabled", "enabled"]);

/** What `rules` say about a consumer's calls of a service. Later rules win. */
export function consumerOverride(
  rules: readonly OverrideRule[],
  target: Omit<RuleTarget, "side">,
): ConsumerOverride {
  const items = itemsFor(rules, { ...target, side: "consumer" });
  if (items.length === 0) return noOverride;
  const params: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const item of items) if (!isAboutSome(item)) Object.assign(params, item.parameters);
  const some = items.filter(isAboutSome).flatMap(({ parameters }) => Object.keys(parameters));
  const changes = items.filter(({ parameters }) =>
    Object.keys(parameters).some((key) => ofProviders.has(key)),
  );
  return {
    params,
    unused: some.filter((name) => !ofProviders.has(name)),
    apply: (resolution) =>
      changes.length === 0 ? resolution : overridden(resolution, changes, target.service.text),
  };
}

/** Of a reference that no rule is about. */
export const noOverride: ConsumerOverride = { params: {}, unused: [], apply: (resolution) => resolution };

function overridden(resolution: Resolution, items: readonly OverrideItem[], service: string): Resolution {
  if (resolution.state !== "resolved") return resolution;
  const endpoints = resolution.endpoints.flatMap((endpoint) => {
    const params: Record<string, string> = {};
    for (const item of items)
      if (concerns(item, endpoint, resolution.params)) Object.assign(params, item.parameters);
    return isOff(params) ? [] : [weighted(endpoint, params["weight"])];
  });
  if (endpoints.length > 0 || resolution.endpoints.length === 0) return { ...resolution, endpoints };
  const applications = [...new Set(resolution.endpoints.map(({ application }) => application))];
  const why = "all providers are disabled by a rule of the config center";
  return {
    state: "absent",
    error: new NoProviderError("NO_PROVIDER", why, { service, applications, nearMisses: [] }),
  };
}

/** `disabled` wins over `enabled`, as in `ServiceDiscoveryRegistryDirectory` of apache/dubbo. */
export function isOff({
  disabled,
  enabled,
}: {
  readonly disabled?: string;
  readonly enabled?: string;
}): boolean {
  return disabled === undefined ? enabled?.toLowerCase() === "false" : disabled.toLowerCase() === "true";
}

function weighted(endpoint: Endpoint, weight: string | undefined): Endpoint {
  return weight === undefined ? endpoint : { ...endpoint, weight: Number(weight) };
}
