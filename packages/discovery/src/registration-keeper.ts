import { abortable, backoffMs, hasCode, type Runtime, sleep } from "@dubbo-ts/core";

/** What a {@link RegistrationKeeper} needs of a registry, whatever is registered there. */
export interface Announcer<T> {
  readonly name: string;
  register(record: T, signal: AbortSignal): Promise<Announced<T>>;
}

/** The handle on what was announced. */
interface Announced<T> extends AsyncDisposable {
  update(record: T, signal: AbortSignal): Promise<void>;
}

interface Waiter {
  readonly version: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How long a farewell may take. */
const farewellMs = 2_000;

/**
 * Makes one registry agree with what is wanted there: a record, a later state of it, or none. The newest wish
 * counts; one request is under way at a time, and what fails is tried again until it succeeds.
 */
export class RegistrationKeeper<T> implements AsyncDisposable {
  #wanted: T | undefined;
  #version = 0;
  #done = 0;
  #registration: Announced<T> | undefined;
  #attempt = new AbortController();
  #loop: Promise<void> | undefined;
  #ended = false;
  #closing: Promise<void> | undefined;
  readonly #waiters = new Set<Waiter>();
  readonly #late = new Set<Promise<void>>();

  constructor(
    private readonly registry: Announcer<T>,
    private readonly runtime: Runtime,
    /** Told of each failure that is tried again. */
    private readonly onFailure: (registry: Announcer<T>, error: unknown) => void,
  ) {}

  /**
   * Wants `record` in the registry; undefined: nothing. Resolves when it, or a later wish, is there.
   * @throws {RegistryError} INSTANCE_METADATA_TOO_LARGE, INSTANCE_INVALID: trying again is no use.
   */
  set(record: T | undefined): Promise<void> {
    this.#wanted = record;
    this.#version += 1;
    this.#attempt.abort(new Error("a newer state is wanted"));
    const done = this.#wait(this.#version);
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
    });
    return done;
  }

  /** Deregisters within two seconds; what the registry does not answer by then is left to its sessions. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const bound = new AbortController();
    const after = (ms: number) => sleep(this.runtime.clock, ms, bound.signal).catch(() => {});
    await Promise.race([this.set(undefined).catch(() => {}), after(farewellMs)]);
    this.#ended = true;
    this.#attempt.abort(new Error("this registration is closed"));
    for (const waiter of this.#waiters) waiter.resolve();
    this.#waiters.clear();
    await this.#loop;
    await Promise.race([Promise.all(this.#late), after(100)]);
    bound.abort();
  }

  #wait(version: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.add({ version, resolve, reject }));
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (this.#done < this.#version) {
      const version = this.#version;
      this.#attempt = new AbortController();
      const { signal } = this.#attempt;
      try {
        await this.#apply(this.#wanted, signal);
        this.#done = version;
        failures = 0;
        this.#settle(version, ({ resolve }) => resolve());
      } catch (error) {
        if (this.#ended) return;
        if (signal.aborted) continue; // a newer wish
        if (hasCode(error, "INSTANCE_METADATA_TOO_LARGE", "INSTANCE_INVALID")) {
          this.#done = version;
          this.#settle(version, ({ reject }) => reject(error));
          continue;
        }
        this.onFailure(this.registry, error);
        const { clock, random } = this.runtime;
        const delayMs = 500 + backoffMs(failures++, random, { baseMs: 500, capMs: 9_500 });
        await sleep(clock, delayMs, signal, { background: true }).catch(() => {});
        if (this.#ended) return;
      }
    }
  }

  async #apply(record: T | undefined, signal: AbortSignal): Promise<void> {
    if (this.#registration === undefined) {
      if (record !== undefined) this.#registration = await this.#register(record, signal);
    } else if (record === undefined) {
      const registration = this.#registration;
      this.#registration = undefined;
      await abortable(Promise.resolve(registration[Symbol.asyncDispose]()), signal);
    } else {
      await abortable(this.#registration.update(record, signal), signal);
    }
  }

  async #register(record: T, signal: AbortSignal): Promise<Announced<T>> {
    const registering = this.registry.register(record, signal);
    try {
      return await abortable(registering, signal);
    } catch (error) {
      // It may succeed after all, when nobody waits for it any more.
      const late = registering
        .then((registration) => registration[Symbol.asyncDispose]())
        .catch(() => {})
        .finally(() => this.#late.delete(late));
      this.#late.add(late);
      throw error;
    }
  }

  #settle(version: number, how: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiters) {
      if (waiter.version > version) continue;
      this.#waiters.delete(waiter);
      how(waiter);
    }
  }
}
