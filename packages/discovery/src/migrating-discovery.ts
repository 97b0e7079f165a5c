import { type Endpoint, type Resolution, type Runtime, systemRuntime } from "@dubbo-ts/core";
import type { InterfaceDiscovery } from "./interface-discovery.js";
import { MigratingWatch } from "./migrating-watch.js";
import type { MigrationRules, MigrationStatus } from "./migration-choice.js";
import type { ServiceDiscovery, WatchQuery } from "./service-discovery.js";

/** What {@link createMigratingDiscovery} needs. */
export interface MigratingDiscoveryOptions {
  readonly applications: ServiceDiscovery;
  readonly interfaces: InterfaceDiscovery;
  readonly rules: MigrationRules;
  readonly runtime?: Runtime;
}

/** A {@link ServiceDiscovery} over both kinds of registration. */
export interface MigratingDiscovery extends ServiceDiscovery {
  /** How each watched service stands. */
  readonly status: readonly MigrationStatus[];
  /** Calls `listener` when a watched service takes its providers from another source; the result ends that. */
  onSwitch(listener: () => void): () => void;
}

/**
 * Makes a {@link MigratingDiscovery}: providers come from where the rules say, and when that changes the new source is
 * followed until it has providers before the old one is let go, so that no call finds nobody on the way. In
 * `application-first` the interface is followed only while applications do not suffice. Disposing it ends all watches; the
 * two discoveries belong to the caller.
 */
export function createMigratingDiscovery(options: MigratingDiscoveryOptions): MigratingDiscovery {
  return new TwoSourceDiscovery(options);
}

class TwoSourceDiscovery implements MigratingDiscovery {
  readonly #watches = new Set<MigratingWatch>();
  readonly #listeners = new Set<() => void>();
  /** The services of an application share their lists: each is gone through once. */
  readonly #applications = new WeakMap<readonly Endpoint[], readonly string[]>();
  #closed = false;

  constructor(private readonly options: MigratingDiscoveryOptions) {}

  get status(): readonly MigrationStatus[] {
    return [...this.#watches].map((watch) => watch.status);
  }

  onSwitch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async *watch(query: WatchQuery, signal: AbortSignal): AsyncGenerator<Resolution, void, undefined> {
    if (signal.aborted || this.#closed) return;
    const { runtime = systemRuntime, ...rest } = this.options;
    const onSwitch = () => {
      for (const listener of this.#listeners) listener();
    };
    const applicationsOf = (endpoints: readonly Endpoint[]) => this.#applicationsOf(endpoints);
    const watch = new MigratingWatch({ ...rest, runtime, query, onSwitch, applicationsOf });
    const end = () => watch.end();
    signal.addEventListener("abort", end, { once: true });
    this.#watches.add(watch);
    try {
      yield* watch.resolutions;
    } finally {
      signal.removeEventListener("abort", end);
      this.#watches.delete(watch);
      await watch[Symbol.asyncDispose]();
    }
  }

  #applicationsOf(endpoints: readonly Endpoint[]): readonly string[] {
    let names = this.#applications.get(endpoints);
    if (names === undefined) {
      names = [...new Set(endpoints.map(({ application }) => application))];
      this.#applications.set(endpoints, names);
    }
    return names;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#watches].map((watch) => watch[Symbol.asyncDispose]()));
  }
}
