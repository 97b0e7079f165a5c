/** A stream that is read in the background. */
export interface Followed<T> {
  /** Everything that was yielded. */
  readonly values: readonly T[];
  /** What was yielded last. */
  readonly latest: T | undefined;
  /** Settles when the stream has ended; rejects with its error. */
  readonly done: Promise<void>;
}

/** Reads `stream` until it ends, so that a test can look at what came. Await {@link Followed.done} at the end. */
export function follow<T>(stream: AsyncIterable<T>): Followed<T> {
  const values: T[] = [];
  const done = (async () => {
    for await (const value of stream) values.push(value);
  })();
  done.catch(() => {}); // looked at when `done` is awaited
  return {
    values,
    done,
    get latest() {
      return values.at(-1);
    },
  };
}
