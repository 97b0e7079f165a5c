import { RegistryError, type ServiceInstance } from "@dubbo-ts/core";
import type { Registration, Registry } from "./registry.js";
import { InstanceWatcher, type Watcher } from "./watcher.js";

/** A limit for one request. */
export interface RequestOptions {
  /** Ends the request: it rejects with `signal.reason`. Default: none. */
  readonly signal?: AbortSignal;
}

/** What is watched. */
export interface WatchOptions extends RequestOptions {
  /** Default: all applications, those that are created later included. */
  readonly application?: string;
}

/**
 * A registry as a program uses it directly, without services: register, look up, watch. For what `dubbo-ts`
 * applications do by themselves this is not needed.
 */
export interface RegistryClient extends AsyncDisposable {
  /** The registry's address, without secrets. */
  readonly name: string;
  /** Announces an instance until it is deregistered or this client is disposed. Again: as {@link update}. */
  register(instance: ServiceInstance, options?: RequestOptions): Promise<void>;
  /**
   * Announces the next state of an instance with the same application, host and port.
   * @throws {RegistryError} INSTANCE_INVALID: this client did not register it.
   */
  update(instance: ServiceInstance, options?: RequestOptions): Promise<void>;
  /** Takes the instance back. One that this client did not register: nothing happens. */
  deregister(instance: Pick<ServiceInstance, "application" | "id">): Promise<void>;
  /**
   * The instances that can take calls; none for an application that nobody registered. With `all` those too that
   * {@link unusableReason} speaks against.
   */
  get(application: string, options?: RequestOptions & { all?: boolean }): Promise<readonly ServiceInstance[]>;
  /** The names of all applications that have or had instances. */
  list(options?: RequestOptions): Promise<readonly string[]>;
  /** Tells what changes. See {@link Watcher}. */
  watch(options?: WatchOptions): Watcher;
}

/**
 * Makes a {@link RegistryClient} of a registry. Disposing it deregisters what it registered and stops its
 * watchers; the registry stays open.
 */
export function registryClient(registry: Registry): RegistryClient {
  return new PlainRegistryClient(registry);
}

/** Why an instance takes no calls: `disabled`, `unhealthy`, `weight`. Undefined: it takes them. */
export function unusableReason(instance: ServiceInstance): "disabled" | "unhealthy" | "weight" | undefined {
  if (!instance.enabled) return "disabled";
  if (!instance.healthy) return "unhealthy";
  return instance.weight <= 0 ? "weight" : undefined;
}

/** An instance on its way into the registry, or there. */
interface Announced {
  readonly registration: Promise<Registration>;
  /** Ends the attempt, when it is not there yet. */
  readonly controller: AbortController;
}

class PlainRegistryClient implements RegistryClient {
  readonly #registrations = new Map<string, Announced>();
  readonly #watchers = new Set<InstanceWatcher>();
  readonly #closing = new AbortController();

  constructor(private readonly registry: Registry) {}

  get name(): string {
    return this.registry.name;
  }

  async register(instance: ServiceInstance, options: RequestOptions = {}): Promise<void> {
    const key = keyOf(instance);
    if (this.#registrations.has(key)) return this.update(instance, options);
    const controller = new AbortController();
    const signal = AbortSignal.any([this.#signal(options), controller.signal]);
    const announced = { registration: this.registry.register(instance, signal), controller };
    this.#registrations.set(key, announced);
    try {
      await announced.registration;
    } catch (error) {
      if (this.#registrations.get(key) === announced) this.#registrations.delete(key);
      throw error;
    }
  }

  async update(instance: ServiceInstance, options: RequestOptions = {}): Promise<void> {
    const registration = await this.#registrations.get(keyOf(instance))?.registration;
    if (registration === undefined)
      throw new RegistryError(
        "INSTANCE_INVALID",
        `${instance.id} of ${instance.application} was not registered here`,
      );
    await registration.update(instance, this.#signal(options));
  }

  async deregister(instance: Pick<ServiceInstance, "application" | "id">): Promise<void> {
    const key = keyOf(instance);
    const announced = this.#registrations.get(key);
    this.#registrations.delete(key);
    if (announced !== undefined) await takeBack(announced, instance.id);
  }

  async get(
    application: string,
    { all = false, ...options }: RequestOptions & { all?: boolean } = {},
  ): Promise<readonly ServiceInstance[]> {
    const instances = await this.registry.get(application, this.#signal(options));
    return all ? instances : instances.filter((instance) => unusableReason(instance) === undefined);
  }

  async list(options: RequestOptions = {}): Promise<readonly string[]> {
    return this.registry.applications(this.#signal(options));
  }

  watch({ application, signal }: WatchOptions = {}): Watcher {
    const watcher = new InstanceWatcher(this.registry, application, () => this.#watchers.delete(watcher));
    this.#watchers.add(watcher);
    const stop = () => void watcher.stop();
    if (signal?.aborted || this.#closing.signal.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    return watcher;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new RegistryError("REGISTRY_UNAVAILABLE", "this client is closed"));
    await Promise.all([...this.#watchers].map((watcher) => watcher.stop()));
    const announced = [...this.#registrations];
    this.#registrations.clear();
    await Promise.all(announced.map(([key, one]) => takeBack(one, key)));
  }

  #signal({ signal }: RequestOptions): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }
}

async function takeBack({ registration, controller }: Announced, id: string): Promise<void> {
  controller.abort(new RegistryError("REGISTRY_REFUSED", `${id} is deregistered`));
  const made = await registration.catch(() => undefined);
  await made?.[Symbol.asyncDispose]();
}

function keyOf({ application, id }: Pick<ServiceInstance, "application" | "id">): string {
  return `${application}\n${id}`;
}
