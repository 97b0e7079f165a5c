import type { ZooKeeperClient } from "./client.js";
import type { Timer } from "./environment.js";
import type { NodeEvent } from "./records.js";
import type { Watcher } from "./watch-table.js";

/** Longest wait before a reading that failed is tried again. */
const retryCapMs = 5_000;

/** One reading of {@link follow}. */
export interface Pass {
  /** To be given to all reads: a later change of what was read begins the next pass. */
  readonly watcher: Watcher;
  /** Paths whose change began this pass. */
  readonly changed: ReadonlySet<string>;
  /** True: read everything again; what is known may be of another session, or a change may have been missed. */
  readonly full: boolean;
  /** True: nothing is known to have been missed, but it is time to look again. */
  readonly resync: boolean;
  readonly signal: AbortSignal;
}

/** When {@link Alarm} rings. */
export interface AlarmOptions {
  readonly signal: AbortSignal;
  /** A look is taken again after so long, at random half as long again, whatever was told. Default 60,000 ms. */
  readonly resyncMs?: number | undefined;
  /** How long after a reconnect a value does not count as settled. Default: the session's time. */
  readonly settleMs?: number | undefined;
}

/** When the next pass is due, and what it has to read. */
export class Alarm {
  readonly #watcher: Watcher = { onEvent: (event) => this.#onEvent(event) };
  readonly #unlisten: () => void;
  readonly #onAbort = () => this.#ring();
  #changed = new Set<string>();
  #full = true;
  #resync = false;
  #rung = false;
  #settled = true;
  #wake: (() => void) | undefined;
  #dueMs: number;
  #beganMs = 0;
  #retryMs: number | undefined;

  constructor(
    private readonly client: ZooKeeperClient,
    private readonly options: AlarmOptions,
  ) {
    this.#dueMs = this.#nextResync();
    this.#unlisten = client.listen((event) => {
      if (event.type === "connected" || event.type === "closed") this.#readAll();
    });
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Whether what the present pass has read counts as settled: no reconnect was near, before or during it. */
  settle(): boolean {
    this.#settled &&= this.#unsettledForMs() <= 0;
    return this.#settled;
  }

  begin(): Pass {
    const pass = {
      watcher: this.#watcher,
      changed: this.#changed,
      full: this.#full,
      resync: this.#resync,
      signal: this.options.signal,
    };
    this.#changed = new Set();
    this.#full = false;
    this.#resync = false;
    this.#rung = false;
    this.#beganMs = this.client.environment.clock.monotonicMs();
    this.#retryMs = undefined;
    this.#settled = this.#unsettledForMs() <= 0;
    return pass;
  }

  /** What `pass` should have read is still to be read, after a while. */
  failed(pass: Pass, failures: number): void {
    this.#full ||= pass.full;
    this.#resync ||= pass.resync;
    for (const path of pass.changed) this.#changed.add(path);
    const { random } = this.client.environment;
    this.#retryMs = 20 + random() * Math.min(retryCapMs, 100 * 2 ** Math.min(failures, 20));
  }

  /** Resolves when a pass is due: one for changes alone no sooner than `restMs` after the one before it began. */
  async wait(restMs = 0): Promise<void> {
    const { clock } = this.client.environment;
    const { signal } = this.options;
    const timers: Timer[] = [];
    await new Promise<void>((resolve) => {
      const after = (delayMs: number, ring: () => void) =>
        timers.push(clock.setTimeout(ring, delayMs, { background: true }));
      let resting = false;
      this.#wake = () => {
        const leftMs = this.#beganMs + restMs - clock.monotonicMs();
        if (leftMs < 1 || this.#full || signal.aborted) return resolve();
        if (!resting) after(leftMs, resolve);
        resting = true;
      };
      if (this.#rung || signal.aborted) return this.#wake();
      after(Math.max(0, this.#dueMs - clock.monotonicMs()), () => this.#onDue());
      if (!this.#settled) after(Math.max(0, this.#unsettledForMs()) + 1, () => this.#readAll());
      if (this.#retryMs !== undefined) after(this.#retryMs, () => this.#ring());
    });
    this.#wake = undefined;
    for (const timer of timers) timer.cancel();
  }

  stop(): void {
    this.#unlisten();
    this.options.signal.removeEventListener("abort", this.#onAbort);
    this.client.unwatch(this.#watcher);
  }

  #onEvent({ type, path }: NodeEvent): void {
    if (type === "unknown") this.#full = true;
    this.#changed.add(path);
    this.#ring();
  }

  #onDue(): void {
    this.#resync = true;
    this.#lookAgain();
  }

  #readAll(): void {
    this.#full = true;
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#dueMs = this.#nextResync();
    this.#ring();
  }

  #ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  #nextResync(): number {
    const { clock, random } = this.client.environment;
    return clock.monotonicMs() + (this.options.resyncMs ?? 60_000) * (1 + random() / 2);
  }

  #unsettledForMs(): number {
    const { reconnectedMs, sessionTimeoutMs, environment } = this.client;
    if (reconnectedMs === undefined) return 0;
    return reconnectedMs + (this.options.settleMs ?? sessionTimeoutMs) - environment.clock.monotonicMs();
  }
}
