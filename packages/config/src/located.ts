/** Where in which file something stands; line and column count from 1, and are missing for values of a program. */
export interface Where {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** One key of a map. */
export interface LocatedEntry {
  /** As it is written; the map has it under its canonical name. Empty: the file has no such level. */
  readonly written: string;
  readonly where: Where;
  readonly value: Located;
}

/**
 * A tree of texts that knows where each part was written. All leaves are texts: what a text means is decided by
 * the schema alone, so that `version: 1.0` stays `1.0` and `port: "20880"` is a number.
 */
export type Located =
  | { readonly kind: "text"; readonly text: string; readonly where: Where }
  | { readonly kind: "list"; readonly items: readonly Located[]; readonly where: Where }
  | LocatedMap;

/** A {@link Located} with keys. */
export interface LocatedMap {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, LocatedEntry>;
  readonly where: Where;
}

/** The text of a map's entry; undefined: there is none, or it is no single text, or it is empty. */
export function textOf(node: Located | undefined, key: string): string | undefined {
  const value = node?.kind === "map" ? node.entries.get(key)?.value : undefined;
  return value?.kind === "text" && value.text !== "" ? value.text : undefined;
}

/** `path` with one more key. */
export function joinPath(path: string, written: string): string {
  return path === "" ? written : written === "" ? path : `${path}.${written}`;
}

/** Something that is wrong with a configuration. */
export interface Problem {
  readonly where: Where;
  /** The keys as they are written, joined by dots; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** `over` laid over `base`: maps are joined key by key, anything else is replaced. */
export function layOver(base: Located, over: Located): Located {
  if (base.kind !== "map" || over.kind !== "map") return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const below = entries.get(key);
    const written = entry.written === "" ? (below?.written ?? "") : entry.written;
    const value = below === undefined ? entry.value : layOver(below.value, entry.value);
    entries.set(key, { ...entry, written, value });
  }
  return { kind: "map", entries, where: base.where };
}

/** The deepest part of `root` on the way along `path`, where it stands, and its path as it is written. */
export function locate(root: Located, path: readonly PropertyKey[]): { where: Where; path: string } {
  let node: Located | undefined = root;
  let where = root.where;
  const written: string[] = [];
  for (const step of path) {
    if (node?.kind === "map") {
      const entry: LocatedEntry | undefined = node.entries.get(String(step));
      written.push(entry?.written ?? String(step));
      where = entry?.where ?? where;
      node = entry?.value;
    } else {
      written.push(String(step));
      node = node?.kind === "list" ? node.items[Number(step)] : undefined;
      where = node?.where ?? where;
    }
  }
  return { where, path: written.filter((part) => part !== "").join(".") };
}
