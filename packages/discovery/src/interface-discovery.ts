import { Latest, type Resolution, type Runtime, type ServiceInstance, systemRuntime } from "@dubbo-ts/core";
import type { DiscoveryCache } from "./discovery-cache.js";
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
  /**
   * Yields what is known of the service at once (pending when that is nothing), then again after each change. A
   * slow reader skips values but gets the latest. Ends when `signal` aborts or this is disposed.
   */
  watch(query: ServiceQuery, signal: AbortSignal): AsyncIterable<Resolution>;
}

/**
 * Makes an {@link InterfaceDiscovery}: one subscription for each watch and registry. Disposing it ends all watches;
 * registries and cache belong to the caller.
 */
export function createInterfaceDiscovery(options: InterfaceDiscoveryOptions): InterfaceDiscovery {
  return new UrlDiscovery(options);
}

class UrlDiscovery implements InterfaceDiscovery {
  readonly #readers = new Map<Latest<Resolution>, InterfaceView>();
  #closed = false;

  constructor(private readonly options: InterfaceDiscoveryOptions) {}

  get available(): boolean {
    return this.options.registries.length > 0;
  }

  async *watch(query: ServiceQuery, signal: AbortSignal): AsyncGenerator<Resolution, void, undefined> {
    if (signal.aborted || this.#closed) return;
    const { registries, cache, runtime = systemRuntime, reconcileMs, isAlive } = this.options;
    const reader = new Latest<Resolution>();
    const end = () => reader.end();
    signal.addEventListener("abort", end, { once: true });
    const onChange = (resolution: Resolution) => reader.set(resolution);
    const view = new InterfaceView({ query, registries, cache, onChange, runtime, reconcileMs, isAlive });
    this.#readers.set(reader, view);
    try {
      yield* reader;
    } finally {
      signal.removeEventListener("abort", end);
      this.#readers.delete(reader);
      await view[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const views = [...this.#readers.values()];
    for (const reader of this.#readers.keys()) reader.end();
    await Promise.all(views.map((view) => view[Symbol.asyncDispose]()));
  }
}
