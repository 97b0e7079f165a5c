import {
  abortable,
  type Endpoint,
  NoProviderError,
  type Resolution,
  type Runtime,
  type ServiceKey,
} from "@dubbo-ts/core";
import type { Candidate } from "./candidate.js";
import type { InvokerPool } from "./invoker-pool.js";

/** The current candidates of one service. */
export interface Directory extends AsyncDisposable {
  readonly service: ServiceKey;
  /** Read on every call: no waiting, no copy. The array never changes; a change is another array. */
  readonly invokers: readonly Candidate[];
  /** What {@link apply} was given last. */
  readonly resolution: Resolution;
  /** Takes what is known now: opens nothing, and drains the connections that nobody needs any more. */
  apply(resolution: Resolution): void;
  /** Resolves when the resolution is not pending, at once mostly; rejects with `signal.reason`. */
  whenSettled(signal: AbortSignal): Promise<void>;
}

/** What {@link createDirectory} needs. */
export interface DirectoryOptions {
  readonly pool: InvokerPool;
  readonly service: ServiceKey;
  readonly runtime: Pick<Runtime, "log">;
}

const nobody: readonly Candidate[] = [];

class PooledDirectory implements Directory {
  readonly service: ServiceKey;
  readonly #pool: InvokerPool;
  readonly #log: Runtime["log"];
  #invokers: readonly Candidate[] = nobody;
  #endpoints: readonly Endpoint[] = [];
  #resolution: Resolution;
  #settled: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #closed: Promise<void> | undefined;

  constructor({ pool, service, runtime }: DirectoryOptions) {
    this.#pool = pool;
    this.#log = runtime.log;
    this.service = service;
    this.#resolution = {
      state: "pending",
      error: this.#noProvider("PROVIDERS_PENDING", "nothing was heard yet"),
    };
  }

  get invokers(): readonly Candidate[] {
    return this.#invokers;
  }

  get resolution(): Resolution {
    return this.#resolution;
  }

  apply(resolution: Resolution): void {
    if (this.#closed !== undefined) return;
    this.#resolution = resolution;
    switch (resolution.state) {
      case "pending":
        return; // keep those we know: providers live on while a registry is away
      case "failed":
        break;
      case "absent":
        void this.#replace([]);
        break;
      case "resolved":
        void this.#replace(resolution.endpoints);
    }
    this.#settled?.resolve();
    this.#settled = undefined;
  }

  whenSettled(signal: AbortSignal): Promise<void> {
    if (this.#resolution.state !== "pending" || this.#closed !== undefined) return Promise.resolve();
    this.#settled ??= promiseWithResolve();
    return abortable(this.#settled.promise, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed === undefined) {
      this.#resolution = {
        state: "absent",
        error: this.#noProvider("NO_PROVIDER", "the reference was closed"),
      };
      this.#closed = Promise.resolve(this.#replace([])).then(() => {});
      this.#settled?.resolve();
    }
    return this.#closed;
  }

  /** New shares are taken before the old ones are given back, so what stays is never drained. */
  #replace(endpoints: readonly Endpoint[]): Promise<unknown> | undefined {
    if (endpoints === this.#endpoints) return undefined;
    const old = this.#invokers;
    this.#endpoints = endpoints;
    this.#invokers = endpoints.length === 0 ? nobody : this.#pool.acquireAll(endpoints, old);
    const counts = { service: this.service.text, before: old.length, now: this.#invokers.length };
    this.#log.debug(counts, "the providers of a service changed");
    return this.#pool.releaseAll(old);
  }

  #noProvider(code: "NO_PROVIDER" | "PROVIDERS_PENDING", why: string): NoProviderError {
    return new NoProviderError(code, why, { service: this.service.text, applications: [], nearMisses: [] });
  }
}

function promiseWithResolve(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Makes a {@link Directory}: pending, without candidates, until it is told more. */
export function createDirectory(options: DirectoryOptions): Directory {
  return new PooledDirectory(options);
}
