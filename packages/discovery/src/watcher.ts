import { RegistryError, type ServiceInstance } from "@dubbo-ts/core";
import type { Registry } from "./registry.js";
import { sameInstance } from "./same-instance.js";

/** One change, or the whole of an application to begin with. */
export type WatchResult =
  | {
      readonly action: "snapshot";
      readonly application: string;
      readonly instances: readonly ServiceInstance[];
    }
  | {
      readonly action: "create" | "update" | "delete";
      readonly application: string;
      readonly instance: ServiceInstance;
    };

/**
 * Tells what changes: first a `snapshot` of each application, then single changes. A slow reader is never far
 * behind: changes of one instance that it did not read yet become one, and too many of them become a new snapshot.
 */
export interface Watcher extends AsyncIterable<WatchResult>, AsyncDisposable {
  /**
   * Waits for the next result.
   * @throws {RegistryError} WATCHER_STOPPED after {@link stop}; what the registry failed with.
   */
  next(): Promise<WatchResult>;
  /** Ends it, and the subscription behind it. A second time does nothing. */
  stop(): Promise<void>;
}

/** More unread changes than this become a snapshot. */
const maxUnread = 1_000;

interface Waiting {
  readonly resolve: (result: WatchResult | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** The {@link Watcher} of a registry. */
export class InstanceWatcher implements Watcher {
  readonly #closing = new AbortController();
  readonly #unread = new UnreadResults();
  readonly #waiting: Waiting[] = [];
  readonly #work: Promise<void>;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly registry: Registry,
    application: string | undefined,
    private readonly onStop: () => void,
  ) {
    const watching = application === undefined ? this.#watchAll() : this.#watchOne(application);
    this.#work = watching
      .then(() => {
        throw new RegistryError("REGISTRY_UNAVAILABLE", `${registry.name} was closed`);
      })
      .catch((error: unknown) => {
        if (!this.#closing.signal.aborted) this.#fail(error);
      });
  }

  async next(): Promise<WatchResult> {
    const result = await this.#take();
    if (result === undefined) throw new RegistryError("WATCHER_STOPPED", "this watcher was stopped");
    return result;
  }

  async stop(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(new RegistryError("WATCHER_STOPPED", "this watcher was stopped"));
      this.#unread.clear();
      for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
      this.onStop();
    }
    await this.#work;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchResult, void, undefined> {
    try {
      for (let result = await this.#take(); result !== undefined; result = await this.#take()) yield result;
    } finally {
      await this.stop();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Undefined: stopped. */
  #take(): Promise<WatchResult | undefined> {
    return new Promise((resolve, reject) => {
      const result = this.#unread.shift();
      if (result !== undefined) return resolve(result);
      if (this.#closing.signal.aborted) return resolve(undefined);
      if (this.#failure !== undefined) return reject(this.#failure.error);
      this.#waiting.push({ resolve, reject });
    });
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #deliver(): void {
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) {
      const result = this.#unread.shift();
      if (result === undefined) return void this.#waiting.unshift(waiting);
      waiting.resolve(result);
    }
  }

  async #watchAll(): Promise<void> {
    const watching = new Map<string, Promise<void>>();
    const { signal } = this.#closing;
    for await (const names of this.registry.watchApplications(signal))
      for (const name of names) {
        if (watching.has(name)) continue;
        const one = this.#watchOne(name).catch((error: unknown) => {
          if (!signal.aborted) this.#fail(error);
        });
        watching.set(name, one);
      }
    await Promise.all(watching.values());
  }

  async #watchOne(application: string): Promise<void> {
    let known: ReadonlyMap<string, ServiceInstance> | undefined;
    for await (const { instances } of this.registry.watch(application, this.#closing.signal)) {
      const next = new Map(instances.map((instance) => [instance.id, instance]));
      if (known === undefined) this.#unread.snapshot(application, instances);
      else for (const change of changesOf(application, known, next)) this.#unread.add(change, instances);
      known = next;
      this.#deliver();
    }
  }
}

type Change = Exclude<WatchResult, { action: "snapshot" }>;

/** What leads from `before` to `after`: deletions first. */
export function changesOf(
  application: string,
  before: ReadonlyMap<string, ServiceInstance>,
  after: ReadonlyMap<string, ServiceInstance>,
): readonly Change[] {
  const changes: Change[] = [];
  for (const [id, instance] of before)
    if (!after.has(id)) changes.push({ action: "delete", application, instance });
  for (const [id, instance] of after) {
    const known = before.get(id);
    if (known === undefined) changes.push({ action: "create", application, instance });
    else if (!sameInstance(known, instance)) changes.push({ action: "update", application, instance });
  }
  return changes;
}

/** What was not read yet, in order, at most one change for each instance. */
class UnreadResults {
  readonly #results = new Map<string, WatchResult>();

  clear(): void {
    this.#results.clear();
  }

  shift(): WatchResult | undefined {
    const [first] = this.#results;
    if (first === undefined) return undefined;
    this.#results.delete(first[0]);
    return first[1];
  }

  snapshot(application: string, instances: readonly ServiceInstance[]): void {
    for (const [key, result] of this.#results)
      if (result.application === application) this.#results.delete(key);
    this.#results.set(application, { action: "snapshot", application, instances });
  }

  /** `instances`: the whole set of which `change` is a part. */
  add(change: Change, instances: readonly ServiceInstance[]): void {
    const { application, instance } = change;
    // A snapshot that was not read yet takes the change in.
    if (this.#results.has(application) || this.#results.size >= maxUnread)
      return this.snapshot(application, instances);
    const key = `${application}\n${instance.id}`;
    const merged = merge(this.#results.get(key), change);
    if (merged === undefined) this.#results.delete(key);
    else this.#results.set(key, merged);
  }
}

/** One change that does what both do; undefined: they cancel each other. */
function merge(first: WatchResult | undefined, second: Change): WatchResult | undefined {
  if (first?.action === "create")
    return second.action === "delete" ? undefined : { ...second, action: "create" };
  if (first?.action === "delete" && second.action === "create") return { ...second, action: "update" };
  return second;
}
