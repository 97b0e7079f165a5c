/**
 * The newest of a stream of values, read as an async iterable. A slow reader skips values but always gets
 * the last one. Ends when the signal aborts or {@link end} is called; one reader at a time.
 */
export class Latest<T> implements AsyncIterable<T> {
  #value: { readonly value: T } | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(private readonly signal?: AbortSignal) {
    if (signal?.aborted) this.#ended = true;
    else signal?.addEventListener("abort", this.end, { once: true });
  }

  /** Puts `value` in the place of what was not read yet. Does nothing after the end. */
  set(value: T): void {
    if (this.#ended) return;
    this.#value = { value };
    this.#wake?.();
  }

  /** The reader's loop ends; a value that was not read is dropped. */
  readonly end = (): void => {
    this.#ended = true;
    this.#value = undefined;
    this.signal?.removeEventListener("abort", this.end);
    this.#wake?.();
  };

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const next = this.#value;
      if (next !== undefined) {
        this.#value = undefined;
        yield next.value;
        continue;
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
