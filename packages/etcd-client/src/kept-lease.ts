import type { EtcdClient } from "./client.js";
import { EtcdError, isEtcdError } from "./errors.js";
import type { Stream } from "./link.js";
import { backoffMs, Bell } from "./waiting.js";
import { methods, type WireLease } from "./wire.js";

const retryCapMs = 2_000;
/** How long giving the lease back may take; then the server does it when its time is over. */
const revokeMs = 1_500;

/**
 * One lease of a process, kept alive from the moment it is first needed: asked for every third of its time, over one
 * stream. When the server says that it is gone, a new one is made. Only the server says so: while it is away nobody can
 * know, and a server that starts anew gives all leases their full time (registries C2). Disposing it revokes it.
 */
export class KeptLease implements AsyncDisposable {
  readonly #bell: Bell;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #unlisten: () => void;
  /** All that this object ever had. */
  readonly #ours = new Set<bigint>();
  #id: bigint | undefined;
  #ttlMs: number;
  #renewedMs = 0;
  #wanted = false;
  #failure: EtcdError | undefined;
  #stream: Stream<{ readonly ID: bigint }> | undefined;
  #streamFailure: EtcdError | undefined;
  #answer: WireLease | undefined;
  #running: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** @param ttlSeconds after how long without a word the server drops the lease and its keys. */
  constructor(
    private readonly client: EtcdClient,
    private readonly ttlSeconds: number,
  ) {
    this.#ttlMs = ttlMsOf(ttlSeconds);
    this.#bell = new Bell(client.environment.clock);
    this.#unlisten = client.listen((event) => {
      if (event.type === "connected") this.#bell.ring();
    });
  }

  /** Undefined: there is none at present. */
  get id(): bigint | undefined {
    return this.#id;
  }

  /** What the server granted, in ms; before that, what was asked for. */
  get ttlMs(): number {
    return this.#ttlMs;
  }

  /** Why there is no lease. */
  get failure(): EtcdError | undefined {
    return this.#failure;
  }

  /** Also those of earlier days. */
  isOurs(id: bigint): boolean {
    return this.#ours.has(id);
  }

  /** Tells when there is a new lease or when one could not be had, until the function that it gives back is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** From now on there is to be a lease. */
  want(): void {
    this.#wanted = true;
    this.#running ??= this.#run();
    this.#bell.ring();
  }

  /** The server does not know `id`: it has told somebody else. */
  lost(id: bigint): void {
    if (this.#id !== id) return;
    this.client.environment.log.warn({ lease: id.toString(16) }, "the lease is gone, asking for a new one");
    this.#id = undefined;
    this.#bell.ring();
  }

  /** Its keys go at once when the server answers in time. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#unlisten();
    this.#bell.ring();
    await this.#running;
    this.#stream?.end();
    const id = this.#id;
    if (id === undefined || !this.client.connected) return;
    try {
      await this.client.revokeLease(id, { timeoutMs: revokeMs });
    } catch (err) {
      this.client.environment.log.debug({ err }, "the lease could not be revoked: it ends by itself");
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted && this.#wanted) {
      try {
        if (this.#id === undefined) await this.#grant();
        else await this.#renew(this.#id);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#onFailure(error as EtcdError, failures);
        await this.#bell.wait(backoffMs(this.client.environment, failures, 100, retryCapMs));
        failures += 1;
      }
      if (this.#id !== undefined) await this.#untilDue();
    }
  }

  async #grant(): Promise<void> {
    const { id, ttlSeconds } = await this.client.grantLease(this.ttlSeconds, {
      signal: this.#closing.signal,
    });
    this.#id = id;
    this.#ours.add(id);
    this.#ttlMs = ttlMsOf(ttlSeconds);
    this.#renewedMs = this.#now;
    this.#failure = undefined;
    this.#tell();
  }

  /** One question and its answer. */
  async #renew(id: bigint): Promise<void> {
    const sentMs = this.#now;
    const stream = this.#openStream();
    if (stream === undefined) return this.#bell.wait(this.#ttlMs);
    this.#answer = undefined;
    stream.write({ ID: id });
    const answer = await this.#awaitAnswer(sentMs + this.client.callTimeoutMs);
    if (this.#closing.signal.aborted || this.#id !== id) return;
    if (answer === undefined) {
      // A stream that ended is no silence: its connection may be sound.
      if (this.#stream === stream) this.client.suspect(stream, sentMs);
      throw new EtcdError("UNAVAILABLE", "the lease could not be kept alive", { cause: this.#streamFailure });
    }
    if (answer.TTL <= 0n) return this.lost(id);
    this.#ttlMs = ttlMsOf(Number(answer.TTL));
    this.#renewedMs = sentMs;
  }

  /** The stream of the present connection. */
  #openStream(): Stream<{ readonly ID: bigint }> | undefined {
    if (this.#stream !== undefined) return this.#stream;
    this.#stream = this.client.stream(methods.leaseKeepAlive, {
      onMessage: (answer) => {
        this.#answer = answer;
        this.#bell.ring();
      },
      onEnd: (error) => {
        this.#stream = undefined;
        this.#streamFailure = error;
        this.#bell.ring();
      },
    });
    return this.#stream;
  }

  /** Undefined: none came, or the stream has ended. */
  async #awaitAnswer(untilMs: number): Promise<WireLease | undefined> {
    while (this.#answer === undefined && this.#stream !== undefined && !this.#closing.signal.aborted) {
      const leftMs = untilMs - this.#now;
      if (leftMs <= 0) break;
      await this.#bell.wait(leftMs);
    }
    return this.#answer;
  }

  /** Until a third of the time is over, at random a little less, or the stream breaks, or something else is to be done. */
  async #untilDue(): Promise<void> {
    const thirdMs = (this.#ttlMs / 3) * (1 - this.client.environment.random() / 5);
    const dueMs = this.#renewedMs + thirdMs;
    while (this.#id !== undefined && this.#stream !== undefined && !this.#closing.signal.aborted) {
      const leftMs = dueMs - this.#now;
      if (leftMs <= 0) return;
      await this.#bell.wait(leftMs);
    }
  }

  #onFailure(error: EtcdError, failures: number): void {
    this.#failure = error;
    const level = failures === 0 && this.client.connected ? "warn" : "debug";
    this.client.environment.log[level]({ err: error }, "the lease is not sure, trying again");
    if (!isEtcdError(error, "UNAVAILABLE", "TIMEOUT")) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  get #now(): number {
    return this.client.environment.clock.monotonicMs();
  }
}

/** No more than a timer takes, whatever the server says. */
function ttlMsOf(seconds: number): number {
  return Math.min(0x7fff_ffff, seconds * 1_000);
}
