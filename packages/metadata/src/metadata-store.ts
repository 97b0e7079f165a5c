import { type Clock, emptyRevision, type MetadataInfo, systemClock } from "@dubbo-ts/core";

/** What a {@link MetadataStore} keeps. */
export interface MetadataStoreOptions {
  /** How many revisions are kept whatever their age. Default 16, as in Java. */
  readonly capacity?: number;
  /** How long a revision stays after a newer one took its place. Default ten minutes, as in Java. */
  readonly keepMs?: number;
  readonly clock?: Clock;
}

interface Kept {
  readonly metadata: MetadataInfo;
  /** When a newer revision took its place; Infinity while it is the present one. */
  replacedAtMs: number;
}

/**
 * The last revisions of this application's metadata: a consumer may hold a list of instances from before the
 * last change and ask for the revision that stood there (app-level discovery 6.7).
 */
export class MetadataStore {
  readonly #kept = new Map<string, Kept>();
  readonly #capacity: number;
  readonly #keepMs: number;
  readonly #clock: Clock;

  constructor({ capacity = 16, keepMs = 600_000, clock = systemClock }: MetadataStoreOptions = {}) {
    this.#capacity = capacity;
    this.#keepMs = keepMs;
    this.#clock = clock;
  }

  /** Makes `metadata` the present revision; earlier ones stay answerable for a while. */
  offer(metadata: MetadataInfo): void {
    const nowMs = this.#clock.monotonicMs();
    for (const kept of this.#kept.values()) kept.replacedAtMs = Math.min(kept.replacedAtMs, nowMs);
    this.#kept.delete(metadata.revision); // a revision that returns becomes the newest again
    if (metadata.revision !== emptyRevision)
      this.#kept.set(metadata.revision, { metadata, replacedAtMs: Number.POSITIVE_INFINITY });
    for (const [revision, { replacedAtMs }] of this.#kept) {
      if (this.#kept.size <= this.#capacity) break;
      if (nowMs - replacedAtMs >= this.#keepMs) this.#kept.delete(revision);
    }
  }

  /** Undefined for a revision that was never offered, or too long ago. */
  lookup(revision: string): MetadataInfo | undefined {
    return this.#kept.get(revision)?.metadata;
  }
}
