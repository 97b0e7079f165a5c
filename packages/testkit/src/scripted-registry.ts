import { Latest, RegistryError, type ServiceInstance } from "@dubbo-ts/core";
import type { InstanceSet, Registration, Registry } from "@dubbo-ts/discovery";

/**
 * A registry that says and does what a test tells it to: for the tests of what stands on top of a registry.
 * `push` decides what watchers hear, `truth` what is read, `fail` whether it answers at all.
 */
export class ScriptedRegistry implements Registry {
  readonly name = "scripted://";
  /** What {@link get} answers, by application. Without an entry: what was pushed last. */
  readonly truth = new Map<string, readonly ServiceInstance[]>();
  /** While set, requests reject with it; while `"hang"`, they do not end. */
  fail: Error | "hang" | undefined;
  /** Every request in order: `register app revision`, `update app revision`, `deregister app`, `get app`. */
  readonly requests: string[] = [];
  readonly #pushed = new Map<string, InstanceSet>();
  readonly #readers = new Map<string, Set<Latest<InstanceSet>>>();
  readonly #names = new Set<Latest<readonly string[]>>();

  /** Watchers of the application hear this. */
  push(application: string, instances: readonly ServiceInstance[], { settled = true } = {}): void {
    const set = { instances, settled };
    this.#pushed.set(application, set);
    for (const reader of this.#readers.get(application) ?? []) reader.set(set);
    for (const reader of this.#names) reader.set([...this.#pushed.keys()]);
  }

  /** Watchers of the application get an error. */
  break(application: string, error: Error): void {
    for (const reader of this.#readers.get(application) ?? []) reader.fail(error);
  }

  /** How many subscriptions of the application are open. */
  subscriptions(application: string): number {
    return this.#readers.get(application)?.size ?? 0;
  }

  async register(instance: ServiceInstance, signal: AbortSignal): Promise<Registration> {
    await this.#request(`register ${instance.application} ${instance.revision}`, signal);
    let gone = false;
    return {
      update: (next, updateSignal) =>
        this.#request(`update ${next.application} ${next.revision}`, updateSignal),
      [Symbol.asyncDispose]: async () => {
        if (gone) return;
        gone = true;
        await this.#request(`deregister ${instance.application}`);
      },
    };
  }

  async get(application: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    await this.#request(`get ${application}`, signal);
    return this.truth.get(application) ?? this.#pushed.get(application)?.instances ?? [];
  }

  async *watch(application: string, signal: AbortSignal): AsyncGenerator<InstanceSet, void, undefined> {
    if (signal.aborted) return;
    const reader = new Latest<InstanceSet>(signal);
    const readers = this.#readers.get(application) ?? new Set();
    this.#readers.set(application, readers.add(reader));
    const set = this.#pushed.get(application);
    if (set !== undefined) reader.set(set);
    try {
      yield* reader;
    } finally {
      readers.delete(reader);
    }
  }

  async applications(signal: AbortSignal): Promise<readonly string[]> {
    await this.#request("applications", signal);
    return [...this.#pushed.keys()];
  }

  async *watchApplications(signal: AbortSignal): AsyncGenerator<readonly string[], void, undefined> {
    if (signal.aborted) return;
    const reader = new Latest<readonly string[]>(signal);
    this.#names.add(reader);
    reader.set([...this.#pushed.keys()]);
    try {
      yield* reader;
    } finally {
      this.#names.delete(reader);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const readers of this.#readers.values()) for (const reader of readers) reader.end();
    for (const reader of this.#names) reader.end();
  }

  async #request(what: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.requests.push(what);
    if (this.fail === undefined) return;
    if (this.fail !== "hang") throw this.fail;
    await new Promise<never>((_, reject) => {
      signal?.addEventListener("abort", () =>
        reject(new RegistryError("REGISTRY_UNAVAILABLE", `${what}: no answer`, { cause: signal.reason })),
      );
    });
  }
}
