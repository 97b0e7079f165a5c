import { type Runtime, sleep } from "@dubbo-ts/core";
import { type EtcdClient, type KeyValue, type Snapshot, watchKeys } from "@dubbo-ts/etcd-client";

/** What is put again. */
export interface OwnKey {
  verify(options?: { readonly write?: boolean }): void;
}

/** Whose keys are watched. */
export interface GoConsumersOptions {
  readonly client: EtcdClient;
  readonly runtime: Runtime;
  /** `/services/{application}/`. */
  readonly prefix: string;
  readonly resyncMs: number | undefined;
}

/** Of all that could help, most wait until one has; none is so quick that a consumer is not yet watching again. */
const [minDelayMs, maxDelayMs] = [100, 500];

/**
 * A running dubbo-go consumer looks at the instances of an application only when an existing key is overwritten: a key that
 * appears or goes tells it nothing, so it calls a dead provider for ever (peers GB9). While anything of an application is
 * registered here, one of its keys is put again after a sibling's came or went, unless somebody else was quicker:
 * any overwriting makes such a consumer list all. It opens its watch anew after each event and misses what is written
 * meanwhile, often the second write of a key that came: so there is a third, a moment later.
 */
export class GoConsumers implements AsyncDisposable {
  readonly #keys = new Map<string, OwnKey>();
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  #before: Snapshot | undefined;
  /** A change that no consumer has been told of: the revision of the store before it. */
  #untold: bigint | undefined;
  /** A key of ours came. */
  #isNews = false;
  #telling: Promise<void> | undefined;

  constructor(private readonly options: GoConsumersOptions) {
    this.#watching = this.#watch();
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  add(key: string, own: OwnKey): void {
    this.#keys.set(key, own);
    this.#isNews = true;
    this.#telling ??= this.#tellLater();
  }

  remove(key: string): void {
    this.#keys.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    await this.#telling;
  }

  /** Never rejects: without it only Go's consumers are worse off. */
  async #watch(): Promise<void> {
    const { client, prefix, resyncMs, runtime } = this.options;
    try {
      for await (const next of watchKeys(
        client,
        { prefix },
        { signal: this.#stop.signal, resyncMs, settleMs: 0 },
      ))
        this.#onChange(next);
    } catch (err) {
      if (!this.#stop.signal.aborted)
        runtime.log.warn({ err, prefix }, "siblings are not watched for Go's sake");
    }
  }

  #onChange(next: Snapshot): void {
    const before = this.#before;
    this.#before = next;
    for (const [key, own] of this.#keys) if (!next.entries.has(key)) own.verify();
    if (before === undefined) return;
    if (wasOverwritten(next, this.#untold ?? before.revision)) this.#untold = undefined;
    else if (this.#cameOrWent(before, next)) this.#untold ??= before.revision;
    if (this.#untold !== undefined) this.#telling ??= this.#tellLater();
  }

  /** Our own keys are put twice when they come. */
  #cameOrWent(before: Snapshot, next: Snapshot): boolean {
    for (const key of before.entries.keys()) if (!next.entries.has(key) && !this.#keys.has(key)) return true;
    for (const [key, entry] of next.entries) if (isNew(entry, before) && !this.#keys.has(key)) return true;
    return false;
  }

  async #tellLater(): Promise<void> {
    const { clock, random } = this.options.runtime;
    try {
      const delayMs = minDelayMs + random() * (maxDelayMs - minDelayMs);
      await sleep(clock, delayMs, this.#stop.signal, { background: true });
    } catch {
      return; // given up
    } finally {
      this.#telling = undefined;
    }
    const [own] = this.#keys.values();
    if ((this.#untold === undefined && !this.#isNews) || own === undefined) return;
    this.#untold = undefined;
    this.#isNews = false;
    own.verify({ write: true });
  }
}

/** It came while we looked, or it went and came again. */
function isNew({ key, createRevision }: KeyValue, before: Snapshot): boolean {
  return before.entries.get(key)?.createRevision !== createRevision;
}

/** After everything that came or went since `revision`, a key that existed was written. */
function wasOverwritten({ entries }: Snapshot, revision: bigint): boolean {
  let [newest, overwritten] = [0n, 0n];
  for (const { modRevision, createRevision } of entries.values()) {
    if (modRevision <= revision) continue;
    if (createRevision > newest) newest = createRevision;
    if (modRevision > createRevision && modRevision > overwritten) overwritten = modRevision;
  }
  return overwritten > newest && overwritten > revision;
}
