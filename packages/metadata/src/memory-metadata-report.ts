import { Latest, MetadataError, type MetadataInfo } from "@dubbo-ts/core";
import type { MappingRecord, MetadataReport } from "./metadata-report.js";

/**
 * What the in-memory metadata reports of one process share: make one, and give it to the
 * {@link memoryMetadataReport} of each application.
 */
export class MemoryMetadataStore {
  readonly #metadata = new Map<string, MetadataInfo>();
  readonly #mappings = new Map<
    string,
    { readonly applications: ReadonlySet<string>; readonly version: number }
  >();
  readonly #readers = new Map<string, Set<Latest<ReadonlySet<string>>>>();
  readonly #presenceReaders = new Map<string, Set<Latest<boolean>>>();

  /** Keeps `metadata` under its application and revision. */
  put(metadata: MetadataInfo): void {
    const key = keyOf(metadata.application, metadata.revision);
    const isNew = !this.#metadata.has(key);
    this.#metadata.set(key, metadata);
    if (isNew) for (const reader of this.#presenceReaders.get(key) ?? []) reader.set(true);
  }

  /** Forgets everything, as a server does whose data were wiped; readers are told. */
  wipe(): void {
    const lost = [...this.#metadata.keys()];
    const unmapped = [...this.#mappings.keys()];
    this.#metadata.clear();
    this.#mappings.clear();
    for (const key of lost) for (const reader of this.#presenceReaders.get(key) ?? []) reader.set(false);
    for (const name of unmapped) for (const reader of this.#readers.get(name) ?? []) reader.set(new Set());
  }

  /** Undefined: nothing under that revision. */
  get(application: string, revision: string): MetadataInfo | undefined {
    return this.#metadata.get(keyOf(application, revision));
  }

  readMapping(serviceInterface: string): MappingRecord {
    const mapping = this.#mappings.get(serviceInterface);
    return { applications: new Set(mapping?.applications), version: mapping && String(mapping.version) };
  }

  /** False when `next.version` is not the present one. */
  writeMapping(serviceInterface: string, next: MappingRecord): boolean {
    const version = this.#mappings.get(serviceInterface)?.version;
    if ((version === undefined ? undefined : String(version)) !== next.version) return false;
    const applications = new Set(next.applications);
    this.#mappings.set(serviceInterface, { applications, version: (version ?? 0) + 1 });
    for (const reader of this.#readers.get(serviceInterface) ?? []) reader.set(applications);
    return true;
  }

  /** Gives `reader` the applications now and after each change; the result ends that. */
  follow(serviceInterface: string, reader: Latest<ReadonlySet<string>>): () => void {
    reader.set(this.readMapping(serviceInterface).applications);
    return join(this.#readers, serviceInterface, reader);
  }

  /** Tells `reader` whether there is something under that revision, now and after each change; the result ends that. */
  followPresence(application: string, revision: string, reader: Latest<boolean>): () => void {
    reader.set(this.get(application, revision) !== undefined);
    return join(this.#presenceReaders, keyOf(application, revision), reader);
  }
}

/** A metadata report within this process. Disposing it leaves the `store` and its other reports as they are. */
export function memoryMetadataReport(store: MemoryMetadataStore = new MemoryMetadataStore()): MetadataReport {
  return new MemoryMetadataReport(store);
}

class MemoryMetadataReport implements MetadataReport {
  readonly #readers = new Set<{ end(): void }>();
  #closed = false;

  constructor(private readonly store: MemoryMetadataStore) {}

  async publish(metadata: MetadataInfo, signal: AbortSignal): Promise<void> {
    this.#check(signal);
    this.store.put(metadata);
  }

  async fetch(application: string, revision: string, signal: AbortSignal): Promise<MetadataInfo | undefined> {
    this.#check(signal);
    return this.store.get(application, revision);
  }

  async readMapping(serviceInterface: string, signal: AbortSignal): Promise<MappingRecord> {
    this.#check(signal);
    return this.store.readMapping(serviceInterface);
  }

  async writeMapping(serviceInterface: string, next: MappingRecord, signal: AbortSignal): Promise<boolean> {
    this.#check(signal);
    return this.store.writeMapping(serviceInterface, next);
  }

  watchMetadata(application: string, revision: string, signal: AbortSignal): AsyncIterable<boolean> {
    return this.#follow(signal, (reader) => this.store.followPresence(application, revision, reader));
  }

  watchMapping(serviceInterface: string, signal: AbortSignal): AsyncIterable<ReadonlySet<string>> {
    return this.#follow(signal, (reader) => this.store.follow(serviceInterface, reader));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
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
    if (this.#closed) throw new MetadataError("METADATA_UNAVAILABLE", "this metadata report is closed");
  }
}

/** Adds `reader` to those of `key`; the result takes it out again. */
function join<T>(readers: Map<string, Set<T>>, key: string, reader: T): () => void {
  const joined = readers.get(key) ?? new Set();
  readers.set(key, joined.add(reader));
  return () => {
    joined.delete(reader);
    if (joined.size === 0 && readers.get(key) === joined) readers.delete(key);
  };
}

function keyOf(application: string, revision: string): string {
  return `${application}\n${revision}`;
}
