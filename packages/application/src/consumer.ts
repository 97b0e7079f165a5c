import { ConfigError, type Runtime, serviceKey } from "@dubbo-ts/core";
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
import type { LiveConfig } from "./live-config/live-config.js";
import type { ReferenceOptions } from "./options.js";
import { openReference, type Reference } from "./reference.js";
import { type Policies, type ReferenceSettings, referenceSettings } from "./reference-settings.js";

/** What the consumer side of an application needs. */
export interface ConsumerOptions {
  readonly live: LiveConfig;
  /** The address that rules know this process by. */
  readonly host: string;
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
  readonly #closers = new Set<() => PromiseLike<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(private readonly options: ConsumerOptions) {}

  /** A typed client of `definition`. */
  async refer<D extends ServiceDefinition>(definition: D, options: ReferenceOptions): Promise<Client<D>> {
    const { reference, settings } = await this.#open(definition.serviceInterface, options);
    const oneway = (method: string) => options.methods?.[method]?.oneway ?? false;
    return createClient(definition, reference.invoker, {
      ...this.#clientSettings(reference, settings),
      oneway,
    });
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
      this.options.live.state.config.consumer,
      this.options.policies,
    );
    const leaveRules = await this.options.live.followService(serviceKey(serviceInterface, settings));
    const reference = await this.#openFollowing(serviceInterface, settings, options.signal, leaveRules);
    // A signal of its own for each: hundreds of listeners on the program's one would look like a leak to Node.
    const ends = options.signal && AbortSignal.any([options.signal]);
    const close = () => {
      ends?.removeEventListener("abort", onEnd);
      this.#closers.delete(close);
      return Promise.all([reference[Symbol.asyncDispose](), leaveRules()]);
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

  /** Opens it, unless everything ended while the rules were read. */
  async #openFollowing(
    serviceInterface: string,
    settings: ReferenceSettings,
    signal: AbortSignal | undefined,
    leaveRules: () => Promise<void>,
  ): Promise<Reference> {
    try {
      signal?.throwIfAborted();
      if (this.#closed !== undefined)
        throw new ConfigError("APPLICATION_CLOSED", "the application was stopped");
      return openReference(serviceInterface, settings, this.options);
    } catch (error) {
      await leaveRules();
      throw error;
    }
  }

  #clientSettings({ service, policy }: Reference, { attachments }: ReferenceSettings): ClientSettings {
    return {
      service,
      runtime: this.options.runtime,
      attachments,
      timeoutMs: (method) => policy(method).timeoutMs,
      attempts: (method) => policy(method).retries + 1,
      begunWith: policy,
    };
  }
}
