import {
  DisposalScope,
  type MetadataInfo,
  type Resolution,
  type Runtime,
  type ServiceInstance,
  systemRuntime,
  type Timer,
} from "@dubbo-ts/core";
import {
  type CallMetadataService,
  fetchMetadata,
  MetadataCache,
  type MetadataReport,
  ServiceNameMapping,
} from "@dubbo-ts/metadata";
import { ApplicationView } from "./application-view.js";
import type { DiscoveryCache } from "./discovery-cache.js";
import { EndpointLists } from "./endpoint-lists.js";
import { type OnResolution, ResolutionStreams } from "./following.js";
import { MappingView } from "./mapping-view.js";
import type { ServiceQuery } from "./match-service.js";
import type { Registry } from "./registry.js";
import { ServiceView } from "./service-view.js";

/** Which service is watched, and where it is looked for. */
export interface WatchQuery extends ServiceQuery {
  /** Applications that are asked at once; those of the mapping are asked besides. */
  readonly providedBy?: readonly string[] | undefined;
}

/** What {@link createServiceDiscovery} needs. */
export interface ServiceDiscoveryOptions {
  readonly registries: readonly Registry[];
  /** Where the mapping is, and metadata that is kept remotely. */
  readonly reports: readonly MetadataReport[];
  readonly callMetadataService: CallMetadataService;
  /** Lets a start succeed while the registry is away. Default: none. */
  readonly cache?: DiscoveryCache | undefined;
  readonly runtime?: Runtime;
  /**
   * How often each application is read beside the pushes, in the mean. One of more than 200 instances is read more
   * rarely, from 2,000 on a tenth as often. Default 60,000 ms.
   */
  readonly reconcileMs?: number;
  /** How long an application is followed after nobody watches it any more. Default 1000 ms. */
  readonly lingerMs?: number;
  /** True when there is a live connection to the instance: see `EmptyGuard`. Default: nothing is known to be alive. */
  readonly isAlive?: (instance: ServiceInstance) => boolean;
}

/** Joins mapping, instances and metadata into the {@link Resolution} of a service. */
export interface ServiceDiscovery extends AsyncDisposable {
  /**
   * Tells `onResolution` what is known of the service (pending when that is nothing), then again after each change; not
   * before this returns. Unchanged endpoints are the same objects. For those who follow many services: it costs
   * much less than {@link watch}. Ends when it or this is disposed.
   */
  follow(query: WatchQuery, onResolution: OnResolution): AsyncDisposable;
  /**
   * Yields what is known of the service at once (pending when that is nothing), then again after each change. A
   * slow reader skips values but gets the latest. Unchanged endpoints are the same objects. Ends when `signal`
   * aborts or this is disposed.
   */
  watch(query: WatchQuery, signal: AbortSignal): AsyncIterable<Resolution>;
}

/**
 * Makes a {@link ServiceDiscovery}. However many services are watched, there is one subscription per application
 * and registry, and one fetch per revision. Disposing it ends all watches and subscriptions; registries, reports
 * and cache belong to the caller.
 */
export function createServiceDiscovery(options: ServiceDiscoveryOptions): ServiceDiscovery {
  return new JoiningServiceDiscovery(options);
}

/** Something that services share, closed a little after the last of them is gone. */
interface Shared<T> {
  readonly value: T;
  readonly users: Set<ServiceView>;
  closing: Timer | undefined;
}

class JoiningServiceDiscovery implements ServiceDiscovery {
  readonly #runtime: Runtime;
  readonly #lists = new EndpointLists();
  readonly #mapping: ServiceNameMapping;
  readonly #metadata: MetadataCache;
  readonly #applications = new Map<string, Shared<ApplicationView>>();
  readonly #mappings = new Map<string, Shared<MappingView>>();
  readonly #services = new Map<string, ServiceView>();
  /** Views that are being closed, and what ends with them. */
  readonly #ending = new Set<Promise<void>>();
  /** Those that are looked at again at the end of this tick. */
  readonly #changed = new Set<ServiceView>();
  readonly #streams = new ResolutionStreams();
  #disposing: Promise<void> | undefined;

  constructor(private readonly options: ServiceDiscoveryOptions) {
    const { reports, callMetadataService, runtime = systemRuntime } = options;
    this.#runtime = runtime;
    this.#mapping = new ServiceNameMapping({ reports, runtime });
    const fetch = (
      application: string,
      revision: string,
      instances: readonly ServiceInstance[],
      signal: AbortSignal,
    ): Promise<MetadataInfo> =>
      fetchMetadata({ application, revision, instances, reports, callMetadataService, runtime, signal });
    this.#metadata = new MetadataCache({ fetch, runtime });
  }

  follow(query: WatchQuery, onResolution: OnResolution): AsyncDisposable {
    if (this.#disposing !== undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
    const view = this.#view(query);
    const reader = view.add(onResolution);
    this.#refresh([view]);
    return {
      [Symbol.asyncDispose]: () => {
        if (view.delete(reader)) this.#release(query, view);
        return Promise.resolve();
      },
    };
  }

  watch(query: WatchQuery, signal: AbortSignal): AsyncIterable<Resolution> {
    return this.#streams.read((onResolution) => this.follow(query, onResolution), signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  async #dispose(): Promise<void> {
    this.#streams.end();
    this.#services.clear();
    this.#changed.clear();
    const scope = new DisposalScope();
    scope.use(this.#mapping);
    scope.use(this.#metadata);
    for (const shared of [...this.#applications.values(), ...this.#mappings.values()]) {
      shared.closing?.cancel();
      scope.use(shared.value);
    }
    this.#applications.clear();
    this.#mappings.clear();
    await scope[Symbol.asyncDispose]();
    await Promise.all(this.#ending);
  }

  #view(query: WatchQuery): ServiceView {
    const key = keyOf(query);
    const view = this.#services.get(key);
    if (view !== undefined) return view;
    const mapping = this.#openMapping(query.service.serviceInterface);
    const opened = new ServiceView({
      query: { service: query.service, protocols: query.protocols },
      providedBy: query.providedBy ?? [],
      mapping: mapping.value,
      openApplication: (application) => {
        const shared = this.#openApplication(application);
        shared.users.add(opened);
        return shared.value;
      },
      lists: this.#lists,
      log: this.#runtime.log,
    });
    mapping.users.add(opened);
    this.#services.set(key, opened);
    return opened;
  }

  #openMapping(serviceInterface: string): Shared<MappingView> {
    return this.#open(
      this.#mappings,
      serviceInterface,
      (onChange) =>
        new MappingView({
          serviceInterface,
          mapping: this.#mapping,
          cache: this.options.cache,
          onChange,
          runtime: this.#runtime,
        }),
    );
  }

  #openApplication(application: string): Shared<ApplicationView> {
    const { registries, cache, reconcileMs, isAlive } = this.options;
    return this.#open(
      this.#applications,
      application,
      (onChange) =>
        new ApplicationView({
          application,
          registries,
          metadata: this.#metadata,
          cache,
          onChange,
          runtime: this.#runtime,
          reconcileMs,
          isAlive,
        }),
    );
  }

  #release(query: WatchQuery, view: ServiceView): void {
    const key = keyOf(query);
    if (view.isWatched || this.#services.get(key) !== view) return;
    this.#services.delete(key);
    this.#changed.delete(view);
    this.#close(this.#mappings, query.service.serviceInterface, view);
    for (const application of view.applications.keys()) this.#close(this.#applications, application, view);
  }

  #open<T>(all: Map<string, Shared<T>>, name: string, make: (onChange: () => void) => T): Shared<T> {
    let shared = all.get(name);
    if (shared === undefined) {
      const users = new Set<ServiceView>();
      shared = { value: make(() => this.#refresh(users)), users, closing: undefined };
      all.set(name, shared);
    }
    shared.closing?.cancel();
    shared.closing = undefined;
    return shared;
  }

  #close<T extends AsyncDisposable>(all: Map<string, Shared<T>>, name: string, user: ServiceView): void {
    const shared = all.get(name);
    if (shared === undefined || !shared.users.delete(user) || shared.users.size > 0) return;
    const close = () => {
      all.delete(name);
      this.#end(shared.value);
    };
    shared.closing = this.#runtime.clock.setTimeout(close, this.options.lingerMs ?? 1_000, {
      background: true,
    });
  }

  #end(value: AsyncDisposable): void {
    const ending = value[Symbol.asyncDispose]().then(undefined, (error: unknown) => {
      this.#runtime.log.warn({ err: error }, "something that is not followed any more could not be closed");
    });
    const kept = Promise.resolve(ending);
    this.#ending.add(kept);
    void kept.then(() => this.#ending.delete(kept));
  }

  /** Once for all changes of one tick. */
  #refresh(views: Iterable<ServiceView>): void {
    const isPlanned = this.#changed.size > 0;
    for (const view of views) this.#changed.add(view);
    if (isPlanned || this.#changed.size === 0) return;
    queueMicrotask(() => {
      const changed = [...this.#changed];
      this.#changed.clear();
      for (const view of changed) view.refresh();
    });
  }
}

function keyOf({ service, protocols = [], providedBy = [] }: WatchQuery): string {
  return JSON.stringify([service.serviceInterface, service.group, service.version, protocols, providedBy]);
}
