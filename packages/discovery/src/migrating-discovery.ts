import { changedSpan, type Endpoint, type Resolution, type Runtime, systemRuntime } from "@dubbo-ts/core";
import { type OnResolution, ResolutionStreams } from "./following.js";
import type { InterfaceDiscovery } from "./interface-discovery.js";
import { MigratingWatch, type MigratingWatchContext } from "./migrating-watch.js";
import type { MigrationRules, MigrationStatus } from "./migration-choice.js";
import type { ServiceDiscovery, WatchQuery } from "./service-discovery.js";

/** What {@link createMigratingDiscovery} needs. */
export interface MigratingDiscoveryOptions {
  readonly applications: Pick<ServiceDiscovery, "follow">;
  readonly interfaces: Pick<InterfaceDiscovery, "available" | "follow">;
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

/** A list, and the applications of its endpoints. */
interface Named {
  readonly endpoints: readonly Endpoint[];
  readonly names: readonly string[];
}

class TwoSourceDiscovery implements MigratingDiscovery {
  readonly #watches = new Set<MigratingWatch>();
  readonly #listeners = new Set<() => void>();
  /** The services of an application share their lists: each is gone through once. */
  readonly #applications = new WeakMap<readonly Endpoint[], readonly string[]>();
  /** Those that were gone through last: of a list that differs little only that little is looked at. */
  #latest: Named = { endpoints: [], names: [] };
  readonly #names = new Map<string, readonly string[]>();
  readonly #streams = new ResolutionStreams();
  /** What all watches share. */
  readonly #context: MigratingWatchContext;
  #closed = false;

  constructor({ runtime = systemRuntime, ...rest }: MigratingDiscoveryOptions) {
    this.#context = {
      ...rest,
      runtime,
      onSwitch: () => {
        for (const listener of this.#listeners) listener();
      },
      onEnd: (watch) => void this.#watches.delete(watch),
      applicationsOf: (endpoints) => this.#applicationsOf(endpoints),
    };
  }

  get status(): readonly MigrationStatus[] {
    return [...this.#watches].map((watch) => watch.status);
  }

  onSwitch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  follow(query: WatchQuery, onResolution: OnResolution): AsyncDisposable {
    if (this.#closed) return { [Symbol.asyncDispose]: () => Promise.resolve() };
    const watch = new MigratingWatch(query, onResolution, this.#context);
    this.#watches.add(watch);
    return watch;
  }

  watch(query: WatchQuery, signal: AbortSignal): AsyncIterable<Resolution> {
    return this.#streams.read((onResolution) => this.follow(query, onResolution), signal);
  }

  #applicationsOf(endpoints: readonly Endpoint[]): readonly string[] {
    const known = this.#applications.get(endpoints);
    if (known !== undefined) return known;
    const names = hasSame(endpoints, this.#latest)
      ? this.#latest.names
      : this.#interned([...new Set(endpoints.map(({ application }) => application))]);
    this.#applications.set(endpoints, names);
    this.#latest = { endpoints, names };
    return names;
  }

  /** There are no more of them than there are combinations of applications. */
  #interned(names: readonly string[]): readonly string[] {
    const text = names.join("\n");
    const known = this.#names.get(text) ?? names;
    this.#names.set(text, known);
    return known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#streams.end();
    await Promise.all([...this.#watches].map((watch) => watch[Symbol.asyncDispose]()));
  }
}

/** True when `endpoints` are all of the one application that `known` are of. */
function hasSame(endpoints: readonly Endpoint[], known: Named): boolean {
  const [name] = known.names;
  if (known.names.length !== 1 || endpoints.length === 0) return false;
  const { from, afterEnd } = changedSpan(known.endpoints, endpoints);
  for (let at = from; at < afterEnd; at += 1) if (endpoints[at]?.application !== name) return false;
  return true;
}
