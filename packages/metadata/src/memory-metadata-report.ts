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

  /** Keeps `metadata` under its application and revision. */
  put(metadata: MetadataInfo): void {
    this.#metadata.set(keyOf(metadata.application, metadata.revision), metadata);
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
    const readers = this.#readers.get(serviceInterface) ?? new Set();
    this.#readers.set(serviceInterface, readers.add(reader));
    reader.set(this.readMapping(serviceInterface).applications);
    return () => {
      readers.delete(reader);
      if (readers.size === 0 && this.#readers.get(serviceInterface) === readers)
        this.#readers.delete(serviceInterface);
    };
  }
}

/** A metadata report within this process. Disposing it leaves the `store` and its other reports as they are. */
export function memoryMetadataReport(store: MemoryMetadataStore = new MemoryMetadataStore()): MetadataReport {
  return new MemoryMetadataReport(store);
}

class MemoryMetadataReport implements MetadataReport {
  readonly #readers = new Set<Latest<ReadonlySet<string>>>();
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

  async *watchMapping(
    serviceInterface: string,
    signal: AbortSignal,
  ): AsyncGenerator<ReadonlySet<string>, void, undefined> {
    if (signal.aborted || this.#closed) return;
    const reader = new Latest<ReadonlySet<string>>();
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed) throw new MetadataError("METADATA_UNAVAILABLE", "this metadata report is closed");
  }
}

function keyOf(application: string, revision: string): string {
  return `${application}\n${revision}`;
}
