import type { Config } from "@dubbo-ts/config";
import type { Runtime } from "@dubbo-ts/core";
import type { InvokerPool } from "@dubbo-ts/cluster";
import type { ServiceDiscovery } from "@dubbo-ts/discovery";
import {
  type Client,
  type ClientSettings,
  createClient,
  createGenericClient,
  type Filter,
  type GenericClient,
  type ServiceDefinition,
} from "@dubbo-ts/rpc";
import type { ReferenceOptions } from "./options.js";
import { openReference, type Reference } from "./reference.js";
import { type Policies, type ReferenceSettings, referenceSettings } from "./reference-settings.js";

/** What the consumer side of an application needs. */
export interface ConsumerOptions {
  readonly config: Config;
  readonly discovery: ServiceDiscovery;
  readonly pool: InvokerPool;
  /** The protocols that this application can speak. */
  readonly spoken: readonly string[];
  readonly policies: Policies;
  /** Around every call, outside those of the reference. */
  readonly filters: readonly Filter[];
  readonly runtime: Runtime;
}

/** How long a reference with `check` waits for its first provider: longer than any registry takes to answer. */
const checkTimeoutMs = 5_000;

/** The consumer side: the references, each open until its signal aborts or the application stops. */
export class Consumer implements AsyncDisposable {
  /** Closes one of the open references each. */
  readonly #closers = new Set<() => PromiseLike<void>>();
  #closed: Promise<void> | undefined;

  constructor(private readonly options: ConsumerOptions) {}

  /** A typed client of `definition`. */
  async refer<D extends ServiceDefinition>(definition: D, options: ReferenceOptions): Promise<Client<D>> {
    const { reference, settings } = await this.#open(definition.serviceInterface, options);
    return createClient(definition, reference.invoker, this.#clientSettings(reference, settings));
  }

  /** A client without a definition. */
  async referGeneric(serviceInterface: string, options: ReferenceOptions): Promise<GenericClient> {
    const { reference, settings } = await this.#open(serviceInterface, options);
    return createGenericClient(
      serviceInterface,
      reference.invoker,
      this.#clientSettings(reference, settings),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= Promise.all([...this.#closers].map((close) => close())).then(() => {});
    return this.#closed;
  }

  async #open(
    serviceInterface: string,
    options: ReferenceOptions,
  ): Promise<{ reference: Reference; settings: ReferenceSettings }> {
    options.signal?.throwIfAborted();
    const settings = referenceSettings(
      serviceInterface,
      options,
      this.options.config.consumer,
      this.options.policies,
    );
    const reference = openReference(serviceInterface, settings, this.options);
    // A signal of its own for each: hundreds of listeners on the program's one would look like a leak to Node.
    const ends = options.signal && AbortSignal.any([options.signal]);
    const close = () => {
      ends?.removeEventListener("abort", onEnd);
      this.#closers.delete(close);
      return reference[Symbol.asyncDispose]();
    };
    const onEnd = () => void close();
    this.#closers.add(close);
    ends?.addEventListener("abort", onEnd);
    if (settings.check)
      try {
        await reference.ready(checkTimeoutMs, ends);
      } catch (error) {
        await close();
        throw error;
      }
    return { reference, settings };
  }

  #clientSettings({ service, policy }: Reference, { attachments }: ReferenceSettings): ClientSettings {
    return {
      service,
      runtime: this.options.runtime,
      attachments,
      timeoutMs: (method) => policy(method).timeoutMs,
      attempts: (method) => policy(method).retries + 1,
    };
  }
}
