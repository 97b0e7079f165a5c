import { Latest } from "@dubbo-ts/core";
import {
  checkConfigItem,
  type ConfigCenter,
  type ConfigItem,
  type ConfigRecord,
  type PastConfigRecord,
} from "./config-center.js";

/** A {@link ConfigCenter} within one process: for tests, and for programs that set their settings themselves. */
export interface MemoryConfigCenter extends ConfigCenter {
  /** Puts `text` there; undefined removes it. Watchers are told. */
  set(item: ConfigItem, text: string | undefined): void;
}

/** What several {@link MemoryConfigCenter}s of one process share, as they would share a server. */
export class MemoryConfigStore {
  readonly #records = new Map<string, ConfigRecord>();
  readonly #past = new Map<string, PastConfigRecord[]>();
  readonly #watchers = new Map<string, Set<Latest<ConfigRecord | undefined>>>();
  #writes = 0;

  /** The record; undefined when there is none. */
  get(item: ConfigItem): ConfigRecord | undefined {
    return this.#records.get(pathOf(item));
  }

  /** Puts `text` there, undefined removes it, and tells who watches. */
  set(item: ConfigItem, text: string | undefined): void {
    const at = pathOf(item);
    const before = this.#records.get(at);
    if (before?.text === text) return;
    if (before !== undefined)
      this.#past.set(at, [{ ...before, writtenAtMs: undefined }, ...this.history(item)].slice(0, keptPast));
    if (text === undefined) this.#records.delete(at);
    else this.#records.set(at, { text, version: String(++this.#writes) });
    for (const watcher of this.#watchers.get(at) ?? []) watcher.set(this.#records.get(at));
  }

  /** Earlier records, the newest first: 30 at most. */
  history(item: ConfigItem): readonly PastConfigRecord[] {
    return this.#past.get(pathOf(item)) ?? [];
  }

  /** Yields the record, then again after each change, until `signal` aborts. */
  async *watch(item: ConfigItem, signal: AbortSignal): AsyncGenerator<ConfigRecord | undefined> {
    const at = pathOf(item);
    const latest = new Latest<ConfigRecord | undefined>(signal);
    const ofItem = this.#watchers.get(at) ?? new Set();
    this.#watchers.set(at, ofItem.add(latest));
    latest.set(this.get(item));
    try {
      yield* latest;
    } finally {
      ofItem.delete(latest);
      if (ofItem.size === 0) this.#watchers.delete(at);
    }
  }
}

/** Makes a {@link MemoryConfigCenter}, empty unless `store` is not. Disposing it ends its watching. */
export function memoryConfigCenter(
  name = "memory://",
  store: MemoryConfigStore = new MemoryConfigStore(),
): MemoryConfigCenter {
  const closed = new AbortController();
  const check = (item: ConfigItem, signal: AbortSignal) => {
    signal.throwIfAborted();
    checkConfigItem(item, name);
  };
  return {
    name,
    set: (item, text) => store.set(item, text),
    async get(item, signal) {
      check(item, signal);
      return store.get(item);
    },
    async publish(item, text, signal, expected) {
      check(item, signal);
      const found = store.get(item)?.version;
      const wanted = expected === "absent" ? undefined : (expected?.version ?? found);
      if (found !== wanted) return false;
      store.set(item, text);
      return true;
    },
    async remove(item, signal) {
      check(item, signal);
      store.set(item, undefined);
    },
    async *watch(item, signal) {
      checkConfigItem(item, name);
      yield* store.watch(item, AbortSignal.any([signal, closed.signal]));
    },
    async history(item, signal) {
      check(item, signal);
      return store.history(item);
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
    },
  };
}

const keptPast = 30;

function pathOf({ key, group }: ConfigItem): string {
  return `${group}/${key}`;
}
