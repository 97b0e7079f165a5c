import { JuteWriter } from "./jute.js";
import type { NodeEvent } from "./records.js";

/** Is told once of the next change of each node that was read with it. What it throws is logged. */
export interface Watcher {
  onEvent(event: NodeEvent): void;
}

/** How a server keeps a watch: on data, on a node that is missing, on children. */
export type WatchKind = "data" | "exist" | "child";

/** Which watches an event uses up. */
const kindsOf: Readonly<Record<Exclude<NodeEvent["type"], "unknown">, readonly WatchKind[]>> = {
  created: ["data", "exist"],
  deleted: ["data", "exist", "child"],
  data: ["data", "exist"],
  children: ["child"],
};

const kinds: readonly WatchKind[] = ["data", "exist", "child"];

/** More than this in one SetWatches comes near the server's limit for a frame (registries B3). */
const maxSetWatchesBytes = 128 * 1024;

/**
 * The one-shot watches that the server holds for this session, by absolute path. The same watcher is kept once per
 * node and kind, however often the node is read with it.
 */
export class WatchTable {
  /** Lists, since most paths have one watcher, and there may be many thousand paths. */
  readonly #watchers: Readonly<Record<WatchKind, Map<string, readonly Watcher[]>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };

  /** The list of one: thousands of paths share it. */
  readonly #alone = new WeakMap<Watcher, readonly Watcher[]>();

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const byPath = this.#watchers[kind];
    const watchers = byPath.get(path);
    if (watchers === undefined) byPath.set(path, this.#only(watcher));
    else if (!watchers.includes(watcher)) byPath.set(path, [...watchers, watcher]);
  }

  /** `watcher` is told nothing any more. */
  remove(watcher: Watcher): void {
    for (const kind of kinds)
      for (const [path, watchers] of this.#watchers[kind]) {
        if (!watchers.includes(watcher)) continue;
        const others = watchers.filter((one) => one !== watcher);
        if (others.length === 0) this.#watchers[kind].delete(path);
        else this.#watchers[kind].set(path, others);
      }
  }

  /** Those who wait for `event`; they are forgotten. */
  take({ type, path }: NodeEvent): ReadonlySet<Watcher> {
    const taken = new Set<Watcher>();
    for (const kind of type === "unknown" ? kinds : kindsOf[type]) {
      for (const watcher of this.#watchers[kind].get(path) ?? []) taken.add(watcher);
      this.#watchers[kind].delete(path);
    }
    return taken;
  }

  #only(watcher: Watcher): readonly Watcher[] {
    const alone = this.#alone.get(watcher) ?? [watcher];
    this.#alone.set(watcher, alone);
    return alone;
  }

  /** All watched paths. */
  paths(): ReadonlySet<string> {
    return new Set(kinds.flatMap((kind) => [...this.#watchers[kind].keys()]));
  }

  get size(): number {
    return kinds.reduce((sum, kind) => sum + this.#watchers[kind].size, 0);
  }

  /** Bodies of SetWatches requests that arm everything anew, none much longer than 128 kB. */
  *setWatches(relativeZxid: bigint): Generator<Buffer, void, undefined> {
    let batch = emptyBatch();
    for (const kind of kinds)
      for (const path of this.#watchers[kind].keys()) {
        batch[kind].push(path);
        batch.bytes += 4 + Buffer.byteLength(path);
        if (batch.bytes < maxSetWatchesBytes) continue;
        yield encodeBatch(relativeZxid, batch);
        batch = emptyBatch();
      }
    if (batch.bytes > 0) yield encodeBatch(relativeZxid, batch);
  }
}

interface Batch extends Record<WatchKind, string[]> {
  bytes: number;
}

function emptyBatch(): Batch {
  return { data: [], exist: [], child: [], bytes: 0 };
}

function encodeBatch(relativeZxid: bigint, batch: Batch): Buffer {
  const writer = new JuteWriter(batch.bytes + 32).long(relativeZxid);
  for (const kind of kinds) writer.vector(batch[kind], (path) => writer.string(path));
  return writer.finish();
}
