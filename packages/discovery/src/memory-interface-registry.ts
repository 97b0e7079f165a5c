import { Latest, RegistryError, type ServiceKey } from "@dubbo-ts/core";
import type { InterfaceRegistration, InterfaceRegistry, ServiceUrlSet } from "./interface-registry.js";
import { type ServiceUrl, serviceUrlId } from "./service-url.js";

interface Entry {
  readonly url: ServiceUrl;
  /** Who announced it last: only that registration removes it. */
  readonly owner: object;
}

/** What the in-memory interface registries of one process share; see {@link memoryInterfaceRegistry}. */
export class MemoryInterfaceStore {
  /** By interface, then by id. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #readers = new Map<string, Set<Latest<ServiceUrlSet>>>();

  /** Adds or replaces a record. */
  put(url: ServiceUrl, owner: object): void {
    const { serviceInterface } = url.key;
    const entries = this.#entries.get(serviceInterface) ?? new Map<string, Entry>();
    this.#entries.set(serviceInterface, entries);
    entries.set(serviceUrlId(url), { url, owner });
    this.#changed(serviceInterface);
  }

  /** Removes the record, unless another owner has taken it over. */
  remove(url: ServiceUrl, owner: object): void {
    const entries = this.#entries.get(url.key.serviceInterface);
    if (entries?.get(serviceUrlId(url))?.owner !== owner) return;
    entries.delete(serviceUrlId(url));
    this.#changed(url.key.serviceInterface);
  }

  /** The providers of an interface. */
  read(serviceInterface: string): readonly ServiceUrl[] {
    return [...(this.#entries.get(serviceInterface)?.values() ?? [])].map(({ url }) => url);
  }

  /** All interfaces that have or had providers. */
  get interfaces(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Gives `reader` the providers now and after each change; the result ends that. */
  follow(serviceInterface: string, reader: Latest<ServiceUrlSet>): () => void {
    const readers = this.#readers.get(serviceInterface) ?? new Set();
    this.#readers.set(serviceInterface, readers.add(reader));
    reader.set({ urls: this.read(serviceInterface), settled: true });
    return () => {
      readers.delete(reader);
      if (readers.size === 0 && this.#readers.get(serviceInterface) === readers)
        this.#readers.delete(serviceInterface);
    };
  }

  #changed(serviceInterface: string): void {
    const set = { urls: this.read(serviceInterface), settled: true };
    for (const reader of this.#readers.get(serviceInterface) ?? []) reader.set(set);
  }
}

/**
 * An interface registry within this process. Disposing it withdraws what was registered through it; the `store` and
 * its other registries live on.
 */
export function memoryInterfaceRegistry(
  store: MemoryInterfaceStore = new MemoryInterfaceStore(),
): InterfaceRegistry {
  return new MemoryInterfaceRegistry(store);
}

class MemoryInterfaceRegistry implements InterfaceRegistry {
  readonly name = "memory://";
  readonly #registrations = new Set<MemoryInterfaceRegistration>();
  readonly #readers = new Set<Latest<ServiceUrlSet>>();
  #closed = false;

  constructor(private readonly store: MemoryInterfaceStore) {}

  async register(url: ServiceUrl, signal: AbortSignal): Promise<InterfaceRegistration> {
    this.#check(signal);
    const registration = new MemoryInterfaceRegistration(this.store, url);
    this.#registrations.add(registration);
    return registration;
  }

  async get({ serviceInterface }: ServiceKey, signal: AbortSignal): Promise<readonly ServiceUrl[]> {
    this.#check(signal);
    return this.store.read(serviceInterface);
  }

  async *watch(
    { serviceInterface }: ServiceKey,
    signal: AbortSignal,
  ): AsyncGenerator<ServiceUrlSet, void, undefined> {
    if (signal.aborted || this.#closed) return;
    const reader = new Latest<ServiceUrlSet>();
    const end = () => reader.end();
    signal.addEventListener("abort", end, { once: true });
    this.#readers.add(reader);
    const stop = this.store.follow(serviceInterface, reader);
    try {
      yield* reader;
    } finally {
      stop();
      this.#readers.delete(reader);
      signal.removeEventListener("abort", end);
    }
  }

  async interfaces(signal: AbortSignal): Promise<readonly string[]> {
    this.#check(signal);
    return this.store.interfaces;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
    for (const registration of this.#registrations) await registration[Symbol.asyncDispose]();
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed)
      throw new RegistryError("REGISTRY_UNAVAILABLE", `${this.name}: this registry is closed`);
  }
}

class MemoryInterfaceRegistration implements InterfaceRegistration {
  #url: ServiceUrl;
  #gone = false;

  constructor(
    private readonly store: MemoryInterfaceStore,
    url: ServiceUrl,
  ) {
    this.#url = url;
    store.put(url, this);
  }

  async update(url: ServiceUrl, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#gone) throw new RegistryError("REGISTRY_REFUSED", `${serviceUrlId(url)} is withdrawn`);
    if (serviceUrlId(url) !== serviceUrlId(this.#url))
      throw new RegistryError("INSTANCE_INVALID", `${serviceUrlId(url)} is another registration`);
    this.#url = url;
    this.store.put(url, this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    this.store.remove(this.#url, this);
  }
}
