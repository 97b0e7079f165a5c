import {
  layOver,
  type Located,
  type LocatedEntry,
  type LocatedMap,
  type Problem,
  textOf,
} from "./located.js";
import { didYouMean } from "./nearest.js";
import { type ConfigNotice, whereText } from "./notices.js";
import { quoted, someOf } from "./problems.js";
import { fold } from "./schema/key.js";

/** Parameters of a registry of dubbo-go 1.5 that say where the rest is. */
const references: ReadonlySet<string> = new Set(["servicediscovery", "namemapping", "metadata"]);

/**
 * Servers that dubbo-go 1.5 names once and refers to (rpc-protocols 6.2), put where they are used:
 * `registries.x.params.service_discovery` names one of `service_discovery`, and `remote_ref` there, in
 * `metadata_report` and in `config_center` names one of `remote`.
 */
export function resolveRemotes(root: Located): {
  root: Located;
  problems: readonly Problem[];
  notices: readonly ConfigNotice[];
} {
  if (root.kind !== "map") return { root, problems: [], notices: [] };
  const resolving = new Resolving(root);
  const entries = new Map(root.entries);
  entries.delete("remote");
  entries.delete("serviceDiscovery");
  for (const name of ["metadataReport", "configCenter"]) {
    const entry = entries.get(name);
    if (entry !== undefined)
      entries.set(name, { ...entry, value: resolving.center(entry.value, entry.written) });
  }
  const registries = entries.get("registries");
  if (registries?.value.kind === "map") {
    const resolved = new Map<string, LocatedEntry>();
    for (const [id, entry] of registries.value.entries)
      resolved.set(id, { ...entry, value: resolving.registry(entry.value, `${registries.written}.${id}`) });
    entries.set("registries", { ...registries, value: { ...registries.value, entries: resolved } });
  }
  return { root: { ...root, entries }, problems: resolving.problems, notices: resolving.unused() };
}

class Resolving {
  readonly problems: Problem[] = [];
  readonly #remotes: ReadonlyMap<string, LocatedEntry>;
  readonly #discoveries: ReadonlyMap<string, LocatedEntry>;
  readonly #used = new Set<string>();

  constructor(root: LocatedMap) {
    this.#remotes = entriesOf(root, "remote");
    this.#discoveries = entriesOf(root, "serviceDiscovery");
  }

  registry(node: Located, path: string): Located {
    if (node.kind !== "map" || fold(textOf(node, "protocol") ?? "") !== "servicediscovery")
      return this.center(node, path);
    const { rest, params, chosen } = discoveryOf(node);
    const only = this.#discoveries.size === 1 ? [...this.#discoveries.keys()][0] : undefined;
    const name = chosen ?? only;
    const discovery = name === undefined ? undefined : this.#discoveries.get(name);
    if (discovery === undefined) {
      this.#missing(node, path, name ?? "", "service_discovery", this.#discoveries);
      return node;
    }
    rest.delete("protocol");
    if (params !== undefined) rest.set("params", params);
    return this.center(layOver(discovery.value, given({ ...node, entries: rest })), path);
  }

  /** `node` over the remote that it refers to; the remote's name is the scheme where nobody says one. */
  center(node: Located, path: string): Located {
    const name = textOf(node, "remoteRef");
    if (node.kind !== "map") return node;
    const rest = new Map(node.entries);
    rest.delete("remoteRef");
    if (name === undefined) return { ...node, entries: rest };
    const remote = this.#remotes.get(name);
    if (remote === undefined) {
      this.#missing(node, path, name, "remote", this.#remotes);
      return { ...node, entries: rest };
    }
    this.#used.add(name);
    const scheme: LocatedEntry = {
      written: "protocol",
      where: remote.where,
      value: { kind: "text", text: name, where: remote.where },
    };
    const named: LocatedMap = { ...node, entries: new Map([["protocol", scheme]]) };
    return layOver(layOver(named, given(remote.value)), given({ ...node, entries: rest }));
  }

  unused(): readonly ConfigNotice[] {
    return [...this.#remotes]
      .filter(([name]) => !this.#used.has(name))
      .map(([name, { where }]) => ({
        where: whereText(where),
        key: `remote.${name}`,
        message: "accepted, without effect: nothing refers to it",
      }));
  }

  #missing(
    { where }: Located,
    path: string,
    name: string,
    kind: string,
    known: ReadonlyMap<string, unknown>,
  ): void {
    const names = [...known.keys()];
    const what = name === "" ? "names none" : `${quoted(name)} is none`;
    const message = `${what} of ${kind}: ${someOf(names)}${didYouMean(name, names)}`;
    this.problems.push({ where, path, message });
  }
}

/** A registry of dubbo-go 1.5, without the parameters that say where the rest is. */
function discoveryOf(node: LocatedMap) {
  const rest = new Map(node.entries);
  const params = rest.get("params");
  rest.delete("params");
  if (params?.value.kind !== "map") return { rest, params: undefined, chosen: undefined };
  const kept = new Map<string, LocatedEntry>();
  let chosen: string | undefined;
  for (const [key, entry] of params.value.entries) {
    if (!references.has(fold(key))) kept.set(key, entry);
    else if (fold(key) === "servicediscovery") chosen = textOf(params.value, key);
  }
  return { rest, params: { ...params, value: { ...params.value, entries: kept } }, chosen };
}

function entriesOf(root: LocatedMap, key: string): ReadonlyMap<string, LocatedEntry> {
  const value = root.entries.get(key)?.value;
  return value?.kind === "map" ? value.entries : new Map();
}

/** Without the keys whose text is empty: they say nothing, so they take nothing back. */
function given(node: Located): Located {
  if (node.kind !== "map") return node;
  return {
    ...node,
    entries: new Map([...node.entries].filter(([, { value }]) => value.kind !== "text" || value.text !== "")),
  };
}
