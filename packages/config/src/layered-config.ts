import { readCenterText } from "./center/center-text.js";
import { type ChangedSetting, differences } from "./changed-settings.js";
import type { Config } from "./config.js";
import type { ConfigItem } from "./config-center.js";
import { type ExplainedSetting, explainSettings, type Layer } from "./explain.js";
import { keyText, type Leaf, leavesOf, metaAt, nodeAt, pathText, treeOf, valueText } from "./leaves.js";
import { layOver, type Problem, type Where } from "./located.js";
import { centerName, type LayerSources, type Made, makeConfig } from "./make-config.js";
import { whereText } from "./notices.js";
import { throwIfAny } from "./problems.js";
import { fold } from "./schema/key.js";
import { shownValue } from "./shown-value.js";
import { toConfig } from "./to-config.js";

/** A text of a config center, in the order in which they are laid over each other. */
export interface CenterItem {
  /** The name of the config center, for people. */
  readonly center: string;
  readonly item: ConfigItem;
  /** Undefined: there is none. */
  readonly text: string | undefined;
}

/** A setting of a config center that was not taken over; what was there before holds. */
export interface RefusedSetting {
  /** As files have it by preference; empty: the text as a whole. */
  readonly key: string;
  /** What it was to be; a secret as `***`. Undefined: the text cannot be read. */
  readonly value: string | undefined;
  /** Which config center, key, group and line. */
  readonly source: string;
  readonly message: string;
  /** What holds instead. Undefined: the default. */
  readonly kept: string | undefined;
}

/** What became of new texts of the config centers. */
export interface CenterChange {
  readonly config: Config;
  /** What is different in {@link config} now. */
  readonly changed: readonly ChangedSetting[];
  readonly refused: readonly RefusedSetting[];
  /** What is set anew and waits for the next start. */
  readonly restart: readonly ChangedSetting[];
  /** Keys of the texts that mean nothing here. */
  readonly ignored: readonly string[];
}

/** How texts of config centers are taken over. */
export interface CenterOptions {
  /** True: nothing runs yet, so that everything may change. Default: what needs a restart stays as it is. */
  readonly starting?: boolean;
  /** What may be named where a consumer chooses. Default: every name that the configuration knows. */
  readonly implemented?: {
    readonly clusters: readonly string[];
    readonly loadBalancers: readonly string[];
  };
}

/** A configuration that knows the layers it was made of. Never changes: other texts make another one. */
export interface LayeredConfig {
  readonly config: Config;
  /**
   * The same with what config centers say at present, laid over files and environment, under what the program says.
   * A bad value is left out alone: what was there before holds, and the other ones of the text are taken over.
   */
  withCenter(items: readonly CenterItem[], options?: CenterOptions): CenterChange;
  /**
   * Every setting: its value, where it came from and what it covers. Secrets as `***`.
   * @param unset also those that nobody set and that have no default here.
   */
  explain(options?: { readonly unset?: boolean }): readonly ExplainedSetting[];
}

const layeredKey: unique symbol = Symbol("dubbo-ts.layered");

/** The layers of a configuration of `loadConfig`. Undefined: it was made in another way, or copied. */
export function layeredOf(config: Config): LayeredConfig | undefined {
  return (config as { readonly [layeredKey]?: LayeredConfig })[layeredKey];
}

/** @throws {ConfigError} CONFIG_INVALID. */
export function layeredConfig(sources: LayerSources): LayeredConfig {
  const made = makeConfig(sources, []);
  if ("problems" in made) {
    throwIfAny(made.problems);
    throw made.error;
  }
  return new Revision(sources, made, [], []);
}

class Revision implements LayeredConfig {
  readonly config: Config;

  /**
   * @param center what holds of the config centers.
   * @param wanted what they say besides, as far as it is right: what holds after a restart.
   */
  constructor(
    private readonly sources: LayerSources,
    private readonly made: Made,
    private readonly center: readonly Leaf[],
    private readonly wanted: readonly Leaf[],
  ) {
    const { files, notices } = sources;
    const plain = toConfig(made.parsed, files, [...notices, ...made.notices]);
    // Not enumerable: whoever prints a configuration prints no layers, whose secrets are not marked.
    this.config = Object.freeze(Object.defineProperty({ ...plain }, layeredKey, { value: this }));
  }

  withCenter(items: readonly CenterItem[], options: CenterOptions = {}): CenterChange {
    const read = this.#read(items);
    const checked = this.#accepted(read.leaves, options);
    const refused = [...read.refused, ...checked.refused];
    const { ignored } = read;
    if (checked.leaves === undefined)
      return { config: this.config, changed: [], refused, restart: [], ignored };
    const wanted = checked.leaves;
    const cold = (leaf: Leaf) => metaAt(this.sources.schema, leaf.path)?.hot !== true;
    const center =
      options.starting === true
        ? wanted
        : [...this.center.filter(cold), ...wanted.filter((leaf) => !cold(leaf))];
    const made = makeConfig(this.sources, center);
    if ("problems" in made) {
      // Right together with what needs a restart, and wrong without it.
      const waiting = made.problems.map((problem) => this.#refused(problem, undefined));
      return { config: this.config, changed: [], refused: [...refused, ...waiting], restart: [], ignored };
    }
    const next = new Revision(this.sources, made, center, wanted);
    const restart =
      options.starting === true ? [] : differences(this.center.filter(cold), wanted.filter(cold));
    return {
      config: next.config,
      changed: differences(leavesOf(this.made.filled), leavesOf(made.filled)),
      refused,
      restart,
      ignored,
    };
  }

  explain({ unset = false }: { readonly unset?: boolean } = {}): readonly ExplainedSetting[] {
    const { below, above, env, schema } = this.sources;
    const center: Layer = { kind: "config-center", root: treeOf(this.center, centerName) };
    const { raw, filled } = this.made;
    return explainSettings({ layers: [...below, center, ...above], raw, filled, env, schema, unset });
  }

  /** The settings of all texts; of one that cannot be read those that it had before. */
  #read(items: readonly CenterItem[]) {
    const leaves = new Map<string, Leaf>();
    const refused: RefusedSetting[] = [];
    const ignored: string[] = [];
    const known = [...this.sources.below, ...this.sources.above].map(({ root }) => root).reduce(layOver);
    for (const { center, item, text } of items) {
      if (text === undefined || text.trim() === "") continue;
      const name = `${center} ${item.key} (group ${item.group})`;
      const read = readCenterText(name, text, this.sources.schema, known);
      const broken = read.problems.length > 0 && read.leaves.length === 0;
      const before = this.wanted.filter(({ where }) => where.file === name);
      for (const leaf of broken ? before : read.leaves) leaves.set(pathText(leaf.path), leaf);
      refused.push(...read.problems.map((problem) => this.#refused(problem, undefined)));
      ignored.push(...read.ignored);
    }
    return { leaves: [...leaves.values()], refused, ignored };
  }

  /** What of `leaves` is right; undefined: the whole is wrong, and no single setting is to blame. */
  #accepted(
    leaves: readonly Leaf[],
    { implemented }: CenterOptions,
  ): { readonly leaves: readonly Leaf[] | undefined; readonly refused: readonly RefusedSetting[] } {
    const refused: RefusedSetting[] = [];
    let left = leaves;
    for (;;) {
      const named = left.flatMap((leaf) => notImplemented(leaf, implemented) ?? []);
      const made = named.length > 0 ? { problems: named } : makeConfig(this.sources, left);
      if (!("problems" in made)) return { leaves: left, refused };
      const wrong = new Map<Leaf, Problem>();
      for (const problem of made.problems)
        for (const leaf of left)
          if (samePlace(leaf.where, problem.where) || samePlace(leaf.value.where, problem.where))
            wrong.set(leaf, problem);
      if (wrong.size === 0)
        return { leaves: undefined, refused: made.problems.map((one) => this.#refused(one, undefined)) };
      for (const [leaf, problem] of wrong) refused.push(this.#refused(problem, leaf));
      left = left.flatMap((leaf) => (wrong.has(leaf) ? this.#before(leaf) : [leaf]));
    }
  }

  /** What the config center said before in the place of a bad value. */
  #before(leaf: Leaf): readonly Leaf[] {
    const text = pathText(leaf.path);
    return this.wanted.filter((one) => pathText(one.path) === text && !samePlaceAndValue(one, leaf));
  }

  #refused({ where, path, message }: Problem, leaf: Leaf | undefined): RefusedSetting {
    const kept = leaf && nodeAt(this.made.filled, leaf.path);
    return {
      key: leaf === undefined ? path : keyText(leaf.path),
      value: leaf && shownValue(leaf.path, valueText(leaf.value)),
      source: whereText(where),
      message,
      kept: kept && leaf && shownValue(leaf.path, valueText(kept)),
    };
  }
}

/** A name that the configuration knows, of what this framework does not have. */
function notImplemented(leaf: Leaf, names: CenterOptions["implemented"]): Problem | undefined {
  const last = leaf.path.at(-1);
  const known =
    last === "cluster" ? names?.clusters : last === "loadBalance" ? names?.loadBalancers : undefined;
  // A free parameter may be called so too.
  if (known === undefined || leaf.path[0] !== "consumer" || leaf.path.at(-2) === "params") return undefined;
  if (leaf.value.kind !== "text") return undefined;
  const { text } = leaf.value;
  if (text === "" || text.includes("${") || known.some((name) => fold(name) === fold(text))) return undefined;
  const message = `${JSON.stringify(text.slice(0, 60))} is none of those that are implemented: ${known.join(", ")}`;
  return { where: leaf.where, path: keyText(leaf.path), message };
}

function samePlace(a: Where, b: Where): boolean {
  return a.file === b.file && a.line === b.line && a.column === b.column;
}

function samePlaceAndValue(a: Leaf, b: Leaf): boolean {
  return samePlace(a.where, b.where) && valueText(a.value) === valueText(b.value);
}
