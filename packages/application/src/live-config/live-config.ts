import {
  type CenterChange,
  type CenterItem,
  type Config,
  type ConfigCenter,
  type ConfigItem,
  layeredOf,
  type OverrideRule,
  readOverrideRule,
} from "@dubbo-ts/config";
import { abortable, deadline, RegistryError, type Runtime, type ServiceKey } from "@dubbo-ts/core";
import { type WatchedItem, watchItem } from "./watched-item.js";

/** What settings are at one moment. Never changes: a change is another one. */
export interface LiveState {
  readonly config: Config;
  /** Rules of operators by their keys, `demo-app.configurators`; of several config centers in their order. */
  readonly rules: ReadonlyMap<string, readonly OverrideRule[]>;
}

/** What a running application has taken over. */
export interface ConfigChange {
  /** As files have them by preference, `consumer.timeout`; of a rule its key, `demo-app.configurators`. */
  readonly keys: readonly string[];
  readonly config: Config;
}

/** What {@link LiveConfig.open} needs. */
export interface LiveConfigOptions {
  readonly config: Config;
  /** Later ones win. Empty: nothing ever changes. */
  readonly centers: readonly ConfigCenter[];
  /** True: an opening that gets no answer fails. */
  readonly check: boolean;
  /** How long the first answers may take together. */
  readonly timeoutMs: number;
  /** Names that consumers may choose. */
  readonly implemented: { readonly clusters: readonly string[]; readonly loadBalancers: readonly string[] };
  readonly runtime: Runtime;
}

/** Rules are in this group always (`DynamicConfiguration.DEFAULT_GROUP` of apache/dubbo), settings by default. */
const defaultGroup = "dubbo";
const defaultDataId = "dubbo.properties";

/** How long a reference waits to hear whether there are rules for it: not to be waited for when nobody answers. */
const rulesWaitMs = 500;

/** The settings of an application, and that they follow the config centers while it runs. */
export class LiveConfig implements AsyncDisposable {
  #state: LiveState;
  readonly #texts = new Map<string, CenterItem>();
  readonly #rules = new Map<string, OverrideRule>();
  readonly #watched = new Map<string, { users: number; readonly items: readonly WatchedItem[] }>();
  readonly #listeners = new Set<(change: ConfigChange) => void>();
  readonly #settings: WatchedItem[] = [];
  /** What was said last about settings that need a restart, so that it is said once. */
  #saidRestart = "[]";
  #answering = true;
  #closed = false;

  private constructor(private readonly options: LiveConfigOptions) {
    this.#state = { config: options.config, rules: new Map() };
  }

  /**
   * Reads what the config centers say, then follows it.
   * @throws {RegistryError} REGISTRY_UNAVAILABLE and what else reading throws: with `check`.
   */
  static async open(options: LiveConfigOptions): Promise<LiveConfig> {
    const live = new LiveConfig(options);
    try {
      await live.#read();
    } catch (error) {
      if (options.check) throw error;
      live.#answering = false;
      options.runtime.log.warn({ err: error }, "the config center does not answer; starting without it");
    }
    live.#follow();
    return live;
  }

  /** Where settings and rules are read; later ones win. */
  get centers(): readonly ConfigCenter[] {
    return this.options.centers;
  }

  get state(): LiveState {
    return this.#state;
  }

  /** Tells of changes until the returned function is called. */
  onChange(listener: (change: ConfigChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The rules that are for calls of a service, or for a service; those of the service win. */
  rulesFor({ serviceInterface, version, group }: ServiceKey): readonly OverrideRule[] {
    const { rules, config } = this.#state;
    const ofApplication = rules.get(`${config.application.name}.configurators`) ?? [];
    return [...ofApplication, ...(rules.get(serviceRules(serviceInterface, version, group)) ?? [])];
  }

  /** Follows the rules of a service until the returned function is called; resolves when they are known, or late. */
  async followService({ serviceInterface, version, group }: ServiceKey): Promise<() => Promise<void>> {
    const key = serviceRules(serviceInterface, version, group);
    const leave = this.#followRules(key);
    await this.#heard(this.#watched.get(key)?.items ?? []);
    return leave;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const items = [...this.#settings, ...[...this.#watched.values()].flatMap((watched) => watched.items)];
    this.#watched.clear();
    await Promise.all(items.map((item) => item[Symbol.asyncDispose]()));
  }

  /** Settings are read in the group of all, then in that of the application, as Java does (peers J3). */
  get #items(): readonly ConfigItem[] {
    const { application, configCenter } = this.options.config;
    const key = configCenter?.dataId ?? defaultDataId;
    return [
      { key, group: configCenter?.group ?? defaultGroup },
      { key: configCenter?.appDataId ?? key, group: application.name },
    ];
  }

  async #read(): Promise<void> {
    const { centers, timeoutMs, runtime } = this.options;
    if (centers.length === 0) return;
    const late = () => {
      const [cause, ...others] = centers.flatMap(({ failure }) => failure ?? []);
      const known = [cause, ...others].flatMap((failure) => failure?.message ?? []);
      const names = centers.map(({ name }) => name).join(", ");
      const why = [`${names}: no answer in ${timeoutMs} ms`, ...new Set(known)].join("; ");
      return new RegistryError(cause?.code ?? "REGISTRY_UNAVAILABLE", why, { cause });
    };
    using limit = deadline(runtime.clock, timeoutMs, late);
    const { signal } = limit;
    const reading = this.#places().map(async ({ center, label, item }) => {
      const record = await abortable(center.get(item, signal), signal);
      return { center: label, item, text: record?.text };
    });
    for (const read of await Promise.all(reading)) this.#texts.set(placeOf(read.center, read.item), read);
    this.#apply(true);
  }

  /** Two centers may have one name, as two namespaces of a server do: for people they are numbered then. */
  #places() {
    const { centers } = this.options;
    return centers.flatMap((center, at) => {
      const before = centers.slice(0, at).filter(({ name }) => name === center.name).length;
      const label = before === 0 ? center.name : `${center.name} [${before + 1}]`;
      return this.#items.map((item) => ({ center, label, item }));
    });
  }

  #follow(): void {
    const { runtime, config } = this.options;
    for (const { center, label, item } of this.#places()) {
      const place = placeOf(label, item);
      // In their order from the start, whichever is heard of first.
      if (!this.#texts.has(place)) this.#texts.set(place, { center: label, item, text: undefined });
      const onText = (text: string | undefined) => {
        this.#answering = true;
        if (this.#texts.get(place)?.text === text || this.#closed) return;
        this.#texts.set(place, { center: label, item, text });
        this.#apply(false);
      };
      this.#settings.push(watchItem(center, item, onText, runtime));
    }
    if (this.options.centers.length > 0) this.#followRules(`${config.application.name}.configurators`);
  }

  #apply(starting: boolean): void {
    const layered = layeredOf(this.#state.config);
    const items = [...this.#texts.values()];
    if (layered === undefined) {
      if (items.some(({ text }) => text !== undefined))
        this.options.runtime.log.warn(
          {},
          "the configuration is not of loadConfig: no config center changes it",
        );
      return;
    }
    const change = layered.withCenter(items, { starting, implemented: this.options.implemented });
    this.#report(change, starting);
    this.#change(
      { ...this.#state, config: change.config },
      change.changed.map(({ key }) => key),
    );
  }

  #report({ changed, refused, restart, ignored }: CenterChange, starting: boolean): void {
    const { log } = this.options.runtime;
    for (const { key, value, source, message, kept } of refused)
      log.error({ key, value, source, kept }, `a setting of the config center was refused: ${message}`);
    if (changed.length > 0) log.info({ settings: changed }, "settings of the config center were taken over");
    if (ignored.length > 0 && starting)
      log.info({ keys: ignored }, "keys of the config center that mean nothing here");
    const text = JSON.stringify(restart);
    if (text !== this.#saidRestart && restart.length > 0)
      log.warn({ settings: restart }, "settings of the config center take effect after a restart");
    this.#saidRestart = text;
  }

  #change(state: LiveState, keys: readonly string[]): void {
    const before = this.#state;
    if (keys.length === 0 && before.rules === state.rules) {
      // What it knows of the config center is newer all the same.
      this.#state = state;
      return;
    }
    this.#state = state;
    for (const listener of this.#listeners)
      try {
        listener({ keys, config: state.config });
      } catch (error) {
        this.options.runtime.log.error({ err: error }, "a listener of configuration changes failed");
      }
  }

  #followRules(key: string): () => Promise<void> {
    const watched = this.#watched.get(key) ?? { users: 0, items: this.#watchRules(key) };
    watched.users += 1;
    this.#watched.set(key, watched);
    let left = false;
    return async () => {
      if (left) return;
      left = true;
      watched.users -= 1;
      if (watched.users > 0 || this.#watched.get(key) !== watched) return;
      this.#watched.delete(key);
      const closed = Promise.all(watched.items.map((item) => item[Symbol.asyncDispose]()));
      this.#forget(key);
      await closed;
    };
  }

  /** Nobody asks for these rules any more: whoever does next hears them anew. */
  #forget(key: string): void {
    this.options.centers.forEach((_, index) => this.#rules.delete(`${index} ${key}`));
    const rules = new Map(this.#state.rules);
    if (rules.delete(key)) this.#state = { ...this.#state, rules };
  }

  #watchRules(key: string): readonly WatchedItem[] {
    const { centers, runtime } = this.options;
    return centers.map((center, index) =>
      watchItem(center, { key, group: defaultGroup }, (text) => this.#onRule(key, index, text), runtime),
    );
  }

  #onRule(key: string, index: number, text: string | undefined): void {
    this.#answering = true;
    const place = `${index} ${key}`;
    const before = this.#rules.get(place);
    if (text === undefined || text.trim() === "") this.#rules.delete(place);
    else {
      const { rule, problems } = this.#checked(text);
      if (rule === undefined)
        return this.options.runtime.log.error(
          { key, group: defaultGroup, problems, kept: before !== undefined },
          "a rule of the config center was refused; what was there before holds",
        );
      this.#rules.set(place, rule);
    }
    if (before === undefined && !this.#rules.has(place)) return;
    const ofKey = this.options.centers.flatMap((_, at) => this.#rules.get(`${at} ${key}`) ?? []);
    const rules = new Map(this.#state.rules).set(key, ofKey);
    const sideless = ofKey.some(({ items }) => items.some(({ side }) => side === undefined));
    if (sideless) this.options.runtime.log.warn({ key }, "a rule without side has no effect, as in Java");
    this.options.runtime.log.info({ key, rules: ofKey.length }, "a rule of the config center was taken over");
    this.#change({ ...this.#state, rules }, [key]);
  }

  #checked(text: string): ReturnType<typeof readOverrideRule> {
    const read = readOverrideRule(text);
    const { clusters, loadBalancers } = this.options.implemented;
    const problems = (read.rule?.items ?? []).flatMap(({ side, parameters }) =>
      Object.entries(parameters).flatMap(([name, value]) => {
        const last = name.slice(name.lastIndexOf(".") + 1);
        const known = last === "cluster" ? clusters : last === "loadbalance" ? loadBalancers : undefined;
        if (side !== "consumer" || known === undefined || known.includes(value)) return [];
        return [`${name}: ${JSON.stringify(value.slice(0, 60))} is none of ${known.join(", ")}`];
      }),
    );
    return problems.length === 0 ? read : { problems };
  }

  async #heard(items: readonly WatchedItem[]): Promise<void> {
    if (items.length === 0 || !this.#answering) return;
    using limit = deadline(this.options.runtime.clock, rulesWaitMs, () => new Error("late"));
    const all = Promise.all(items.map(({ known }) => known));
    await abortable(all, limit.signal).catch(() => (this.#answering = false));
  }
}

/** `getColonSeparatedKey` of apache/dubbo: empty parts keep their colons. */
function serviceRules(serviceInterface: string, version: string, group: string): string {
  return `${serviceInterface}:${version}:${group}.configurators`;
}

function placeOf(center: string, { key, group }: ConfigItem): string {
  return JSON.stringify([center, group, key]);
}
