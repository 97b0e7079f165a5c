import { abortable, deadline, type Runtime, type ServiceInstance, sleep } from "@dubbo-ts/core";
import type { InstanceSet } from "./registry.js";
import { missingInstances, perhapsMissing, reuseInstances } from "./same-instance.js";

/** What an {@link EmptyGuard} believes at one moment. */
export interface GuardedSet {
  readonly instances: readonly ServiceInstance[];
  /** True: something is missing from what was heard last, and it is not believed yet; or nothing can be heard. */
  readonly stale: boolean;
  /** True: what is missing was heard to be gone, and that is about to be confirmed or not. */
  readonly doubted?: boolean;
}

/** What an {@link EmptyGuard} needs. */
export interface EmptyGuardOptions {
  /** For the log. */
  readonly application: string;
  /** Reads the set once more, past whatever pushed it. */
  readonly read: (signal: AbortSignal) => Promise<readonly ServiceInstance[]>;
  /** Told when {@link EmptyGuard.current} has changed. */
  readonly onChange: () => void;
  readonly runtime: Runtime;
  /**
   * True when this process has a live connection to the instance. After a disturbance of the registry such an
   * instance stays until `graceMs` is over, whatever is read. Default: nothing is known to be alive.
   */
  readonly isAlive?: ((instance: ServiceInstance) => boolean) | undefined;
  /** For how long live connections outweigh what is read. Default 30,000 ms. */
  readonly graceMs?: number;
}

interface Doubt {
  readonly sinceMs: number;
  /** False as long as only sets were heard from a registry that was just disturbed. */
  settled: boolean;
  /** The ids that were read last, as one text, and how many reads in a row said so. */
  candidate: string;
  agreeing: number;
  readonly controller: AbortController;
}

/** When a doubted set is read again: 1, 3 and 10 seconds after the doubt began, then every ten. */
const rereadDelaysMs = [1_000, 2_000, 7_000, 10_000] as const;
const readTimeoutMs = 3_000;

/**
 * Keeps a registry's trouble from looking like the providers' end (registries F4, rule 1). A set that lost
 * instances is believed at once when the registry is undisturbed and most instances are still there. Otherwise
 * what is missing stays, marked stale, and the set is read again:
 *
 * - undisturbed, but empty, or more than half of at least four gone: one read that says the same is enough;
 * - soon after a reconnect or a start of the server (not settled): two reads in a row must say the same, and of
 *   the missing instances none may be connected, for as long as `graceMs`.
 *
 * So a real zero is believed within 5 seconds where the registry answers, and never while it does not answer.
 */
export class EmptyGuard implements AsyncDisposable {
  #known: readonly ServiceInstance[] | undefined;
  #current: GuardedSet | undefined;
  #doubt: Doubt | undefined;
  readonly #loops = new Set<Promise<void>>();
  #closed = false;

  constructor(private readonly options: EmptyGuardOptions) {}

  /** Undefined: nothing was heard yet. */
  get current(): GuardedSet | undefined {
    return this.#current;
  }

  /** Starts with what was known in an earlier life; ignored when something newer was heard. */
  restore(instances: readonly ServiceInstance[]): void {
    if (this.#current === undefined && !this.#closed) this.#show(instances, true);
  }

  /** Takes what the registry says. */
  offer({ instances, settled }: InstanceSet): void {
    if (this.#closed) return;
    const next = reuseInstances(this.#known ?? [], instances);
    if (isBelievable(this.#known, next, settled)) return this.#accept(next);
    this.#hold(next);
    const doubt = this.#doubt;
    if (doubt === undefined || (settled && !doubt.settled)) this.#startDoubt(next, settled);
  }

  /** The registry cannot be asked at present: what is known may be outdated. */
  unreachable(): void {
    const { instances, doubted } = this.#current ?? {};
    if (instances !== undefined && !this.#closed) this.#show(instances, true, doubted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#endDoubt();
    await Promise.all(this.#loops);
  }

  #accept(instances: readonly ServiceInstance[]): void {
    this.#endDoubt();
    this.#show(instances, false);
  }

  /** Shows what was heard and, besides, what is missing from it. */
  #hold(next: readonly ServiceInstance[]): void {
    if (this.#known === undefined) return;
    this.#show([...next, ...missingInstances(this.#known, next)], true, true);
  }

  #show(instances: readonly ServiceInstance[], stale: boolean, doubted = false): void {
    const before = this.#current;
    this.#known = instances;
    const isSame = before?.stale === stale && (before.doubted ?? false) === doubted;
    if (isSame && sameList(before.instances, instances)) return;
    this.#current = { instances, stale, ...(doubted && { doubted }) };
    this.options.onChange();
  }

  #startDoubt(next: readonly ServiceInstance[], settled: boolean): void {
    const { clock, log } = this.options.runtime;
    const sinceMs = this.#doubt?.sinceMs ?? clock.monotonicMs();
    if (this.#doubt === undefined && this.#known !== undefined && this.#known.length > 0)
      log.warn(
        {
          application: this.options.application,
          known: this.#known?.length ?? 0,
          heard: next.length,
          settled,
        },
        "the registry lists suddenly fewer instances: the known ones are kept until that is confirmed",
      );
    this.#doubt?.controller.abort(new Error("replaced by a new doubt"));
    const doubt: Doubt = {
      sinceMs,
      settled,
      candidate: textOf(next),
      agreeing: settled ? 1 : 0,
      controller: new AbortController(),
    };
    this.#doubt = doubt;
    const loop = this.#resolveDoubt(doubt).catch(() => {}); // only an abort ends it so
    this.#loops.add(loop);
    void loop.then(() => this.#loops.delete(loop));
  }

  #endDoubt(): void {
    this.#doubt?.controller.abort(new Error("the doubt is over"));
    this.#doubt = undefined;
  }

  async #resolveDoubt(doubt: Doubt): Promise<void> {
    const { clock, random } = this.options.runtime;
    const { signal } = doubt.controller;
    for (let reads = 0; ; reads++) {
      const planned = rereadDelaysMs[Math.min(reads, rereadDelaysMs.length - 1)] as number;
      // Agreed but still connected: that can change any moment.
      const delayMs = doubt.agreeing >= 2 ? 1_000 : planned;
      await sleep(clock, delayMs * (0.8 + random() * 0.2), signal, { background: true });
      const instances = await this.#read(signal);
      signal.throwIfAborted();
      if (instances === undefined) doubt.agreeing = doubt.settled ? 1 : 0;
      else if (this.#judge(doubt, reuseInstances(this.#known ?? [], instances))) return;
    }
  }

  /** True when the doubt is over. */
  #judge(doubt: Doubt, next: readonly ServiceInstance[]): boolean {
    const text = textOf(next);
    doubt.agreeing = text === doubt.candidate ? doubt.agreeing + 1 : 1;
    doubt.candidate = text;
    if (!isBelievable(this.#known, next, doubt.settled) && !this.#isConfirmed(doubt, next)) {
      this.#hold(next);
      return false;
    }
    this.#accept(next);
    return true;
  }

  #isConfirmed(doubt: Doubt, next: readonly ServiceInstance[]): boolean {
    if (this.#known === undefined) return true;
    if (doubt.agreeing < 2) return false;
    const { isAlive, graceMs = 30_000, runtime } = this.options;
    if (doubt.settled || isAlive === undefined) return true;
    if (runtime.clock.monotonicMs() - doubt.sinceMs >= graceMs) return true;
    return !missingInstances(this.#known, next).some(isAlive);
  }

  /** Undefined: the registry did not answer in time. */
  async #read(signal: AbortSignal): Promise<readonly ServiceInstance[] | undefined> {
    const limit = deadline(this.options.runtime.clock, readTimeoutMs, () => new Error("no answer"), signal);
    try {
      return await abortable(this.options.read(limit.signal), limit.signal);
    } catch {
      return undefined; // the doubt stays, and is said in the log already
    } finally {
      limit[Symbol.dispose]();
    }
  }
}

/** Whether a set may take the place of the known one without a second look. */
function isBelievable(
  known: readonly ServiceInstance[] | undefined,
  next: readonly ServiceInstance[],
  settled: boolean,
): boolean {
  if (known === undefined) return settled || next.length > 0;
  const most = known.length < 4 ? known.length : known.length / 2;
  const mayLose = settled && next.length > 0 ? most : 0;
  // Mostly nothing need be looked for in the whole set.
  return perhapsMissing(known, next).length <= mayLose || missingInstances(known, next).length <= mayLose;
}

function textOf(instances: readonly ServiceInstance[]): string {
  return instances
    .map(({ id }) => id)
    .sort()
    .join(" ");
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
