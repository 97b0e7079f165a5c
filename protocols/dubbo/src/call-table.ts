import type { PendingCall } from "./pending-call.js";

const firstSlots = 16;

/**
 * The calls of a connection that wait for their answers, by the last half of their ids, which count up: a place in
 * an array each. A Map would make itself anew every few calls, and V8 lets each old one hold on to its last calls,
 * and they to their answers, until the next full collection.
 */
export class CallTable implements Iterable<PendingCall> {
  #slots: (PendingCall | undefined)[] = emptySlots(firstSlots);
  #size = 0;
  #lastId: number;

  constructor(firstId: number) {
    this.#lastId = firstId;
  }

  get size(): number {
    return this.#size;
  }

  /** An id that no waiting call has. */
  nextId(): number {
    const mask = this.#slots.length - 1;
    do this.#lastId = (this.#lastId + 1) | 0;
    while (this.#slots[this.#lastId & mask] !== undefined);
    return this.#lastId;
  }

  /** Keeps a call whose id was the last that {@link nextId} gave. */
  add(call: PendingCall): void {
    this.#slots[call.idLow & (this.#slots.length - 1)] = call;
    this.#size += 1;
    // Half of the places stay free, so that the next id is found at once.
    if (this.#size * 2 > this.#slots.length) this.#grow();
  }

  /** Takes the call with this id out; undefined when it does not wait. */
  take(idLow: number): PendingCall | undefined {
    const slot = idLow & (this.#slots.length - 1);
    const call = this.#slots[slot];
    if (call === undefined || call.idLow !== idLow) return undefined;
    this.#slots[slot] = undefined;
    this.#size -= 1;
    return call;
  }

  *[Symbol.iterator](): Iterator<PendingCall> {
    for (const call of this.#slots) if (call !== undefined) yield call;
  }

  // Ids that differ in their last bits differ in more of them.
  #grow(): void {
    const slots = emptySlots(this.#slots.length * 2);
    for (const call of this) slots[call.idLow & (slots.length - 1)] = call;
    this.#slots = slots;
  }
}

function emptySlots(count: number): (PendingCall | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}
