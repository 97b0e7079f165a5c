/** Joins those who ask for the same key at the same time: the work runs once, all get its outcome. Failures are not kept. */
export class OncePerKey<K, V> {
  readonly #running = new Map<K, Promise<V>>();

  /** The running work for `key`, or the promise of `work()`, which becomes it. */
  run(key: K, work: () => Promise<V>): Promise<V> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
