import { Latest } from "@dubbo-ts/core";
import type { ConfigCenter } from "./config-center.js";

/** A {@link ConfigCenter} within one process: for tests, and for programs that set their settings themselves. */
export interface MemoryConfigCenter extends ConfigCenter {
  /** Puts `text` under `key`; undefined removes it. Watchers are told. */
  set(key: string, text: string | undefined): void;
}

/** Makes a {@link MemoryConfigCenter}. Disposing it ends all watching. */
export function memoryConfigCenter(initial: Readonly<Record<string, string>> = {}): MemoryConfigCenter {
  const texts = new Map(Object.entries(initial));
  const watchers = new Map<string, Set<Latest<string | undefined>>>();
  const closed = new AbortController();

  return {
    set(key, text) {
      if (text === undefined) texts.delete(key);
      else texts.set(key, text);
      for (const watcher of watchers.get(key) ?? []) watcher.set(text);
    },
    async *watch(key, signal) {
      const latest = new Latest<string | undefined>(AbortSignal.any([signal, closed.signal]));
      const ofKey = watchers.get(key) ?? new Set();
      watchers.set(key, ofKey.add(latest));
      latest.set(texts.get(key));
      try {
        yield* latest;
      } finally {
        ofKey.delete(latest);
        if (ofKey.size === 0) watchers.delete(key);
      }
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
    },
  };
}
