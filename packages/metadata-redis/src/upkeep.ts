import { backoffMs, Latest, sleep } from "@dubbo-ts/core";
import { RedisFault } from "./fault.js";
import type { RedisClient } from "./redis-client.js";

/** Something of this process that is to stay in Redis. */
interface Kept {
  /** Looks whether it is there, and writes it where it is not. */
  readonly write: (signal: AbortSignal) => Promise<void>;
  /** True: also as soon as a connection was lost. */
  readonly afterLoss: boolean;
}

/**
 * What this process has written, and looks after while it lives. Copies are made later than answers, so a fail-over may
 * lose what was acknowledged; and somebody may empty the server (registries D2, H5).
 */
export class Upkeep implements AsyncDisposable {
  readonly #kept = new Map<string, Kept>();
  readonly #due = new Latest<true>();
  readonly #closing = new AbortController();
  readonly #leave: () => void;
  #isAllDue = false;
  #loop: Promise<void> | undefined;

  /** @param intervalMs everything is looked at after so long, or at random up to a quarter sooner. */
  constructor(
    private readonly client: RedisClient,
    private readonly intervalMs: number,
  ) {
    this.#leave = client.onLost(() => this.#due.set(true));
  }

  /** From now on `write` runs now and then, in the place of what was kept under that name. */
  keep(name: string, write: Kept["write"], afterLoss: boolean): void {
    this.#kept.delete(name);
    this.#kept.set(name, { write, afterLoss });
    this.#loop ??= this.#run();
  }

  forget(name: string): void {
    this.#kept.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
    this.#closing.abort(new RedisFault("lost", "the metadata report is closed"));
    this.#due.end();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, random, log } = this.client.runtime;
    const { signal } = this.#closing;
    const start = () =>
      clock.setTimeout(
        () => {
          timer = start();
          this.#isAllDue = true;
          this.#due.set(true);
        },
        this.intervalMs * (0.75 + random() / 4),
        { background: true },
      );
    let timer = start();
    let failures = 0;
    for await (const _ of this.#due) {
      try {
        await this.#writeAll(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        if (failures++ === 0)
          log.warn(
            { err: error },
            `${this.client.settings.name}: what was published cannot be looked after yet`,
          );
        await sleep(clock, backoffMs(failures, random), signal, { background: true }).catch(() => {});
        this.#due.set(true);
      }
    }
    timer.cancel();
  }

  async #writeAll(signal: AbortSignal): Promise<void> {
    const isAllDue = this.#isAllDue;
    for (const { write, afterLoss } of this.#kept.values()) if (isAllDue || afterLoss) await write(signal);
    if (isAllDue) this.#isAllDue = false;
  }
}
