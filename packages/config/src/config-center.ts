/** A source of settings that change while the program runs. */
export interface ConfigCenter extends AsyncDisposable {
  /** Yields the text under `key`, undefined when there is none, then again after each change. Ends when `signal` aborts. */
  watch(key: string, signal: AbortSignal): AsyncIterable<string | undefined>;
}
