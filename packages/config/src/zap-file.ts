import type { Located, LocatedEntry, LocatedMap } from "./located.js";
import { type NamedKeys, nameKeys } from "./key-names.js";
import { fold } from "./schema/key.js";
import { zapFile } from "./schema/observability.js";

const keysOfZap: ReadonlySet<string> = new Set(["level", "encoding", "outputpaths", "encoderconfig"]);

/** True for a file that has keys of zap at its root, and none of `sections`. */
export function isZapFile(root: Located, sections: readonly string[]): boolean {
  if (root.kind !== "map") return false;
  const keys = [...root.entries.keys()].map(fold);
  const ours = new Set(["dubbo", ...sections].map(fold));
  return keys.some((key) => keysOfZap.has(key)) && !keys.some((key) => ours.has(key));
}

/** A file of zap as `logger:` (rpc-protocols 6.2). */
export function readZapFile(root: Located): NamedKeys {
  const named = nameKeys(root, zapFile());
  if (named.root.kind !== "map") return named;
  const { level, encoding, outputPaths } = Object.fromEntries(named.root.entries);
  const entries = new Map<string, LocatedEntry>();
  if (level !== undefined) entries.set("level", level);
  if (encoding !== undefined) entries.set("format", encoding);
  for (const [key, entry] of outputs(outputPaths)) entries.set(key, entry);
  const { where } = root;
  const logger: LocatedMap = { kind: "map", entries, where };
  return {
    ...named,
    root: { kind: "map", where, entries: new Map([["logger", { written: "", where, value: logger }]]) },
  };
}

/** `outputPaths` as `appender` and `file`. */
function outputs(paths: LocatedEntry | undefined): readonly (readonly [string, LocatedEntry])[] {
  if (paths === undefined) return [];
  const { value } = paths;
  const items = value.kind === "list" ? value.items : [value];
  const file = items.find((item) => item.kind === "text" && !/^(?:stdout|stderr|)$/.test(item.text));
  const appender: Located = {
    kind: "text",
    text: file === undefined ? "console" : "file",
    where: value.where,
  };
  const name: LocatedEntry = { ...paths, written: "", value: file ?? value };
  const named: Located = { kind: "map", entries: new Map([["name", name]]), where: value.where };
  return [
    ["appender", { ...paths, value: appender }],
    ...(file === undefined ? [] : [["file", { ...paths, value: named }] as const]),
  ];
}
