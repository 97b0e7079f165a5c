import { Latest, RegistryError, type ServiceInstance } from "@dubbo-ts/core";
import type { InstanceSet, Registration, Registry } from "./registry.js";

interface Entry {
  readonly instance: ServiceInstance;
  /** Who announced it last: only that registration removes it. */
  readonly owner: object;
}

/**
 * What the in-memory registries of one process share: make one, and give it to the {@link memoryRegistry} of each
 * application. Without one each registry stands alone.
 */
export class MemoryRegistryStore {
  readonly #applications = new Map<string, Map<string, Entry>>();
  readonly #sets = new Map<string, InstanceSet>();
  readonly #readers = new Map<string, Set<Latest<InstanceSet>>>();
  readonly #nameReaders = new Set<Latest<readonly string[]>>();

  /** Adds or replaces the record of this address. */
  put(instance: ServiceInstance, owner: object): void {
    const { application, id } = instance;
    const entries = this.#applications.get(application) ?? new Map<string, Entry>();
    const isNew = !this.#applications.has(application);
    this.#applications.set(application, entries);
    entries.set(id, { instance, owner });
    this.#changed(application);
    if (isNew) for (const reader of this.#nameReaders) reader.set(this.names);
  }

  /** Removes the record, unless another owner has taken the address over. */
  remove({ application, id }: ServiceInstance, owner: object): void {
    const entries = this.#applications.get(application);
    if (entries?.get(id)?.owner !== owner) return;
    entries.delete(id);
    this.#changed(application);
  }

  /** The instances of `application`; the same object until something changes. */
  read(application: string): InstanceSet {
    let set = this.#sets.get(application);
    if (set === undefined) {
      const entries = this.#applications.get(application);
      set = { instances: [...(entries?.values() ?? [])].map(({ instance }) => instance), settled: true };
      this.#sets.set(application, set);
    }
    return set;
  }

  /** The names of all applications that have or had instances. */
  get names(): readonly string[] {
    return [...this.#applications.keys()];
  }

  /** Gives `reader` the instances of `application` now and after each change; the result ends that. */
  follow(application: string, reader: Latest<InstanceSet>): () => void {
    const readers = this.#readers.get(application) ?? new Set();
    this.#readers.set(application, readers.add(reader));
    reader.set(this.read(application));
    return () => {
      readers.delete(reader);
      if (readers.size === 0 && this.#readers.get(application) === readers) this.#readers.delete(application);
    };
  }

  /** Gives `reader` all names now and after each change; the result ends that. */
  followNames(reader: Latest<readonly string[]>): () => void {
    this.#nameReaders.add(reader);
    reader.set(this.names);
    return () => void this.#nameReaders.delete(reader);
  }

  #changed(application: string): void {
    this.#sets.delete(application);
    const readers = this.#readers.get(application);
    if (readers === undefined) return;
    const set = this.read(application);
    for (const reader of readers) reader.set(set);
  }
}

/**
 * A registry within this process: for tests, and for applications that run together. Disposing it deregisters
 * what was registered through it; the `store` and its other registries live on.
 */
export function memoryRegistry(store: MemoryRegistryStore = new MemoryRegistryStore()): Registry {
  return new MemoryRegistry(store);
}

class MemoryRegistry implements Registry {
  readonly name = "memory://";
  readonly #registrations = new Set<MemoryRegistration>();
  readonly #readers = new Set<{ end(): void }>();
  #closed = false;

  constructor(private readonly store: MemoryRegistryStore) {}

  async register(instance: ServiceInstance, signal: AbortSignal): Promise<Registration> {
    this.#check(signal);
    const registration = new MemoryRegistration(this.store, instance, () =>
      this.#registrations.delete(registration),
    );
    this.#registrations.add(registration);
    return registration;
  }

  async get(application: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    this.#check(signal);
    return this.store.read(application).instances;
  }

  watch(application: string, signal: AbortSignal): AsyncIterable<InstanceSet> {
    return this.#follow(signal, (reader) => this.store.follow(application, reader));
  }

  async applications(signal: AbortSignal): Promise<readonly string[]> {
    this.#check(signal);
    return this.store.names;
  }

  watchApplications(signal: AbortSignal): AsyncIterable<readonly string[]> {
    return this.#follow(signal, (reader) => this.store.followNames(reader));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
    for (const registration of this.#registrations) await registration[Symbol.asyncDispose]();
  }

  async *#follow<T>(signal: AbortSignal, begin: (reader: Latest<T>) => () => void): AsyncGenerator<T> {
    if (signal.aborted || this.#closed) return;
    const reader = new Latest<T>();
    const end = () => reader.end();
    signal.addEventListener("abort", end, { once: true });
    this.#readers.add(reader);
    const stop = begin(reader);
    try {
      yield* reader;
    } finally {
      stop();
      this.#readers.delete(reader);
      signal.removeEventListener("abort", end);
    }
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed)
      throw new RegistryError("REGISTRY_UNAVAILABLE", `${this.name}: this registry is closed`);
  }
}

class MemoryRegistration implements Registration {
  #instance: ServiceInstance;
  #gone = false;

  constructor(
    private readonly store: MemoryRegistryStore,
    instance: ServiceInstance,
    private readonly onGone: () => void,
  ) {
    this.#instance = instance;
    store.put(instance, this);
  }

  async update(instance: ServiceInstance, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#gone) throw new RegistryError("REGISTRY_REFUSED", `${instance.id} is deregistered`);
    if (instance.id !== this.#instance.id) this.store.remove(this.#instance, this);
    this.#instance = instance;
    this.store.put(instance, this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    this.store.remove(this.#instance, this);
    this.onGone();
  }
}
