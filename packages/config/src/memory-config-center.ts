import { Latest } from "@dubbo-ts/core";
import type { ConfigCenter, ConfigItem, ConfigRecord, PastConfigRecord } from "./config-center.js";

/** A {@link ConfigCenter} within one process: for tests, and for programs that set their settings themselves. */
export interface MemoryConfigCenter extends ConfigCenter {
  /** Puts `text` there; undefined removes it. Watchers are told. */
  set(item: ConfigItem, text: string | undefined): void;
}

/** Makes a {@link MemoryConfigCenter}, empty. Disposing it ends all watching. */
export function memoryConfigCenter(name = "memory://"): MemoryConfigCenter {
  const records = new Map<string, ConfigRecord>();
  const past = new Map<string, PastConfigRecord[]>();
  const watchers = new Map<string, Set<Latest<ConfigRecord | undefined>>>();
  const closed = new AbortController();
  let writes = 0;

  const set = (item: ConfigItem, text: string | undefined) => {
    const at = pathOf(item);
    const before = records.get(at);
    if (before?.text === text) return;
    if (before !== undefined)
      past.set(at, [{ ...before, writtenAtMs: undefined }, ...(past.get(at) ?? [])].slice(0, keptPast));
    if (text === undefined) records.delete(at);
    else records.set(at, { text, version: String(++writes) });
    for (const watcher of watchers.get(at) ?? []) watcher.set(records.get(at));
  };

  return {
    name,
    set,
    async get(item) {
      return records.get(pathOf(item));
    },
    async publish(item, text, _signal, expected) {
      const found = records.get(pathOf(item))?.version;
      const wanted = expected === "absent" ? undefined : (expected?.version ?? found);
      if (found !== wanted) return false;
      set(item, text);
      return true;
    },
    async remove(item) {
      set(item, undefined);
    },
    async *watch(item, signal) {
      const at = pathOf(item);
      const latest = new Latest<ConfigRecord | undefined>(AbortSignal.any([signal, closed.signal]));
      const ofItem = watchers.get(at) ?? new Set();
      watchers.set(at, ofItem.add(latest));
      latest.set(records.get(at));
      try {
        yield* latest;
      } finally {
        ofItem.delete(latest);
        if (ofItem.size === 0) watchers.delete(at);
      }
    },
    async history(item) {
      return past.get(pathOf(item)) ?? [];
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
