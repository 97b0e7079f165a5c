import {
  DisposalScope,
  type Endpoint,
  NoProviderError,
  type Resolution,
  type Runtime,
  type ServiceInstance,
  type ServiceKey,
  sleep,
} from "@dubbo-ts/core";
import type { DiscoveryCache } from "./discovery-cache.js";
import { type OnResolution, tell } from "./following.js";
import { InstanceFollower } from "./instance-follower.js";
import type { InterfaceRegistry } from "./interface-registry.js";
import { matchesKey, type ServiceQuery } from "./match-service.js";
import type { Registry } from "./registry.js";
import { sameResolution } from "./same-resolution.js";
import { instanceOfUrl, type OfferedUrl, offeredUrl } from "./url-instance.js";

/** What an {@link InterfaceView} needs. */
export interface InterfaceViewOptions {
  readonly query: ServiceQuery;
  readonly registries: readonly InterfaceRegistry[];
  readonly cache: DiscoveryCache | undefined;
  /** Not called before the constructor has returned. */
  readonly onChange: OnResolution;
  readonly runtime: Runtime;
  readonly reconcileMs?: number | undefined;
  readonly isAlive?: ((instance: ServiceInstance) => boolean) | undefined;
}

/** How long a start waits for the disk before it says that nothing is known. */
const cacheTimeoutMs = 1_000;

/**
 * The providers of one service by their URLs, from all registries: guarded against a registry's trouble and kept on
 * disk as instances are.
 */
export class InterfaceView implements AsyncDisposable {
  readonly #followers: readonly InstanceFollower[];
  readonly #closing = new AbortController();
  readonly #reading: Promise<void>;
  readonly #offers = new WeakMap<ServiceInstance, OfferedUrl>();
  readonly #cacheName: string;
  #cacheIsRead: boolean;
  #resolution: Resolution | undefined;

  constructor(private readonly options: InterfaceViewOptions) {
    const { query, registries, runtime, reconcileMs, isAlive, cache } = options;
    const application = `providers of ${query.service.text}`;
    this.#cacheName = application;
    this.#cacheIsRead = cache === undefined;
    const onChange = () => this.#refresh();
    this.#followers = registries.map(
      (registry) =>
        new InstanceFollower({
          registry: asInstances(registry, query.service),
          application,
          onChange,
          runtime,
          reconcileMs,
          isAlive,
        }),
    );
    this.#reading = this.#restore();
    queueMicrotask(onChange);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the interface is not followed any more"));
    const scope = new DisposalScope();
    for (const follower of this.#followers) scope.use(follower);
    scope.defer(() => this.#reading);
    await scope[Symbol.asyncDispose]();
  }

  async #restore(): Promise<void> {
    const { cache, runtime } = this.options;
    if (cache === undefined) return;
    const late = sleep(runtime.clock, cacheTimeoutMs, this.#closing.signal, { background: true }).catch(
      () => {},
    );
    const cached = await Promise.race([cache.readApplication(this.#cacheName), late]);
    if (this.#closing.signal.aborted) return;
    const instances = (cached?.instances ?? []).map(withId);
    for (const follower of instances.length > 0 ? this.#followers : [])
      if (follower.current === undefined) follower.restore(instances);
    this.#cacheIsRead = true;
    this.#refresh();
  }

  #refresh(): void {
    // While the disk is being read, "nothing is known" would be said too early.
    if (this.#closing.signal.aborted) return;
    const next = this.#resolve();
    if (next.state === "pending" && !this.#cacheIsRead) return;
    if (this.#resolution !== undefined && sameResolution(this.#resolution, next, { areEqual: isEqual }))
      return;
    this.#resolution = next;
    tell(this.options.onChange, next, this.options.query.service, this.options.runtime.log);
  }

  #resolve(): Resolution {
    const sets = this.#followers.map(({ current }) => current);
    const instances = newestById(sets.flatMap((set) => set?.instances ?? []));
    const offers = instances.filter(({ enabled }) => enabled).map((instance) => this.#offerOf(instance));
    const { service, protocols = [] } = this.options.query;
    const matching = offers.filter(
      ({ key, protocol }) =>
        matchesKey(service, key) && (protocols.length === 0 || protocols.includes(protocol)),
    );
    const newest = matching.reduce<OfferedUrl | undefined>(
      (best, one) => (best === undefined || startOf(one) > startOf(best) ? one : best),
      undefined,
    );
    const heard = sets.every((set) => set !== undefined);
    const stale = !heard || sets.some((set) => set?.stale);
    if (!stale) this.options.cache?.saveApplication(this.#cacheName, () => ({ instances, metadata: [] }));
    if (newest === undefined) return unresolved(service, heard, offers);
    const endpoints = this.#endpoints(matching);
    return { state: "resolved", endpoints, params: newest.params, stale };
  }

  #offerOf(instance: ServiceInstance): OfferedUrl {
    let offer = this.#offers.get(instance);
    if (offer === undefined) this.#offers.set(instance, (offer = offeredUrl(instance)));
    return offer;
  }

  /** The same array as before when nothing changed. One endpoint a key: the newest. */
  #endpoints(offers: readonly OfferedUrl[]): readonly Endpoint[] {
    const byKey = new Map<string, OfferedUrl>();
    for (const offer of offers) {
      const known = byKey.get(offer.endpoint.key);
      if (known === undefined || startOf(offer) >= startOf(known)) byKey.set(offer.endpoint.key, offer);
    }
    const next = [...byKey.values()].map(({ endpoint }) => endpoint);
    const before = this.#resolution?.state === "resolved" ? this.#resolution.endpoints : [];
    return isEqual(before, next) ? before : next;
  }
}

/** Interface-level providers of one service, in the shape that followers of instances know. */
function asInstances(registry: InterfaceRegistry, service: ServiceKey): Pick<Registry, "get" | "watch"> {
  return {
    async get(_name, signal) {
      return newestById((await registry.get(service, signal)).map(instanceOfUrl));
    },
    async *watch(_name, signal) {
      for await (const { urls, settled } of registry.watch(service, signal))
        yield { instances: newestById(urls.map(instanceOfUrl)), settled };
    },
  };
}

/**
 * A provider that was killed and came back is listed twice until the registry forgets its first life: the newest record
 * counts.
 */
function newestById(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
  const byId = new Map<string, ServiceInstance>();
  for (const instance of instances) {
    const known = byId.get(instance.id);
    if (known === undefined || (instance.startedAtMs ?? 0) >= (known.startedAtMs ?? 0))
      byId.set(instance.id, instance);
  }
  return byId.size === instances.length ? instances : [...byId.values()];
}

/** Caches know instances by their address. */
function withId(instance: ServiceInstance): ServiceInstance {
  const { key, endpoint } = offeredUrl(instance);
  return { ...instance, id: `${endpoint.key}/${key.text}` };
}

function startOf({ endpoint }: OfferedUrl): number {
  return endpoint.startedAtMs ?? 0;
}

function unresolved(service: ServiceKey, heard: boolean, offers: readonly OfferedUrl[]): Resolution {
  const found = offers.map(({ key, protocol }) => `${key.text}:${protocol}`);
  const nearMisses = [...new Set(found)].sort();
  const details = { service: service.text, applications: [], nearMisses };
  if (!heard)
    return {
      state: "pending",
      error: new NoProviderError("PROVIDERS_PENDING", "nothing heard yet of its interface", details),
    };
  const why = offers.length === 0 ? "no provider registers the interface" : "none of its providers offers it";
  return { state: "absent", error: new NoProviderError("NO_PROVIDER", why, details) };
}

function isEqual(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
