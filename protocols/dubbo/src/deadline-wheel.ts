import type { Clock, Timer } from "@dubbo-ts/core";

/** Something that has to be over in time: linked into a slot of a {@link DeadlineWheel}. */
export interface WheelEntry {
  /** In the clock's monotonic ms. */
  readonly deadlineMs: number;
  /** Called once, when the deadline has passed and the entry was not removed. */
  expire(): void;
  /** The wheel's own: neighbours in the slot. */
  wheelPrevious: WheelEntry | undefined;
  wheelNext: WheelEntry | undefined;
  /** The wheel's own: -1 when in no slot. */
  wheelSlot: number;
}

const slotMs = 10;
const slots = 512;
/** A tick that is this late comes from a blocked event loop: answers may lie in the sockets unread. */
const lateMs = 100;

/**
 * One timer for the deadlines of all calls: adding and removing cost a few assignments, where a timer for each
 * call would cost more than the call (rpc-protocols 8, P38). Deadlines are kept to 10 ms, never early.
 */
export class DeadlineWheel {
  readonly #slots = Array.from({ length: slots }, (): WheelEntry | undefined => undefined);
  #size = 0;
  #timer: Timer | undefined;
  /** The tick for which the timer is set. */
  #timerTick = Infinity;
  /** Ticks up to this one are done. */
  #doneTick = 0;

  constructor(private readonly clock: Clock) {}

  /** Expires `entry` when its deadline has passed. An infinite deadline is not kept at all. */
  add(entry: WheelEntry): void {
    if (entry.deadlineMs === Infinity) return;
    if (this.#size === 0) this.#doneTick = Math.floor(this.clock.monotonicMs() / slotMs);
    const tick = Math.max(Math.ceil(entry.deadlineMs / slotMs), this.#doneTick + 1);
    const slot = tick % slots;
    const head = this.#slots[slot];
    entry.wheelSlot = slot;
    entry.wheelNext = head;
    if (head !== undefined) head.wheelPrevious = entry;
    this.#slots[slot] = entry;
    this.#size += 1;
    if (tick < this.#timerTick) this.#arm(tick);
  }

  /** The entry will not expire any more. A second time does nothing. */
  remove(entry: WheelEntry): void {
    if (entry.wheelSlot < 0) return;
    const { wheelPrevious: previous, wheelNext: next } = entry;
    if (previous === undefined) this.#slots[entry.wheelSlot] = next;
    else previous.wheelNext = next;
    if (next !== undefined) next.wheelPrevious = previous;
    entry.wheelPrevious = undefined;
    entry.wheelNext = undefined;
    entry.wheelSlot = -1;
    this.#size -= 1;
  }

  #arm(tick: number): void {
    this.#timer?.cancel();
    this.#timerTick = tick;
    const delayMs = Math.max(0, tick * slotMs - this.clock.monotonicMs());
    // In the background: the socket of a call keeps the process alive, a deadline that is left over must not.
    this.#timer = this.clock.setTimeout(this.#onTimer, delayMs, { background: true });
  }

  readonly #onTimer = () => {
    const late = this.clock.monotonicMs() - this.#timerTick * slotMs;
    if (late > lateMs) setImmediate(this.#turn);
    else this.#turn();
  };

  readonly #turn = () => {
    this.#timer = undefined;
    this.#timerTick = Infinity;
    const now = this.clock.monotonicMs();
    const tick = Math.floor(now / slotMs);
    const from = Math.max(this.#doneTick + 1, tick - slots + 1);
    this.#doneTick = tick;
    for (let done = from; done <= tick; done += 1) this.#expireSlot(done % slots, now);
    if (this.#size > 0 && this.#timerTick === Infinity) this.#arm(this.#nextTick(tick));
  };

  #expireSlot(slot: number, now: number): void {
    for (let entry = this.#slots[slot]; entry !== undefined; ) {
      const next = entry.wheelNext;
      if (entry.deadlineMs <= now) {
        this.remove(entry);
        entry.expire();
      }
      // What expires may take others along: then the neighbour is in no slot any more.
      entry = next !== undefined && next.wheelSlot !== slot ? this.#slots[slot] : next;
    }
  }

  /** The first tick after `tick` whose slot holds something: a round later at most. */
  #nextTick(tick: number): number {
    for (let next = tick + 1; next < tick + slots; next += 1) {
      if (this.#slots[next % slots] !== undefined) return next;
    }
    return tick + slots;
  }
}
