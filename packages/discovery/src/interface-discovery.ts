import { type Resolution, type Runtime, type ServiceInstance, systemRuntime } from "@dubbo-ts/core";
import type { DiscoveryCache } from "./discovery-cache.js";
import { type OnResolution, ResolutionStreams } from "./following.js";
import type { InterfaceRegistry } from "./interface-registry.js";
import { InterfaceView } from "./interface-view.js";
import type { ServiceQuery } from "./match-service.js";

/** What {@link createInterfaceDiscovery} needs. */
export interface InterfaceDiscoveryOptions {
  readonly registries: readonly InterfaceRegistry[];
  /** Lets a start succeed while the registry is away. Default: none. */
  readonly cache?: DiscoveryCache | undefined;
  readonly runtime?: Runtime;
  /** How often each interface is read beside the pushes, in the mean. Default 60,000 ms. */
  readonly reconcileMs?: number;
  /** As in `ServiceDiscoveryOptions`. */
  readonly isAlive?: (instance: ServiceInstance) => boolean;
}

/** Finds providers by what they register for each interface, as Dubbo 2 does. */
export interface InterfaceDiscovery extends AsyncDisposable {
  /** False: no registry keeps such records. */
  readonly available: boolean;
  /** As {@link ServiceDiscovery.follow}. */
  follow(query: ServiceQuery, onResolution: OnResolution): AsyncDisposable;
  /**
   * Yields what is known of the service at once (pending when that is nothing), then again after each change. A
   * slow reader skips values but gets the latest. Ends when `signal` aborts or this is disposed.
   */
  watch(query: ServiceQuery, signal: AbortSignal): AsyncIterable<Resolution>;
}

/**
 * Makes an {@link InterfaceDiscovery}: one subscription for each that is followed and registry. Disposing it ends all watches;
 * registries and cache belong to the caller.
 */
export function createInterfaceDiscovery(options: InterfaceDiscoveryOptions): InterfaceDiscovery {
  return new UrlDiscovery(options);
}

class UrlDiscovery implements InterfaceDiscovery {
  readonly #views = new Set<InterfaceView>();
  readonly #streams = new ResolutionStreams();
  #closed = false;

  constructor(private readonly options: InterfaceDiscoveryOptions) {}

  get available(): boolean {
    return this.options.registries.length > 0;
  }

  follow(query: ServiceQuery, onResolution: OnResolution): AsyncDisposable {
    if (this.#closed) return { [Symbol.asyncDispose]: () => Promise.resolve() };
    const { runtime = systemRuntime, ...rest } = this.options;
    const view = new InterfaceView({ ...rest, cache: rest.cache, runtime, query, onChange: onResolution });
    this.#views.add(view);
    return {
      [Symbol.asyncDispose]: () => {
        this.#views.delete(view);
        return view[Symbol.asyncDispose]();
      },
    };
  }

  watch(query: ServiceQuery, signal: AbortSignal): AsyncIterable<Resolution> {
    return this.#streams.read((onResolution) => this.follow(query, onResolution), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#streams.end();
    await Promise.all([...this.#views].map((view) => view[Symbol.asyncDispose]()));
  }
}
