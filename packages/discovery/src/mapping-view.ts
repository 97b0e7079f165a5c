import { type Runtime, sleep } from "@dubbo-ts/core";
import type { ServiceNameMapping } from "@dubbo-ts/metadata";
import type { DiscoveryCache } from "./discovery-cache.js";
import type { MappingState } from "./join-revisions.js";

/** What a {@link MappingView} needs. */
export interface MappingViewOptions {
  readonly serviceInterface: string;
  readonly mapping: ServiceNameMapping;
  readonly cache: DiscoveryCache | undefined;
  readonly onChange: () => void;
  readonly runtime: Runtime;
}

const cacheTimeoutMs = 1_000;

/**
 * The applications that provide one interface. An application that once was among them stays: nobody ever takes
 * one out of a mapping, and a record that was wiped does not mean that its providers are gone (app-level
 * discovery 5.4).
 */
export class MappingView implements MappingState, AsyncDisposable {
  readonly #applications = new Set<string>();
  readonly #closing = new AbortController();
  readonly #loops: Promise<unknown>;
  #heard = false;
  #cacheIsRead: boolean;

  constructor(private readonly options: MappingViewOptions) {
    this.#cacheIsRead = options.cache === undefined;
    this.#loops = Promise.all([this.#watch(), this.#restore()]);
  }

  get applications(): ReadonlySet<string> {
    return this.#applications;
  }

  get heard(): boolean {
    return this.#heard;
  }

  /** False while the disk cache is still being read. */
  get ready(): boolean {
    return this.#cacheIsRead || this.#heard;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the mapping is not followed any more"));
    await this.#loops;
  }

  async #watch(): Promise<void> {
    const { serviceInterface, mapping, cache, onChange } = this.options;
    for await (const applications of mapping.watch(serviceInterface, this.#closing.signal)) {
      this.#heard = true;
      for (const application of applications) this.#applications.add(application);
      cache?.saveMapping(serviceInterface, [...this.#applications]);
      onChange();
    }
  }

  async #restore(): Promise<void> {
    const { serviceInterface, cache, onChange, runtime } = this.options;
    if (cache === undefined) return;
    const late = sleep(runtime.clock, cacheTimeoutMs, this.#closing.signal, { background: true }).catch(
      () => {},
    );
    const cached = await Promise.race([cache.readMapping(serviceInterface), late]);
    for (const application of cached ?? []) this.#applications.add(application);
    this.#cacheIsRead = true;
    if (!this.#closing.signal.aborted) onChange();
  }
}
