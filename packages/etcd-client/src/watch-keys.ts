import type { EtcdClient } from "./client.js";
import type { ConnectionEvent } from "./session.js";
import { type EtcdError, isEtcdError, passingCodes } from "./errors.js";
import { type KeyRange, type KeyValue, keyValue, sameWriting } from "./key-value.js";
import { backoffMs, Bell } from "./waiting.js";
import type { WireEvent } from "./wire.js";

/** How to watch. */
export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Everything is read again after so long, at random half as long again, whatever was told. Default 60,000 ms. */
  readonly resyncMs?: number | undefined;
  /** How long after a reconnect what was read does not count as settled. Default 15,000 ms. */
  readonly settleMs?: number | undefined;
  /** True: values are left empty wherever keys are read, for who wants to know only what is there. Default false. */
  readonly keysOnly?: boolean | undefined;
}

/** All keys of a range at one moment. */
export interface Snapshot {
  /** By key. What did not change is the same object as before. */
  readonly entries: ReadonlyMap<string, KeyValue>;
  /** Of the store: all changes up to it are in `entries`. */
  readonly revision: bigint;
  /**
   * False so soon after a reconnect that others, who lost the same server, may not be back yet. What is there is then
   * yielded once more when that time is over.
   */
  readonly settled: boolean;
}

/**
 * Yields all keys of `range`, then all again after each change; a slow reader skips what lies between. A watch that
 * broke goes on from its revision; when that is not kept any more, when the store has gone back, some time after each
 * reconnect and every minute or so everything is read again. While no server answers it yields nothing. Ends when the
 * signal aborts. Failures are tried again; one that cannot pass by itself (PERMISSION_DENIED, CLOSED …) is thrown, but
 * once something was yielded only CLOSED is.
 */
export async function* watchKeys(
  client: EtcdClient,
  range: KeyRange,
  options: WatchOptions,
): AsyncGenerator<Snapshot, void, undefined> {
  const watcher = new KeyWatcher(client, range, options);
  let last: Snapshot | undefined;
  try {
    for (let failures = 0; !options.signal.aborted; ) {
      let retryMs: number | undefined;
      try {
        await watcher.catchUp();
        failures = 0;
        const next = watcher.snapshot(last);
        if (next !== undefined) yield (last = next);
      } catch (error) {
        if (options.signal.aborted) return;
        if (isFinal(error, last !== undefined)) throw error;
        const level = failures === 0 ? "warn" : "debug";
        client.environment.log[level]({ err: error, ...range }, "could not read from etcd, trying again");
        retryMs = 20 + backoffMs(client.environment, failures, 100, 5_000);
        failures += 1;
      }
      await watcher.wait(retryMs);
    }
  } finally {
    watcher.stop();
  }
}

function isFinal(error: unknown, begun: boolean): boolean {
  if (isEtcdError(error, ...passingCodes)) return false;
  return !begun || !(error instanceof Error) || isEtcdError(error, "CLOSED");
}

const never = Number.POSITIVE_INFINITY;

/** The keys of a range as far as they are known, and when something is to be done about it. */
class KeyWatcher {
  readonly #bell: Bell;
  readonly #unlisten: () => void;
  readonly #onAbort = () => this.#bell.ring();
  #entries = new Map<string, KeyValue>();
  /** Something differs from what was yielded last. */
  #changed = true;
  /** What the server says cannot be gone on with: everything is to be read. */
  #stale = true;
  #resyncAtMs = never;
  /** Monotonic; what was read before does not count as settled. */
  #settledAtMs = 0;
  /** Everything was read since then. */
  #settled = true;
  /** Highest revision of the store that any answer had. */
  #seen = 0n;
  /** Everything up to it is in the entries. */
  #applied = 0n;
  #stopWatch: (() => void) | undefined;
  /** A watch that ended: when to begin anew. */
  #watchFailure: EtcdError | undefined;

  constructor(
    private readonly client: EtcdClient,
    private readonly range: KeyRange,
    private readonly options: WatchOptions,
  ) {
    this.#bell = new Bell(client.environment.clock);
    this.#unlisten = client.listen((event) => this.#onConnection(event));
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#onReconnect();
  }

  /** Reads everything when that is due, and watches from there on. */
  async catchUp(): Promise<void> {
    if (this.#stale || this.#now >= this.#resyncAtMs) await this.#readAll();
    const failure = this.#watchFailure;
    this.#watchFailure = undefined;
    // It broke although there is a connection, or its end is not known yet: not again at once.
    if (failure !== undefined && this.client.connected) throw failure;
    if (this.#stopWatch === undefined && this.client.connected) this.#watch();
  }

  /** What is to be yielded after `last`; undefined: nothing new. */
  snapshot(last: Snapshot | undefined): Snapshot | undefined {
    const [revision, settled] = [this.#applied, this.#settled];
    if (last === undefined || this.#changed) {
      this.#changed = false;
      return { entries: new Map(this.#entries), revision, settled };
    }
    return settled && !last.settled ? { entries: last.entries, revision, settled } : undefined;
  }

  /** Until something is to be done. */
  async wait(retryMs: number | undefined): Promise<void> {
    if (this.options.signal.aborted) return;
    await this.#bell.wait(retryMs ?? Math.min(0x7fff_ffff, Math.max(1, this.#resyncAtMs - this.#now)));
  }

  stop(): void {
    this.#unlisten();
    this.options.signal.removeEventListener("abort", this.#onAbort);
    this.#endWatch();
  }

  get #now(): number {
    return this.client.environment.clock.monotonicMs();
  }

  #onConnection(event: ConnectionEvent): void {
    if (event.type === "connected") this.#onReconnect();
    if (event.type === "closed") this.#stale = true; // reading tells so
    if (event.type !== "disconnected") this.#bell.ring();
  }

  /** What is seen now may not be the whole truth; when others are back everything is read again, not all at once. */
  #onReconnect(): void {
    const { reconnectedMs, environment } = this.client;
    if (reconnectedMs === undefined) return;
    const settleMs = this.options.settleMs ?? 15_000;
    this.#settledAtMs = reconnectedMs + settleMs * (1 + environment.random() / 4);
    this.#settled = false;
    this.#resyncAtMs = Math.min(this.#resyncAtMs, this.#settledAtMs);
  }

  async #readAll(): Promise<void> {
    const [seen, begunMs] = [this.#seen, this.#now];
    const { signal, keysOnly } = this.options;
    const { entries, revision } = await this.client.list(this.range, { signal, keysOnly });
    const wentBack = revision < seen;
    if (wentBack) {
      this.client.environment.log.warn({ ...this.range, revision, seen }, "the store has gone back");
      this.#endWatch();
      this.#seen = revision;
    } else if (revision < this.#applied) {
      // Older than what the watch has told meanwhile.
      return this.#bell.ring();
    }
    this.#replace(entries);
    this.#saw(revision);
    this.#applied = revision;
    this.#stale = false;
    this.#settled = begunMs >= this.#settledAtMs;
    const resyncMs = (this.options.resyncMs ?? 60_000) * (1 + this.client.environment.random() / 2);
    this.#resyncAtMs = this.#settled ? this.#now + resyncMs : this.#settledAtMs;
  }

  /** Exactly what differs becomes a new object. */
  #replace(entries: readonly KeyValue[]): void {
    const next = new Map<string, KeyValue>();
    for (const entry of entries) {
      const before = this.#entries.get(entry.key);
      const kept = before !== undefined && sameWriting(before, entry);
      if (!kept) this.#changed = true;
      next.set(entry.key, kept ? before : entry);
    }
    if (next.size !== this.#entries.size) this.#changed = true;
    this.#entries = next;
  }

  #watch(): void {
    let ended = false;
    const stop = this.client.watch(this.range, this.#applied + 1n, {
      onCreated: (revision) => this.#onCreated(revision),
      onEvents: (events, revision) => this.#onEvents(events, revision),
      onProgress: (revision) => {
        this.#saw(revision);
        if (revision > this.#applied) this.#applied = revision;
      },
      onEnd: (error) => {
        ended = true;
        this.#onWatchEnd(error);
      },
    });
    if (!ended) this.#stopWatch = stop;
  }

  /** A server that has less than was seen lags behind the others, or holds an older state: reading tells which. */
  #onCreated(revision: bigint): void {
    if (revision >= this.#seen) return;
    this.#stale = true;
    this.#bell.ring();
  }

  #onEvents(events: readonly WireEvent[], revision: bigint): void {
    this.#saw(revision);
    for (const { type, kv } of events) {
      if (kv.modRevision <= this.#applied) continue; // read already
      const entry = keyValue(kv);
      if (type === 0) this.#entries.set(entry.key, entry);
      else this.#entries.delete(entry.key);
      this.#changed = true;
    }
    // The header's revision may be ahead of events that are still to come.
    const newest = events.at(-1)?.kv.modRevision ?? 0n;
    if (newest > this.#applied) this.#applied = newest;
    this.#bell.ring();
  }

  #onWatchEnd(error: EtcdError): void {
    this.#stopWatch = undefined;
    // For the rest reading finds out what is wrong, and gets a new token where that is it.
    if (!isEtcdError(error, "UNAVAILABLE")) this.#stale = true;
    if (!isEtcdError(error, "COMPACTED")) this.#watchFailure = error;
    this.#bell.ring();
  }

  #endWatch(): void {
    this.#stopWatch?.();
    this.#stopWatch = undefined;
  }

  #saw(revision: bigint): void {
    if (revision > this.#seen) this.#seen = revision;
  }
}
