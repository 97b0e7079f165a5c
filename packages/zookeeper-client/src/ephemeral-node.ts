import type { ZooKeeperClient } from "./client.js";
import { ensurePath, parentOf } from "./ensure-path.js";
import { isZooKeeperError, ZooKeeperError } from "./errors.js";
import type { Stat } from "./records.js";
import type { Watcher } from "./watch-table.js";

/** A node to be kept alive. */
export interface EphemeralNodeOptions {
  readonly path: string;
  readonly data: Uint8Array;
  /** How missing nodes above it are made. Default `container`. */
  readonly parents?: "persistent" | "container" | undefined;
  /** The node is looked at after so long, at random half as long again. Default 60,000 ms. */
  readonly verifyMs?: number | undefined;
}

/** Errors that pass by themselves. */
const passing = [
  "CONNECTION_LOSS",
  "TIMEOUT",
  "SESSION_EXPIRED",
  "SESSION_MOVED",
  "NOT_READ_ONLY",
  "SERVER_ERROR",
] as const;

/** Another state came in between; look again. */
const races = ["NO_NODE", "NODE_EXISTS", "BAD_VERSION"] as const;

/** So often in a row somebody else may come in between. */
const maxRaces = 20;
const retryCapMs = 5_000;

/**
 * Creates the node and keeps it: after a lost answer, a new session or a deletion by somebody else it is created
 * again, and what is there is read back each time. A node of another session that is in the way at first is a ghost of an
 * earlier life: it is replaced in one step, without a moment of absence. Later, a node that somebody else put in the
 * place of ours is left alone until it goes: the newest owner wins.
 *
 * Goes on trying until `signal` aborts, and then rejects with its reason.
 * @throws {ZooKeeperError} what does not pass by itself: NO_AUTH, TOO_LARGE, NOT_ZOOKEEPER …
 */
export async function holdEphemeral(
  client: ZooKeeperClient,
  options: EphemeralNodeOptions,
  signal: AbortSignal,
): Promise<EphemeralNode> {
  const node = new EphemeralNode(client, options);
  try {
    await node.update(options.data, signal);
    return node;
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
}

interface Waiter {
  readonly serial: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** The desired state of one ephemeral node, and the loop that makes it so. Disposing it deletes the node. */
export class EphemeralNode implements AsyncDisposable {
  readonly #closing = new AbortController();
  readonly #watcher: Watcher = { onEvent: () => this.#poke() };
  readonly #unlisten: () => void;
  readonly #waiters = new Set<Waiter>();
  /** Sessions of this client. */
  readonly #ours = new Set<bigint>();
  #data: Uint8Array;
  /** What was read back last: its data, and which node of that path it was. */
  #established: { readonly data: Uint8Array; readonly stat: Stat } | undefined;
  #serial = 0;
  #poked = false;
  #wake: (() => void) | undefined;
  readonly #running: Promise<void>;
  #closed: Promise<void> | undefined;

  /** Authors use {@link holdEphemeral}. */
  constructor(
    private readonly client: ZooKeeperClient,
    private readonly options: EphemeralNodeOptions,
  ) {
    this.#data = options.data;
    this.#unlisten = client.listen((event) => {
      if (event.type !== "connected") return;
      this.#ours.add(client.sessionId);
      this.#poke();
    });
    this.#ours.add(client.sessionId);
    this.#running = this.#run();
  }

  /** Writes new data in place; resolves when it was read back. Later calls win, and settle earlier ones too. */
  update(data: Uint8Array, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#closing.signal.aborted) return reject(new ZooKeeperError("CLOSED", "the node was given up"));
      this.#data = data;
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
      this.#poke();
    });
  }

  /** Deletes the node if it is ours; gives up after two seconds, when only the end of the session does it. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = new ZooKeeperError("CLOSED", "the node was given up");
    this.#closing.abort(closed);
    this.#unlisten();
    this.#poke();
    await this.#running;
    this.client.unwatch(this.#watcher);
    for (const waiter of this.#waiters) waiter.reject(closed);
    if (this.client.connected && (await this.#remove())) return;
    if (this.#established !== undefined) this.#removeLater();
  }

  /** True: it is gone, or not ours. Never rejects. */
  async #remove(): Promise<boolean> {
    const { path } = this.options;
    const options = { timeoutMs: 1_000 };
    try {
      const stat = await this.client.exists(path, options);
      if (stat !== undefined && this.#isOurs(stat)) await this.client.delete(path, stat.version, options);
      return true;
    } catch (err) {
      if (isZooKeeperError(err, "NO_NODE", "CLOSED")) return true;
      this.client.environment.log.debug({ err, path }, "an ephemeral node could not be deleted");
      return false;
    }
  }

  /** The server is away: the node goes with the session, or else when the server is back. */
  #removeLater(): void {
    const unlisten = this.client.listen((event) => {
      if (event.type === "connected") void this.#remove().then((done) => done && unlisten());
    });
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      const serial = this.#serial;
      this.#poked = false;
      try {
        await this.#reconcile(this.#data);
        failures = 0;
        for (const waiter of this.#waiters) if (waiter.serial <= serial) waiter.resolve();
        await this.#wait((this.options.verifyMs ?? 60_000) * (1 + this.client.environment.random() / 2));
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#onFailure(error);
        await this.#wait(this.#backoffMs(failures));
        failures += 1;
      }
    }
  }

  /** Those who wait are told of what does not pass by itself; the loop goes on with the last state that was accepted. */
  #onFailure(error: unknown): void {
    const { log } = this.client.environment;
    log.warn({ err: error, path: this.options.path }, "could not keep an ephemeral node, trying again");
    if (isZooKeeperError(error, ...passing)) return;
    this.#data = this.#established?.data ?? this.#data;
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  #backoffMs(failures: number): number {
    return this.client.environment.random() * Math.min(retryCapMs, 100 * 2 ** Math.min(failures, 20));
  }

  async #reconcile(data: Uint8Array): Promise<void> {
    for (let round = 0; round < maxRaces; round += 1) {
      try {
        if (await this.#step(data)) return;
      } catch (error) {
        if (!isZooKeeperError(error, ...races)) throw error;
      }
    }
    throw new ZooKeeperError("SERVER_ERROR", "somebody else keeps changing the node", this.options.path);
  }

  /** One look and at most one change. True: it is as it should be. */
  async #step(data: Uint8Array): Promise<boolean> {
    const { path } = this.options;
    const found = await this.#look();
    if (found === undefined) {
      await this.#create(data);
      return false;
    }
    if (!this.#isOurs(found.stat)) return this.#meetOther(found.stat, data);
    this.#established = found;
    if (found.data.equals(data)) return true;
    await this.client.setData(path, data, found.stat.version, this.#limits);
    return false;
  }

  async #look(): Promise<{ readonly data: Buffer; readonly stat: Stat } | undefined> {
    try {
      return await this.client.getData(this.options.path, { ...this.#limits, watcher: this.#watcher });
    } catch (error) {
      if (!isZooKeeperError(error, "NO_NODE")) throw error;
      return undefined;
    }
  }

  async #create(data: Uint8Array): Promise<void> {
    const { path, parents = "container" } = this.options;
    const create = () => this.client.create(path, data, { mode: "ephemeral", ...this.#limits });
    try {
      await create();
    } catch (error) {
      if (!isZooKeeperError(error, "NO_NODE")) throw error;
      await ensurePath(this.client, parentOf(path), parents, this.#limits);
      await create();
    }
  }

  /** A ghost is replaced; a newer owner is left alone. */
  async #meetOther(stat: Stat, data: Uint8Array): Promise<boolean> {
    const { path } = this.options;
    const owner = `0x${stat.ephemeralOwner.toString(16)}`;
    const { log } = this.client.environment;
    if (this.#established !== undefined && !this.#ours.has(stat.ephemeralOwner)) {
      log.warn({ path, owner }, "somebody else has taken the place of our node");
      return true;
    }
    log.info({ path, owner }, "replacing a node that an earlier session left behind");
    await this.client.multi(
      [
        { type: "delete", path, version: stat.version },
        { type: "create", path, data, mode: "ephemeral" },
      ],
      this.#limits,
    );
    return false;
  }

  get #limits(): { readonly signal: AbortSignal } {
    return { signal: this.#closing.signal };
  }

  #isOurs(stat: Stat): boolean {
    return stat.ephemeralOwner !== 0n && stat.ephemeralOwner === this.client.sessionId;
  }

  #poke(): void {
    this.#poked = true;
    this.#wake?.();
  }

  /** Until something happened, at most `delayMs`. */
  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#poked) return resolve();
      const timer = this.client.environment.clock.setTimeout(resolve, delayMs, { background: true });
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
