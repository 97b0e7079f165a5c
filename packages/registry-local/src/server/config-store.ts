import { createHash } from "node:crypto";
import type { Clock, Timer } from "@dubbo-ts/core";
import type { Connection } from "./connection.js";
import type { Faults } from "./faults.js";
import type { SnapshotFile } from "./snapshot-file.js";

/** The key of a config. `public`, absent and empty are one tenant here: the empty text. */
export interface ConfigKey {
  readonly tenant: string;
  readonly group: string;
  readonly dataId: string;
}

/** What is stored under a key. */
export interface ConfigValue {
  readonly content: string;
  /** Lower-case hexadecimal, of the UTF-8 bytes of `content`. */
  readonly md5: string;
  /** `text`, `json` ... as the client said. */
  readonly type: string;
  readonly lastModified: number;
}

/** A config as the snapshot file has it. */
export interface ConfigEntry extends ConfigKey, Omit<ConfigValue, "md5"> {}

/** What the store needs of its server. */
export interface ConfigContext {
  readonly clock: Clock;
  readonly faults: Faults;
  /** Undefined: kept in memory only. */
  readonly file: SnapshotFile | undefined;
}

/** Pushes are repeated 2, 4, 6 ... s after 3 s without an answer; then the client is unregistered (registries A1.7). */
const retryLimits = { ackTimeoutMs: 3_000, stepMs: 2_000, retries: 50 } as const;

/** The config half: contents with compare-and-set, and who listens to them. */
export class ConfigStore implements Disposable {
  /** What is compared and saved. */
  readonly #values = new Map<string, { readonly entry: ConfigEntry; readonly md5: string }>();
  /** What is read: the same, but for {@link Faults.publishDelayMs}. */
  readonly #shown = new Map<string, ConfigValue>();
  /** By key: the listening connections, with the tenant as they spell it. */
  readonly #listeners = new Map<string, Map<Connection, string>>();
  readonly #met = new WeakSet<Connection>();
  readonly #timers = new Set<Timer>();
  readonly #context: ConfigContext;

  constructor(entries: readonly ConfigEntry[], context: ConfigContext) {
    this.#context = context;
    for (const entry of entries) {
      const md5 = md5Of(entry.content);
      this.#values.set(keyOf(entry), { entry, md5 });
      this.#shown.set(keyOf(entry), { ...entry, md5 });
    }
  }

  get(key: ConfigKey): ConfigValue | undefined {
    return this.#shown.get(keyOf(key));
  }

  /**
   * Stores `content`, and resolves when a kill of this process cannot lose it any more. With `casMd5` it succeeds
   * only if that is the md5 of what is there, or if nothing is there: an insert compares nothing (registries A1.7).
   */
  async publish(key: ConfigKey, content: string, type: string, casMd5: string | undefined): Promise<boolean> {
    const known = this.#values.get(keyOf(key));
    if (casMd5 !== undefined && known !== undefined && known.md5 !== casMd5) return false;
    const lastModified = this.#context.clock.wallMs() + (this.#context.faults.clockOffsetMs ?? 0);
    const md5 = md5Of(content);
    const entry = { ...key, content, type, lastModified };
    this.#values.set(keyOf(key), { entry, md5 });
    this.#afterDelay(() => {
      this.#shown.set(keyOf(key), { ...entry, md5 });
      if (known?.md5 !== md5) this.#notify(key);
    });
    await this.save();
    return true;
  }

  /** Removing what is absent does nothing. */
  async remove(key: ConfigKey): Promise<void> {
    if (!this.#values.delete(keyOf(key))) return;
    this.#shown.delete(keyOf(key));
    this.#notify(key);
    await this.save();
  }

  /** @param tenant as the client spells it, for the pushes. */
  listen(connection: Connection, key: ConfigKey, tenant: string): void {
    const listeners = this.#listeners.get(keyOf(key)) ?? new Map<Connection, string>();
    this.#listeners.set(keyOf(key), listeners.set(connection, tenant));
    if (this.#met.has(connection)) return;
    this.#met.add(connection);
    connection.onClose(() => this.#forget(connection));
  }

  /** The connection is not told of this key any more. */
  ignore(connection: Connection, key: ConfigKey): void {
    this.#drop(connection, keyOf(key));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #forget(connection: Connection): void {
    for (const key of this.#listeners.keys()) this.#drop(connection, key);
  }

  #drop(connection: Connection, key: string): void {
    const listeners = this.#listeners.get(key);
    listeners?.delete(connection);
    if (listeners?.size === 0) this.#listeners.delete(key);
  }

  #notify(key: ConfigKey): void {
    for (const [connection, tenant] of this.#listeners.get(keyOf(key)) ?? [])
      void this.#push(connection, key, tenant);
  }

  /** Never rejects. A blank tenant is left out, as real servers do. */
  async #push(connection: Connection, { dataId, group }: ConfigKey, tenant: string): Promise<void> {
    const { incompletePushes, losePushes } = this.#context.faults;
    if (losePushes === true) return;
    const body = {
      dataId,
      group,
      ...(tenant !== "" && { tenant }),
      ...(incompletePushes !== true && { module: "config" }),
    };
    for (let retries = 0; retries <= retryLimits.retries; retries += 1) {
      if (await connection.push("ConfigChangeNotifyRequest", body, retryLimits.ackTimeoutMs)) return;
      if (connection.closed) return;
      await this.#pause((retries + 1) * retryLimits.stepMs, connection);
    }
    connection.close();
  }

  #pause(delayMs: number, connection: Connection): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#later(resolve, delayMs);
      connection.onClose(() => {
        this.#timers.delete(timer);
        timer.cancel();
        resolve();
      });
    });
  }

  #afterDelay(apply: () => void): void {
    const delayMs = this.#context.faults.publishDelayMs ?? 0;
    if (delayMs === 0) apply();
    else this.#later(apply, delayMs);
  }

  #later(callback: () => void, delayMs: number): Timer {
    const timer: Timer = this.#context.clock.setTimeout(
      () => {
        this.#timers.delete(timer);
        callback();
      },
      delayMs,
      { background: true },
    );
    this.#timers.add(timer);
    return timer;
  }

  /** Writes the snapshot file, if there is one. */
  async save(): Promise<void> {
    await this.#context.file?.save(() => [...this.#values.values()].map(({ entry }) => entry));
  }
}

/** Lower-case hexadecimal md5 of the UTF-8 bytes. */
function md5Of(content: string): string {
  return createHash("md5").update(content, "utf8").digest("hex");
}

// None of the three may hold a line break.
function keyOf({ tenant, group, dataId }: ConfigKey): string {
  return `${tenant}\n${group}\n${dataId}`;
}
