import { type Located, type LocatedEntry, type LocatedMap, layOver } from "./located.js";

/** The section and the key there, by the key at the root. */
const places: Readonly<Record<string, readonly [section: string, key: string]>> = {
  services: ["provider", "services"],
  references: ["consumer", "references"],
  check: ["consumer", "check"],
  requestTimeout: ["consumer", "timeout"],
};

/**
 * Files of dubbo-go 1.5 (rpc-protocols 6.2) have at the root what stands below `provider` and `consumer` since:
 * server.yml is a provider's, client.yml a consumer's. What a file has in both places is as the newer one says.
 */
export function moveOlderKeys(root: Located): Located {
  if (root.kind !== "map") return root;
  const rest = new Map(root.entries);
  const side = rest.has("services") && !rest.has("references") ? "provider" : "consumer";
  let moved: Located = { ...root, entries: new Map() };
  for (const [name, [section, key]] of Object.entries({ ...places, filter: [side, "filter"] as const })) {
    const entry = rest.get(name);
    if (entry === undefined) continue;
    rest.delete(name);
    moved = layOver(moved, nested(section, key, entry));
  }
  return layOver(moved, { ...root, entries: rest });
}

/** `section: { key: ... }`, of which the file has the inner level only. */
function nested(section: string, key: string, entry: LocatedEntry): LocatedMap {
  const { where } = entry;
  const inner: LocatedMap = { kind: "map", entries: new Map([[key, entry]]), where };
  return { kind: "map", entries: new Map([[section, { written: "", where, value: inner }]]), where };
}
