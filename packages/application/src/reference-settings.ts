import {
  broadcast,
  type Cluster,
  clusters,
  failfast,
  failover,
  failsafe,
  type LoadBalancerFactory,
  loadBalancers,
  random,
} from "@dubbo-ts/cluster";
import type { ConsumerConfig, MethodConfig, ReferenceConfig } from "@dubbo-ts/config";
import type { Filter } from "@dubbo-ts/rpc";
import { checkOptions } from "./check-options.js";
import { entryOf } from "./entry-of.js";
import { pick } from "./extensions.js";
import { noOverride } from "./live-config/consumer-override.js";
import type { LiveSettings } from "./live-config/reference-view.js";
import type { ReferenceOptions } from "./options.js";

/** How the calls of one method are made. */
export interface MethodPolicy {
  /** How long one attempt may take. */
  readonly timeoutMs: number;
  /** Attempts after the first; 0 where the cluster makes one attempt only. */
  readonly retries: number;
  readonly loadBalancer: LoadBalancerFactory;
  /** What is done about a call that failed. */
  readonly cluster: Cluster;
}

/** The policy of a method by its name; cheap enough for every call. */
export type CallPolicy = (method: string) => MethodPolicy;

/** A reference with all its settings applied. */
export interface ReferenceSettings {
  readonly version: string | undefined;
  readonly group: string | undefined;
  readonly providedBy: readonly string[];
  /** Empty: any. */
  readonly protocols: readonly string[];
  /** Empty: registries are asked. */
  readonly url: readonly string[];
  readonly check: boolean;
  readonly attachments: Readonly<Record<string, string>>;
  readonly filters: readonly Filter[];
  /**
   * @param published what the providers publish with the service at present.
   * @param live the configuration and the rules at present. Default: the configuration that it was made with.
   */
  callPolicy(published: () => Params, live?: () => LiveSettings): CallPolicy;
}

/** What the names `cluster` and `loadbalance` stand for. */
export interface Policies {
  readonly clusters: Readonly<Record<string, Cluster>>;
  readonly loadBalancers: Readonly<Record<string, LoadBalancerFactory>>;
}

/** Those of this framework, and what the program brings along, which wins. */
export function policiesWith(own: { [K in keyof Policies]?: Policies[K] | undefined }): Policies {
  return {
    clusters: { ...clusters, ...own.clusters },
    loadBalancers: { ...loadBalancers, ...own.loadBalancers },
  };
}

/** They make one attempt, so that a call takes one attempt's time. */
const singleAttempt: ReadonlySet<Cluster> = new Set([failfast, failsafe, broadcast]);

/** Dubbo's own default is 1 s, Go's is 3 s: the longer one, since a timeout that is too short fails calls that are well. */
const defaultTimeoutMs = 3_000;
/** Three attempts in all, as in Dubbo. */
const defaultRetries = 2;

/**
 * Lays settings over each other: rules of operators, what the program says, then the entry of `consumer.references`
 * with this interface, then `consumer`; for timeout, retries, load balancer and cluster what the provider publishes,
 * then defaults. These four follow the configuration while the reference is open.
 *
 * @throws {ConfigError} CONFIG_INVALID: an unknown cluster or load balancer, or a number out of range.
 */
export function referenceSettings(
  serviceInterface: string,
  options: ReferenceOptions,
  consumer: ConsumerConfig,
  policies: Policies = policiesWith({}),
): ReferenceSettings {
  checkOptions(`reference ${serviceInterface}`, options);
  const base = baseOf(serviceInterface, options, consumer);
  for (const { loadBalance } of namedMethods(options, base))
    if (loadBalance !== undefined)
      pick(policies.loadBalancers, loadBalance, "load balancer", "CONFIG_INVALID");
  const clusterName = options.cluster ?? base.cluster;
  if (clusterName !== undefined) pick(policies.clusters, clusterName, "cluster", "CONFIG_INVALID");
  const unchanging: LiveSettings = { consumer, override: noOverride };
  return {
    version: options.version ?? base.version,
    group: options.group ?? base.group,
    providedBy: options.providedBy === undefined ? base.providedBy : list(options.providedBy),
    protocols: options.protocol === undefined ? (base.protocol ?? []) : list(options.protocol),
    url: options.url === undefined ? base.url : list(options.url),
    check: options.check ?? base.check,
    attachments: options.attachments ?? {},
    filters: options.filters ?? [],
    callPolicy: (published, live = () => unchanging) => {
      const make = (method: string, params: Params, now: LiveSettings) => {
        const said = {
          options,
          base: baseOf(serviceInterface, options, now.consumer),
          rules: now.override.params,
        };
        return policyOf(method, said, params, policies);
      };
      return memoized(make, published, live);
    },
  };
}

type Base = Pick<
  ReferenceConfig,
  | "version"
  | "group"
  | "cluster"
  | "protocol"
  | "check"
  | "providedBy"
  | "url"
  | "methods"
  | keyof MethodConfig
>;

/** The entry of the configuration, or what holds for references without one. */
function baseOf(serviceInterface: string, options: ReferenceOptions, consumer: ConsumerConfig): Base {
  const entry = entryOf(consumer.references, serviceInterface, options);
  return entry ?? { ...consumer, providedBy: [], url: [], methods: {} };
}

/** What this side says about calls. */
interface Said {
  readonly options: ReferenceOptions;
  readonly base: Base;
  readonly rules: Params;
}

type Params = Readonly<Record<string, string>>;

/** One policy per method, made again when the providers publish something else, or settings change. */
function memoized<L>(
  make: (method: string, params: Params, live: L) => MethodPolicy,
  published: () => Params,
  live: () => L,
): CallPolicy {
  let params = published();
  let settings = live();
  let policies = new Map<string, MethodPolicy>();
  return (method) => {
    const now = published();
    const set = live();
    if (now !== params || set !== settings) {
      params = now;
      settings = set;
      policies = new Map();
    }
    let policy = policies.get(method);
    if (policy === undefined) policies.set(method, (policy = make(method, params, settings)));
    return policy;
  };
}

function policyOf(
  method: string,
  { options, base, rules }: Said,
  params: Params,
  { clusters, loadBalancers }: Policies,
): MethodPolicy {
  const said = (key: "timeoutMs" | "retries" | "loadBalance") => settingOf(key, method, options, base, rules);
  const loadBalance = said("loadBalance") ?? params[`${method}.loadbalance`] ?? params["loadbalance"] ?? "";
  const chosen = rules["cluster"] ?? options.cluster ?? base.cluster ?? params["cluster"] ?? "";
  const cluster = own(clusters, chosen) ?? failover;
  const retries = said("retries") ?? publishedNumber(params, method, "retries", 0) ?? defaultRetries;
  return {
    timeoutMs: Number(said("timeoutMs") ?? publishedNumber(params, method, "timeout", 1) ?? defaultTimeoutMs),
    retries: singleAttempt.has(cluster) ? 0 : Number(retries),
    // What a provider publishes and this side does not have is passed over, as in Dubbo.
    loadBalancer: own(loadBalancers, String(loadBalance)) ?? random,
    cluster,
  };
}

const ruleNames = { timeoutMs: "timeout", retries: "retries", loadBalance: "loadbalance" } as const;

/**
 * A setting of the method wins over one of the reference, in the program as in the file, and the program over the
 * file. Rules win over both, but one for all methods does not over what is said for this one (as `getMethodParameter`
 * of apache/dubbo has it).
 */
function settingOf(
  key: keyof typeof ruleNames,
  method: string,
  options: ReferenceOptions,
  base: Base,
  rules: Params,
): string | number | undefined {
  const name = ruleNames[key];
  const ruled = rules[name];
  const ofProgram = own(options.methods ?? {}, method)?.[key];
  const ofFile = own(base.methods, method)?.[key];
  const first = rules[`${method}.${name}`] ?? ofProgram;
  return first ?? (ruled === undefined ? (options[key] ?? ofFile ?? base[key]) : (ofFile ?? ruled));
}

function publishedNumber(params: Params, method: string, key: string, least: number): number | undefined {
  const number = Number(params[`${method}.${key}`] ?? params[key] ?? Number.NaN);
  return Number.isInteger(number) && number >= least ? number : undefined;
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function* namedMethods(
  options: ReferenceOptions,
  base: { methods: Readonly<Record<string, MethodConfig>>; loadBalance: string | undefined },
): Iterable<{ loadBalance?: string | undefined }> {
  yield options;
  yield base;
  yield* Object.values(options.methods ?? {});
  yield* Object.values(base.methods);
}

function list(value: string | readonly string[]): readonly string[] {
  const items = typeof value === "string" ? value.split(",") : value;
  return items.map((item) => item.trim()).filter((item) => item !== "");
}
