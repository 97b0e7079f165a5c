/** What a {@link RunningCalls} holds. */
export interface RunningCall {
  /** Where it is held: the holder's own. -1 when it is not. */
  place: number;
}

/**
 * The calls that are running, in no order. A Set would make itself anew every few calls, and V8 lets each old one
 * hold on to its last calls, and they to all that grpc-js keeps of them, until the next full collection.
 */
export class RunningCalls<T extends RunningCall> implements Iterable<T> {
  readonly #calls: T[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: T): void {
    call.place = this.#calls.length;
    this.#calls.push(call);
  }

  /** A call that is not held is ignored. */
  delete(call: T): void {
    const { place } = call;
    if (place < 0) return;
    call.place = -1;
    const last = this.#calls.pop();
    if (last === undefined || last === call) return;
    this.#calls[place] = last;
    last.place = place;
  }

  /** Those that are held now, whatever happens to them meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return [...this.#calls].values();
  }
}
