import type { AddressMatch, OverrideItem, OverrideRule, TextMatch } from "@dubbo-ts/config";
import type { ServiceKey } from "@dubbo-ts/core";
import { BlockList, isIP } from "node:net";

/** Parameters of rules by their names: `timeout`, `hello.retries`. */
export type RuleParams = Readonly<Record<string, string>>;

/** Whose settings a rule may change. */
export interface RuleTarget {
  readonly side: "consumer" | "provider";
  readonly application: string;
  /** The address that is registered, or would be. */
  readonly host: string;
  readonly service: ServiceKey;
}

/** A provider that a rule may be about. */
export interface RuleProvider {
  readonly host: string;
  readonly port: number;
}

/** `0.0.0.0` in a rule: whichever. */
const anyHost = "0.0.0.0";

/**
 * The items of `rules` that are for `target`, in the order in which they win: those for all hosts before those for
 * this one, as `Configurator.compareTo` of apache/dubbo has it. A rule without side is for nobody, as there.
 */
export function itemsFor(rules: readonly OverrideRule[], target: RuleTarget): readonly OverrideItem[] {
  return rules.flatMap((rule) => {
    if (!rule.enabled || !isAbout(rule, target)) return [];
    const items = rule.items.filter((item) => item.side === target.side && isFor(item, rule, target));
    return [...items.filter(isForAll), ...items.filter((item) => !isForAll(item))];
  });
}

function isForAll({ addresses }: OverrideItem): boolean {
  return addresses.length === 0 || addresses.includes(anyHost);
}

function isAbout({ scope, key }: OverrideRule, { application, service }: RuleTarget): boolean {
  return scope === "application" ? key === application : isService(key, service);
}

/** `group/interface:version`; a version `0.0.0` is none. */
function isService(key: string, { text, version }: ServiceKey): boolean {
  return key === text || (version === "" && key === `${text}:0.0.0`);
}

function isFor(item: OverrideItem, { scope }: OverrideRule, target: RuleTarget): boolean {
  const { applications, services, match } = item;
  const { application, service, host, side } = target;
  // For providers `addresses` names host and port, and is looked at with the port.
  if (side === "consumer" && !isForAll(item) && !item.addresses.some((one) => hostOf(one) === host))
    return false;
  if (scope === "service" && applications.length > 0 && !named(applications, application)) return false;
  if (
    scope === "application" &&
    services.length > 0 &&
    !services.some((one) => one === "*" || isService(one, service))
  )
    return false;
  if (match === undefined) return true;
  if (side === "consumer" && match.address && !matchesAddress(match.address, { host, port: 0 })) return false;
  if (match.service && !match.service.some((one) => matchesText(one, service.text))) return false;
  return match.application === undefined || match.application.some((one) => matchesText(one, application));
}

function named(names: readonly string[], name: string): boolean {
  return names.includes("*") || names.includes(name);
}

/** True when the item is about single providers. */
export function isAboutSome({ providerAddresses, match }: OverrideItem): boolean {
  if (match?.providerAddress !== undefined || (match?.params.length ?? 0) > 0) return true;
  return providerAddresses.length > 0 && !providerAddresses.some(isAnyAddress);
}

function isAnyAddress(address: string): boolean {
  return address === anyHost || address === `${anyHost}:*`;
}

/** True when the item is about this provider, which publishes `params`. */
export function concerns(item: OverrideItem, provider: RuleProvider, params: RuleParams): boolean {
  const { addresses, providerAddresses, match, side } = item;
  const named = providerAddresses.length > 0 ? providerAddresses : side === "provider" ? addresses : [];
  if (named.length > 0 && !named.some((address) => isAddress(address, provider))) return false;
  if (match === undefined) return true;
  if (side === "provider" && match.address && !matchesAddress(match.address, provider)) return false;
  if (match.providerAddress && !matchesAddress(match.providerAddress, provider)) return false;
  return match.params.every(({ key, value }) =>
    matchesText(value, Object.hasOwn(params, key) ? params[key] : undefined),
  );
}

function isAddress(address: string, { host, port }: RuleProvider): boolean {
  if (isAnyAddress(address) || address === host || address === `${anyHost}:${port}`) return true;
  return address === (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
}

function hostOf(address: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+|:\*)?$/.exec(address) ?? [];
  return bracketed ?? plain ?? address;
}

function matchesAddress({ cidr, wildcard, exact }: AddressMatch, { host, port }: RuleProvider): boolean {
  const forms = port === 0 ? [host] : [host, `${host}:${port}`];
  if (cidr !== undefined) return forms.includes(cidr) || isWithin(cidr, host);
  if (wildcard !== undefined)
    return wildcard === anyHost || wildcard === "*" || forms.some((form) => isLike(wildcard, form));
  return exact !== undefined && forms.includes(exact);
}

function isWithin(cidr: string, host: string): boolean {
  const [network = "", bits = ""] = cidr.split("/");
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const kind = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), kind);
  return list.check(host, kind);
}

/** One `*` for anything, as in Java. */
function isLike(pattern: string, text: string): boolean {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === text;
  const end = pattern.slice(star + 1);
  return text.length >= pattern.length - 1 && text.startsWith(pattern.slice(0, star)) && text.endsWith(end);
}

/** On a longer text a pattern with several repetitions would take long; no name is longer. */
const longestTried = 512;

function matchesText(match: TextMatch, text: string | undefined): boolean {
  const { exact, prefix, regex, wildcard, empty, noempty } = match;
  if (text !== undefined) {
    if (exact !== undefined) return text === exact;
    if (prefix !== undefined) return text.startsWith(prefix);
    if (regex !== undefined) return matchesRegex(regex, text);
    if (wildcard !== undefined) return wildcard === "*" || wildcard === text;
  }
  if (empty !== undefined) return text === undefined || text === "";
  return noempty !== undefined && text !== undefined && text !== "";
}

/** Reading the rule has refused what is no regular expression, and what takes long. */
function matchesRegex(regex: string, text: string): boolean {
  return text.length <= longestTried && new RegExp(`^(?:${regex})$`).test(text);
}
