import {
  type Cluster,
  createDirectory,
  type Directory,
  type InvokerPool,
  type LoadBalancer,
} from "@dubbo-ts/cluster";
import {
  deadline,
  type DubboError,
  Latest,
  NoProviderError,
  type Resolution,
  type Runtime,
  type ServiceKey,
  serviceKey,
  type Timer,
} from "@dubbo-ts/core";
import type { ServiceDiscovery } from "@dubbo-ts/discovery";
import { applyFilters, type Filter, type Invocation, type Invoker } from "@dubbo-ts/rpc";
import { directEndpoints } from "./direct-endpoints.js";
import type { LiveConfig } from "./live-config/live-config.js";
import { type LiveSettings, referenceView } from "./live-config/reference-view.js";
import type { CallPolicy, MethodPolicy, ReferenceSettings } from "./reference-settings.js";

/** What all references of an application share. */
export interface ReferenceContext {
  readonly discovery: ServiceDiscovery;
  readonly pool: InvokerPool;
  readonly spoken: readonly string[];
  readonly filters: readonly Filter[];
  /** Settings and rules that change while the reference is open. */
  readonly live: LiveConfig;
  /** The address that rules know this process by. */
  readonly host: string;
  readonly runtime: Runtime;
}

/** A service that is followed: an invoker for calls, and what is known about its providers. */
export interface Reference extends AsyncDisposable {
  readonly service: ServiceKey;
  readonly invoker: Invoker;
  readonly policy: CallPolicy;
  /**
   * Resolves when there is a provider; rejects with the reason why there is none when `waitMs` is over, or sooner where
   * nobody is to be expected.
   */
  ready(waitMs: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Follows the providers of `serviceInterface`, from now until the reference is disposed.
 * @throws {ConfigError} ADDRESS_INVALID, UNKNOWN_PROTOCOL: an address that was given by hand.
 */
export function openReference(
  serviceInterface: string,
  settings: ReferenceSettings,
  context: ReferenceContext,
): Reference {
  const { pool, runtime, spoken, filters, live, host } = context;
  const service = serviceKey(serviceInterface, settings);
  const directory = createDirectory({ pool, service, runtime });
  const changes = new Latest<void>();
  const view = referenceView(live, service, host, runtime.log);
  const providers = new OverriddenProviders(directory, view);
  const ignoreChanges = live.onChange(() => {
    if (providers.refresh()) changes.set();
  });
  const direct = settings.url.length > 0 ? directEndpoints(settings.url, spoken) : undefined;
  if (direct !== undefined) providers.apply(direct);
  const following = direct === undefined ? follow(service, providers, settings, context, changes) : undefined;
  const policy = settings.callPolicy(() => publishedParams(directory), view);
  const cluster = clusterByMethod(policy, directory, runtime);
  const close = async () => {
    changes.end();
    ignoreChanges();
    await following?.[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  };
  let closed: Promise<void> | undefined;
  return {
    service,
    policy,
    invoker: applyFilters([...filters, ...settings.filters], cluster),
    ready: (waitMs, signal) => ready(directory, changes, waitMs, runtime, signal),
    [Symbol.asyncDispose]() {
      closed ??= close();
      return closed;
    },
  };
}

/** What was resolved, with what rules change of it: applied again when either is different. */
class OverriddenProviders {
  #resolution: Resolution | undefined;
  #applied: LiveSettings | undefined;

  constructor(
    private readonly directory: Directory,
    private readonly view: () => LiveSettings,
  ) {}

  apply(resolution: Resolution): void {
    this.#resolution = resolution;
    this.#applied = this.view();
    this.directory.apply(this.#applied.override.apply(resolution));
  }

  /** True when something is different. */
  refresh(): boolean {
    if (this.#resolution === undefined || this.#applied?.override === this.view().override) return false;
    this.apply(this.#resolution);
    return true;
  }
}

function follow(
  service: ServiceKey,
  providers: OverriddenProviders,
  { providedBy, protocols }: ReferenceSettings,
  { discovery, spoken }: ReferenceContext,
  changes: Latest<void>,
): AsyncDisposable {
  const query = { service, protocols: protocols.length > 0 ? protocols : spoken, providedBy };
  return discovery.follow(query, (resolution) => {
    providers.apply(resolution);
    changes.set();
  });
}

/** Clusters keep state too. Which one it is may be for the provider to say, so it is not known before the call. */
function clusterByMethod(policy: CallPolicy, directory: Directory, runtime: Runtime): Invoker {
  const options = {
    runtime,
    loadBalancer: balancerByMethod(policy, runtime),
    retries: (invocation: Invocation) => policyFor(invocation, policy).retries,
    attemptTimeoutMs: ({ attemptTimeoutMs }: Invocation) => attemptTimeoutMs,
  };
  const made = new Map<Cluster, Invoker>();
  return {
    invoke(invocation) {
      const { cluster } = policyFor(invocation, policy);
      let invoker = made.get(cluster);
      if (invoker === undefined) made.set(cluster, (invoker = cluster(directory, options)));
      return invoker.invoke(invocation);
    },
  };
}

/** The one that the call began with: it sees one version of the settings, however long it takes. */
function policyFor({ method, begunWith }: Invocation, policy: CallPolicy): MethodPolicy {
  return (begunWith as MethodPolicy | undefined) ?? policy(method);
}

/** Load balancers keep state, so that each reference has its own. */
function balancerByMethod(policy: CallPolicy, runtime: Runtime): LoadBalancer {
  const made = new Map<unknown, LoadBalancer>();
  return (candidates, invocation) => {
    const { loadBalancer } = policyFor(invocation, policy);
    let balancer = made.get(loadBalancer);
    if (balancer === undefined) made.set(loadBalancer, (balancer = loadBalancer(runtime)));
    return balancer(candidates, invocation);
  };
}

const noParams: Readonly<Record<string, string>> = Object.freeze({});

function publishedParams({ resolution }: Directory): Readonly<Record<string, string>> {
  return resolution.state === "resolved" ? resolution.params : noParams;
}

/** Who starts together with the first provider of an interface sees it mapped within this time. */
const unknownMs = 1_000;

async function ready(
  directory: Directory,
  changes: Latest<void>,
  waitMs: number,
  { clock }: Runtime,
  signal?: AbortSignal,
): Promise<void> {
  if (directory.invokers.length > 0) return;
  using bound = deadline(clock, waitMs, () => undefined, signal);
  const giveUp = () => changes.end();
  bound.signal.addEventListener("abort", giveUp, { once: true });
  let unknown: Timer | undefined;
  try {
    changes.set(); // what is known already counts
    for await (const _ of changes) {
      if (directory.invokers.length > 0) return;
      if (isUnknown(directory)) unknown ??= clock.setTimeout(giveUp, unknownMs);
      else {
        unknown?.cancel();
        unknown = undefined;
      }
    }
  } finally {
    unknown?.cancel();
  }
  signal?.throwIfAborted();
  throw whyNone(directory);
}

/** Everybody was heard, and no application has ever said that it provides the service: waiting longer is of no use. */
function isUnknown({ resolution }: Directory): boolean {
  return resolution.state === "absent" && resolution.error.applications.length === 0;
}

function whyNone({ resolution, service }: Directory): DubboError {
  if (resolution.state !== "resolved") return resolution.error;
  const details = { service: service.text, applications: [], nearMisses: [] };
  return new NoProviderError("NO_PROVIDER", "all endpoints were left out", details);
}
