import type { Clock, Timer } from "@dubbo-ts/core";

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves time forward, firing timers in their order; promises settle before the next timer fires. */
  advance(ms: number): Promise<void>;
  /** Lets everything that is ready run, without moving time. */
  flush(): Promise<void>;
  /** Steps the machine's clock without any time passing: `wallMs` only. */
  stepWall(ms: number): void;
  /** How many timers have not fired yet. */
  readonly pendingTimers: number;
}

/** Makes a {@link FakeClock}; `monotonicMs` starts at 0, `wallMs` at `startMs` (default: 2023-11-14). */
export function fakeClock({ startMs = 1_700_000_000_000 }: { startMs?: number } = {}): FakeClock {
  const timers = new Set<Pending>();
  let nowMs = 0;
  let wallOffsetMs = startMs;
  let order = 0;

  const next = (untilMs: number): Pending | undefined => {
    let first: Pending | undefined;
    for (const timer of timers) if (timer.atMs <= untilMs && isBefore(timer, first)) first = timer;
    return first;
  };

  return {
    monotonicMs: () => nowMs,
    wallMs: () => wallOffsetMs + nowMs,
    setTimeout(callback, delayMs): Timer {
      const timer = { atMs: nowMs + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await flush();
      for (let timer = next(untilMs); timer !== undefined; timer = next(untilMs)) {
        timers.delete(timer);
        nowMs = Math.max(nowMs, timer.atMs);
        timer.callback();
        await flush();
      }
      nowMs = untilMs;
    },
    flush,
    stepWall: (ms) => void (wallOffsetMs += ms),
    get pendingTimers() {
      return timers.size;
    },
  };
}

function isBefore(timer: Pending, other: Pending | undefined): boolean {
  if (other === undefined) return true;
  return timer.atMs < other.atMs || (timer.atMs === other.atMs && timer.order < other.order);
}

/** Two turns of the event loop: every promise that is ready has run, those that they made ready too. */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
