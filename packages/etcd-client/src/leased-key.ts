import { closedError, type EtcdClient } from "./client.js";
import { EtcdError, isEtcdError, passingCodes } from "./errors.js";
import type { KeptLease } from "./kept-lease.js";
import type { KeyValue } from "./key-value.js";
import type { CallOptions } from "./session.js";
import type { Operation } from "./txn.js";
import { backoffMs, Bell } from "./waiting.js";

/** A key to be kept. */
export interface LeasedKeyOptions {
  readonly key: string;
  readonly value: Uint8Array;
  readonly lease: KeptLease;
  /** The key is looked at after so long, at random half as long again. Default: the lease's time. */
  readonly verifyMs?: number | undefined;
  /** A key that was made is written once more, for readers that see changes of keys only. Default false. */
  readonly writeTwice?: boolean | undefined;
}

/** So often in a row somebody else may come in between. */
const maxRaces = 20;
const retryCapMs = 5_000;
/** How long its removal may take when it is given up. */
const removeMs = 1_000;

interface Waiter {
  readonly serial: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The desired state of one key of a lease, and the loop that makes it so: after a lost answer, a new lease, a reconnect
 * or a deletion by somebody else the key is put again, and what is there is read back each time. A key of another lease
 * that is in the way at first is a ghost of an earlier life: it is replaced in one step, without a moment of absence. Later,
 * one that somebody else put in the place of ours is left alone until it goes: the newest owner wins. Disposing it
 * deletes the key if it is ours.
 */
export class LeasedKey implements AsyncDisposable {
  readonly #bell: Bell;
  readonly #closing = new AbortController();
  readonly #unlisten: readonly (() => void)[];
  readonly #waiters = new Set<Waiter>();
  #value: Buffer;
  /** What was read back last. */
  #established: KeyValue | undefined;
  #serial = 0;
  /** It is to be written again though its value is right. */
  #touch = false;
  readonly #running: Promise<void>;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly client: EtcdClient,
    private readonly options: LeasedKeyOptions,
  ) {
    this.#value = Buffer.from(options.value);
    this.#bell = new Bell(client.environment.clock);
    this.#unlisten = [
      client.listen((event) => {
        if (event.type === "connected") this.#bell.ring();
      }),
      options.lease.listen(() => this.#bell.ring()),
    ];
    options.lease.want();
    this.#running = this.#run();
  }

  /** Writes a new value in place; resolves when it was read back. Later calls win, and settle earlier ones too. */
  update(value: Uint8Array, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#closing.signal.aborted) return reject(closedError("the key"));
      this.#value = Buffer.from(value);
      this.#serial += 1;
      const onAbort = () => waiter.reject(signal.reason);
      const settled = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        serial: this.#serial,
        resolve: () => (settled(), resolve()),
        reject: (error) => (settled(), reject(error)),
      };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#bell.ring();
    });
  }

  /** Looks soon whether all is as it should be; with `write` the same value is written once more. */
  verify({ write = false }: { readonly write?: boolean } = {}): void {
    this.#touch ||= write;
    this.#bell.ring();
  }

  /** Gives up after a second, when only the end of the lease removes the key. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = closedError("the key");
    this.#closing.abort(closed);
    for (const unlisten of this.#unlisten) unlisten();
    this.#bell.ring();
    await this.#running;
    for (const waiter of this.#waiters) waiter.reject(closed);
    if (this.client.connected && (await this.#remove())) return;
    // The lease may live on for the sake of other keys.
    const unlisten = this.client.listen((event) => {
      if (event.type === "connected") void this.#remove().then((done) => done && unlisten());
    });
  }

  /** True: it is gone, or not ours. Never rejects. */
  async #remove(): Promise<boolean> {
    const { key, lease } = this.options;
    const limits = { timeoutMs: removeMs };
    try {
      for (let round = 0; round < maxRaces; round += 1) {
        const found = await this.client.get(key, limits);
        if (found === undefined || !lease.isOurs(found.lease)) return true;
        if (await this.#replace(found, { type: "delete", range: { key } }, limits)) return true;
      }
      return false;
    } catch (err) {
      if (isEtcdError(err, "CLOSED")) return true;
      this.client.environment.log.debug({ err, key }, "a key could not be deleted");
      return false;
    }
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      const serial = this.#serial;
      try {
        const done = await this.#reconcile(this.#value);
        failures = 0;
        if (done) for (const waiter of this.#waiters) if (waiter.serial <= serial) waiter.resolve();
        const verifyMs = this.options.verifyMs ?? this.options.lease.ttlMs;
        await this.#bell.wait(verifyMs * (1 + this.client.environment.random() / 2));
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#onFailure(error, failures);
        await this.#bell.wait(backoffMs(this.client.environment, failures, 100, retryCapMs));
        failures += 1;
      }
    }
  }

  /** Those who wait are told of what does not pass by itself; the loop goes on with the last value that was accepted. */
  #onFailure(error: unknown, failures: number): void {
    const level = failures === 0 && this.client.connected ? "warn" : "debug";
    this.client.environment.log[level](
      { err: error, key: this.options.key },
      "could not keep a key, trying again",
    );
    if (isEtcdError(error, ...passingCodes)) return;
    this.#value = this.#established?.value ?? this.#value;
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  /** False: there is no lease yet. */
  async #reconcile(value: Buffer): Promise<boolean> {
    const { lease, key } = this.options;
    for (let round = 0; round < maxRaces; round += 1) {
      const { id } = lease;
      if (id === undefined) {
        if (lease.failure !== undefined && !isEtcdError(lease.failure, ...passingCodes)) throw lease.failure;
        return false;
      }
      try {
        if (await this.#step(id, value)) return true;
      } catch (error) {
        if (!isEtcdError(error, "LEASE_NOT_FOUND")) throw error;
        lease.lost(id);
      }
    }
    throw new EtcdError("SERVER_ERROR", `somebody else keeps changing ${key}`);
  }

  /** One look and at most one change. True: it is as it should be. */
  async #step(lease: bigint, value: Buffer): Promise<boolean> {
    const { key, writeTwice = false } = this.options;
    const found = await this.client.get(key, this.#limits);
    const put: Operation = { type: "put", key, value, lease };
    if (found === undefined) {
      this.#touch = writeTwice;
      await this.#create(put);
      return false;
    }
    if (!this.options.lease.isOurs(found.lease)) return this.#meetOther(found, put);
    if (found.lease === lease) this.#established = found;
    const isRight = found.lease === lease && found.value.equals(value);
    if (isRight && !this.#touch) return true;
    if (await this.#replace(found, put, this.#limits)) this.#touch = false;
    return false;
  }

  /** A ghost is replaced; a newer owner is left alone. */
  async #meetOther(found: KeyValue, put: Operation): Promise<boolean> {
    const { log } = this.client.environment;
    const [key, owner] = [found.key, found.lease.toString(16)];
    if (this.#established !== undefined) {
      log.warn({ key, owner }, "somebody else has taken the place of our key");
      return true;
    }
    log.info({ key, owner }, "replacing a key that an earlier life left behind");
    await this.#replace(found, put, this.#limits);
    return false;
  }

  async #create(put: Operation): Promise<void> {
    const compare = [{ key: this.options.key, createRevision: 0n }];
    await this.client.txn({ compare, success: [put] }, this.#limits);
  }

  /** False, and nothing is done: it is not any more what was found. */
  async #replace(found: KeyValue, operation: Operation, limits: CallOptions): Promise<boolean> {
    const compare = [{ key: found.key, modRevision: found.modRevision }];
    const { succeeded } = await this.client.txn({ compare, success: [operation] }, limits);
    return succeeded;
  }

  get #limits(): { readonly signal: AbortSignal } {
    return { signal: this.#closing.signal };
  }
}
