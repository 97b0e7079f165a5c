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
import type { ConsumerConfig, MethodConfig } from "@dubbo-ts/config";
import type { Filter } from "@dubbo-ts/rpc";
import { checkOptions } from "./check-options.js";
import { entryOf } from "./entry-of.js";
import { pick } from "./extensions.js";
import type { MethodOptions, ReferenceOptions } from "./options.js";

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
  /** @param published what the providers publish with the service at present. */
  callPolicy(published: () => Params): CallPolicy;
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
 * Lays settings over each other: what the program says, then the entry of `consumer.references` with this
 * interface, then `consumer`; for timeout, retries, load balancer and cluster what the provider publishes, then
 * defaults.
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
  const entry = entryOf(consumer.references, serviceInterface, options);
  const base = entry ?? { ...consumer, providedBy: [], url: [], methods: {} };
  const layersOf = (method: string) => [
    own(options.methods ?? {}, method),
    options,
    own(base.methods, method),
    base,
  ];
  for (const { loadBalance } of namedMethods(options, base))
    if (loadBalance !== undefined)
      pick(policies.loadBalancers, loadBalance, "load balancer", "CONFIG_INVALID");
  const clusterName = options.cluster ?? base.cluster;
  const cluster =
    clusterName === undefined ? undefined : pick(policies.clusters, clusterName, "cluster", "CONFIG_INVALID");
  return {
    version: options.version ?? base.version,
    group: options.group ?? base.group,
    providedBy: options.providedBy === undefined ? base.providedBy : list(options.providedBy),
    protocols: options.protocol === undefined ? (base.protocol ?? []) : list(options.protocol),
    url: options.url === undefined ? base.url : list(options.url),
    check: options.check ?? base.check,
    attachments: options.attachments ?? {},
    filters: options.filters ?? [],
    callPolicy: (published) =>
      memoized((method, params) => policyOf(method, layersOf(method), params, policies, cluster), published),
  };
}

type Params = Readonly<Record<string, string>>;
type Layer = Partial<MethodConfig> | MethodOptions | undefined;

/** One policy per method, made again when the providers publish something else. */
function memoized(
  make: (method: string, params: Params) => MethodPolicy,
  published: () => Params,
): CallPolicy {
  let params = published();
  let policies = new Map<string, MethodPolicy>();
  return (method) => {
    const now = published();
    if (now !== params) {
      params = now;
      policies = new Map();
    }
    let policy = policies.get(method);
    if (policy === undefined) policies.set(method, (policy = make(method, params)));
    return policy;
  };
}

// A setting of the method wins over one of the reference, in the program as in the file, and the program over the file.
function policyOf(
  method: string,
  layers: readonly Layer[],
  params: Params,
  { clusters, loadBalancers }: Policies,
  chosen: Cluster | undefined,
): MethodPolicy {
  const first = <K extends keyof MethodConfig>(key: K) =>
    layers.map((layer) => layer?.[key]).find((value) => value !== undefined);
  const loadBalance = first("loadBalance") ?? params[`${method}.loadbalance`] ?? params["loadbalance"] ?? "";
  const cluster = chosen ?? own(clusters, params["cluster"] ?? "") ?? failover;
  const retries = first("retries") ?? publishedNumber(params, method, "retries", 0) ?? defaultRetries;
  return {
    timeoutMs: first("timeoutMs") ?? publishedNumber(params, method, "timeout", 1) ?? defaultTimeoutMs,
    retries: singleAttempt.has(cluster) ? 0 : retries,
    // What a provider publishes and this side does not have is passed over, as in Dubbo.
    loadBalancer: own(loadBalancers, loadBalance) ?? random,
    cluster,
  };
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
