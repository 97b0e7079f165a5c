import { abortable, deadline, type Runtime, type ServiceInstance, sleep } from "@dubbo-ts/core";
import { EmptyGuard, type GuardedSet } from "./empty-guard.js";
import type { Registry } from "./registry.js";

/** What an {@link InstanceFollower} needs. */
export interface InstanceFollowerOptions {
  readonly registry: Pick<Registry, "get" | "watch">;
  readonly application: string;
  readonly onChange: () => void;
  readonly runtime: Runtime;
  /** How often the set is read beside the pushes, in the mean; of more than 200 instances more rarely. Default 60,000 ms. */
  readonly reconcileMs?: number | undefined;
  readonly isAlive?: ((instance: ServiceInstance) => boolean) | undefined;
}

const readTimeoutMs = 5_000;
/** So many instances are read as often as is asked for, ten times as many a tenth as often: reading all costs client and registry alike. */
const readEachTime = 200;
const mostRarely = 10;

/**
 * Follows the instances of one application in one registry: the one subscription, an {@link EmptyGuard} behind
 * it, and a read now and then, since a push may be lost.
 */
export class InstanceFollower implements AsyncDisposable {
  readonly #guard: EmptyGuard;
  readonly #closing = new AbortController();
  readonly #loops: Promise<unknown>;
  /** Counts pushes: a read that was overtaken by one is outdated. */
  #pushes = 0;

  constructor(private readonly options: InstanceFollowerOptions) {
    const { registry, application, runtime, onChange, isAlive } = options;
    this.#guard = new EmptyGuard({
      application,
      read: (signal) => registry.get(application, signal),
      onChange,
      runtime,
      isAlive,
    });
    this.#loops = Promise.all([this.#watch(), this.#reconcile()]);
  }

  /** Undefined: nothing was heard yet. */
  get current(): GuardedSet | undefined {
    return this.#guard.current;
  }

  /** Starts with what was known in an earlier life. */
  restore(instances: readonly ServiceInstance[]): void {
    this.#guard.restore(instances);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("not followed any more"));
    await this.#guard[Symbol.asyncDispose]();
    await this.#loops;
  }

  async #watch(): Promise<void> {
    const { registry, application, runtime } = this.options;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        for await (const set of registry.watch(application, signal)) {
          failures = 0;
          this.#pushes += 1;
          this.#guard.offer(set);
        }
      } catch (error) {
        if (failures === 0) runtime.log.warn({ err: error, application }, "instances cannot be watched yet");
        this.#guard.unreachable();
      }
      // A watch that ended by itself is opened again: the registry may have been closed under it.
      const delayMs = Math.min(10_000, 500 * 2 ** Math.min(failures, 10));
      await this.#pause(delayMs * (0.5 + runtime.random() / 2));
    }
  }

  async #reconcile(): Promise<void> {
    const { registry, application, runtime, reconcileMs = 60_000 } = this.options;
    const { signal } = this.#closing;
    for (let waited = 1; !signal.aborted; waited += 1) {
      await this.#pause(reconcileMs * (0.75 + runtime.random() / 2));
      if (signal.aborted) return;
      const known = this.current?.instances.length ?? 0;
      if (waited < Math.min(known / readEachTime, mostRarely)) continue;
      waited = 0;
      const pushes = this.#pushes;
      const limit = deadline(runtime.clock, readTimeoutMs, () => new Error("no answer"), signal);
      try {
        const instances = await abortable(registry.get(application, limit.signal), limit.signal);
        if (pushes === this.#pushes) this.#guard.offer({ instances, settled: true });
      } catch (error) {
        if (signal.aborted) return;
        runtime.log.debug({ err: error, application }, "instances could not be read");
        this.#guard.unreachable();
      } finally {
        limit[Symbol.dispose]();
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return sleep(this.options.runtime.clock, ms, this.#closing.signal, { background: true }).catch(() => {});
  }
}
