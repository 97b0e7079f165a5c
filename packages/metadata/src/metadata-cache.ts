import { type MetadataInfo, type Runtime, type ServiceInstance, sleep } from "@dubbo-ts/core";
import { SharedServices } from "./shared-services.js";

/** Interest in the metadata of one revision. Disposing it ends that; a second time does nothing. */
export interface MetadataHold extends Disposable {
  /** Undefined: not known yet. */
  readonly metadata: MetadataInfo | undefined;
  /** Why the last attempt to fetch it failed. Undefined: none has failed yet, or it is known. */
  readonly error: unknown;
}

/** What a {@link MetadataCache} needs. */
export interface MetadataCacheOptions {
  /** One attempt; it is repeated until it succeeds or nobody wants the revision any more. */
  readonly fetch: (
    application: string,
    revision: string,
    instances: readonly ServiceInstance[],
    signal: AbortSignal,
  ) => Promise<MetadataInfo>;
  readonly runtime: Runtime;
  /** How many revisions are remembered that nobody holds; those that are held always are. Default 256. */
  readonly capacity?: number;
  /** How many fetches run at once; one that takes longer than a second is not counted any more. Default 64. */
  readonly concurrency?: number;
}

interface Holder {
  readonly instances: () => readonly ServiceInstance[];
  readonly onChange: () => void;
}

interface Entry {
  readonly application: string;
  readonly revision: string;
  readonly holders: Set<Holder>;
  metadata: MetadataInfo | undefined;
  contentKey: string | undefined;
  error: unknown;
  fetching: AbortController | undefined;
}

/** The first retry comes after about a second, as good as any; the last ones every ten (app-level discovery 8.4). */
const retryDelays = { baseMs: 1_000, capMs: 10_000 } as const;

/**
 * Metadata by application and revision: one fetch however many ask, for as long as somebody wants it. A failure
 * is never kept: it is tried again by itself, without any new event.
 */
export class MetadataCache implements AsyncDisposable {
  readonly #entries = new Map<string, Entry>();
  /** Known and held by nobody, the oldest first. */
  readonly #unused = new Set<Entry>();
  readonly #shared = new SharedServices();
  readonly #loops = new Set<Promise<void>>();
  readonly #slots: Slots;
  #closed = false;

  constructor(private readonly options: MetadataCacheOptions) {
    this.#slots = new Slots(options.concurrency ?? 64, options.runtime);
  }

  /**
   * Wants the metadata of a revision. Each attempt asks `instances` for those that carry it now; `onChange` is
   * told when the metadata is there and when an attempt failed, never during this call.
   */
  hold(
    application: string,
    revision: string,
    instances: () => readonly ServiceInstance[],
    onChange: () => void,
  ): MetadataHold {
    const entry = this.#entry(application, revision);
    const holder: Holder = { instances, onChange };
    entry.holders.add(holder);
    this.#unused.delete(entry);
    if (entry.metadata === undefined && entry.fetching === undefined && !this.#closed) this.#fetch(entry);
    return {
      get metadata() {
        return entry.metadata;
      },
      get error() {
        return entry.error;
      },
      [Symbol.dispose]: () => this.#release(entry, holder),
    };
  }

  /** What is known of a revision at present. */
  get(application: string, revision: string): MetadataInfo | undefined {
    return this.#entries.get(keyOf(application, revision))?.metadata;
  }

  /** Adds what was learnt elsewhere, from a disk cache for example. */
  seed(metadata: MetadataInfo): void {
    const entry = this.#entry(metadata.application, metadata.revision);
    if (entry.metadata !== undefined) return;
    this.#know(entry, metadata);
    if (entry.holders.size === 0) this.#rest(entry);
  }

  /** How many revisions are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const { fetching } of this.#entries.values())
      fetching?.abort(new Error("the metadata cache is closed"));
    await Promise.all(this.#loops);
    this.#entries.clear();
    this.#unused.clear();
  }

  #entry(application: string, revision: string): Entry {
    const key = keyOf(application, revision);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = {
        application,
        revision,
        holders: new Set(),
        metadata: undefined,
        contentKey: undefined,
        error: undefined,
        fetching: undefined,
      };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #release(entry: Entry, holder: Holder): void {
    if (!entry.holders.delete(holder) || entry.holders.size > 0) return;
    if (entry.metadata !== undefined) return this.#rest(entry);
    entry.fetching?.abort(new Error("nobody wants this revision any more"));
    entry.fetching = undefined;
    this.#entries.delete(keyOf(entry.application, entry.revision));
  }

  #rest(entry: Entry): void {
    this.#unused.add(entry);
    for (const oldest of this.#unused) {
      if (this.#unused.size <= (this.options.capacity ?? 256)) break;
      this.#unused.delete(oldest);
      this.#entries.delete(keyOf(oldest.application, oldest.revision));
      if (oldest.contentKey !== undefined) this.#shared.release(oldest.contentKey);
    }
  }

  #know(entry: Entry, metadata: MetadataInfo): void {
    const shared = this.#shared.share(metadata);
    entry.metadata = shared.metadata;
    entry.contentKey = shared.contentKey;
    entry.error = undefined;
    entry.fetching?.abort(new Error("the metadata is known"));
    entry.fetching = undefined;
    for (const { onChange } of entry.holders) onChange();
  }

  #fetch(entry: Entry): void {
    const controller = new AbortController();
    entry.fetching = controller;
    const loop = this.#fetchUntilKnown(entry, controller.signal).catch(() => {}); // only an abort ends it so
    this.#loops.add(loop);
    void loop.then(() => this.#loops.delete(loop));
  }

  async #fetchUntilKnown(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.options.runtime;
    for (let failures = 0; ; failures++) {
      const release = await this.#slots.acquire(signal);
      try {
        const metadata = await this.options.fetch(entry.application, entry.revision, carriers(entry), signal);
        if (!signal.aborted) this.#know(entry, metadata);
        return;
      } catch (error) {
        signal.throwIfAborted();
        const { application, revision } = entry;
        if (failures === 0)
          log.warn({ why: String(error), application, revision }, "metadata cannot be fetched yet");
        entry.error = error;
        for (const { onChange } of entry.holders) onChange();
      } finally {
        release();
      }
      const delayMs = Math.min(retryDelays.capMs, retryDelays.baseMs * 2 ** Math.min(failures, 10));
      await sleep(clock, delayMs * (0.75 + random() / 4), signal, { background: true });
    }
  }
}

/** The instances that carry the revision now, as those who hold it see them. */
function carriers({ holders }: Entry): readonly ServiceInstance[] {
  const found = new Map<string, ServiceInstance>();
  for (const { instances } of holders) for (const instance of instances()) found.set(instance.id, instance);
  return [...found.values()];
}

/** Bounds how many fetches run at once; one that hangs gives its place back after a second. */
class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(
    size: number,
    private readonly runtime: Runtime,
  ) {
    this.#free = size;
  }

  /** Resolves when there is room, with what gives the place back. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    const release = () => {
      if (released) return;
      released = true;
      timer.cancel();
      this.#pass();
    };
    let released = false;
    const timer = this.runtime.clock.setTimeout(release, 1_000, { background: true });
    return release;
  }

  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else next();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#waiting.delete(onTurn);
        reject(signal.reason);
      };
      const onTurn = () => {
        this.#waiting.delete(onTurn);
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      this.#waiting.add(onTurn);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

function keyOf(application: string, revision: string): string {
  return `${application}\n${revision}`;
}
