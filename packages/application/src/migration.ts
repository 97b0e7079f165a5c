import {
  type Config,
  type ConfigCenter,
  type MigrationRule,
  type MigrationSettings,
  migrationStep,
  readMigrationRule,
} from "@dubbo-ts/config";
import { deadline, Latest, type Runtime, type ServiceKey } from "@dubbo-ts/core";
import type {
  MigratingDiscovery,
  MigrationPlan,
  MigrationRules,
  MigrationStatus,
  MigrationStep,
} from "@dubbo-ts/discovery";
import { type WatchedItem, watchItem } from "./live-config/watched-item.js";

/** What {@link Migration} needs. */
export interface MigrationOptions {
  /** The settings at present. */
  readonly config: () => Config;
  /** Tells of other settings. */
  readonly onConfigChange: (listener: () => void) => () => void;
  /** Where rules are read; later ones win. */
  readonly centers: readonly ConfigCenter[];
  readonly runtime: Runtime;
}

/** Where Java keeps the rule (`MigrationRuleListener.java`). */
const ruleGroup = "DUBBO_SERVICEDISCOVERY_MIGRATION";

/**
 * Says for each service where its providers are taken from. What the program said last wins; then the rule of the
 * configuration center, its entry for the interface before that for an application before the rule itself; then the
 * settings.
 */
export class Migration implements MigrationRules, AsyncDisposable {
  /** By interface; empty: all others. */
  readonly #chosen = new Map<string, MigrationStep>();
  readonly #rules = new Map<ConfigCenter, MigrationRule>();
  readonly #listeners = new Set<() => void>();
  readonly #items: readonly WatchedItem[];
  readonly #ignoreConfig: () => void;

  constructor(private readonly options: MigrationOptions) {
    const { centers, runtime, config, onConfigChange } = options;
    this.#ignoreConfig = onConfigChange(() => this.#tell());
    const item = { key: `${config().application.name}.migration`, group: ruleGroup };
    this.#items = centers.map((center) =>
      watchItem(center, item, (text) => this.#onText(center, item.key, text), runtime),
    );
  }

  planFor(service: ServiceKey, applications: readonly string[]): MigrationPlan {
    const { application, consumer } = this.options.config();
    const step = this.#chosen.get(service.serviceInterface) ?? this.#chosen.get("");
    const rules = [...this.#rules.values()].reverse();
    const references = Object.values(consumer.references);
    const own = references.find((one) => one.interface === service.serviceInterface);
    const layers = [
      { step },
      ...rules.flatMap((rule) => layersOf(rule, service, applications)),
      settingsIn(own?.params ?? {}),
      settingsIn(consumer.params),
    ];
    return laid(layers, application.migration);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What the program wants from now on, for one interface or for all; undefined: what rules and settings say. */
  choose(step: MigrationStep | undefined, serviceInterface = ""): void {
    if (step === undefined) this.#chosen.delete(serviceInterface);
    else this.#chosen.set(serviceInterface, step);
    this.#tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ignoreConfig();
    await Promise.all(this.#items.map((item) => item[Symbol.asyncDispose]()));
  }

  #onText(center: ConfigCenter, key: string, text: string | undefined): void {
    if (text === undefined || text.trim() === "") {
      if (this.#rules.delete(center)) this.#tell();
      return;
    }
    const { rule, problems } = readMigrationRule(text);
    const { log } = this.options.runtime;
    if (rule === undefined)
      return log.warn({ key, problems }, "a migration rule is wrong; what held before holds on");
    this.#rules.set(center, rule);
    log.info({ key, step: rule.step }, "a migration rule was taken over");
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What a rule says of a service, the most particular first. */
function layersOf(
  rule: MigrationRule,
  { serviceInterface, version }: ServiceKey,
  applications: readonly string[],
): readonly (MigrationSettings | undefined)[] {
  const name = version === "" ? serviceInterface : `${serviceInterface}:${version}`;
  return [rule.interfaces.get(name), ...applications.map((one) => rule.applications.get(one)), rule];
}

/** Java's parameters of a reference (`migration.step` and so on, `MigrationRule.java`); delay in seconds. */
function settingsIn(params: Readonly<Record<string, string>>): MigrationSettings {
  const number = (name: string) => {
    const value = Number(params[name] ?? "x");
    return Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  const proportion = number("migration.promotion");
  const delay = number("migration.delay");
  const force = params["migration.force"];
  return {
    step: migrationStep(params["migration.step"] ?? ""),
    threshold: number("migration.threshold"),
    proportion: proportion === undefined ? undefined : Math.min(100, proportion),
    delayMs: delay === undefined ? undefined : delay * 1_000,
    force: force === undefined ? undefined : force === "true",
  };
}

function laid(layers: readonly (MigrationSettings | undefined)[], last: MigrationPlan): MigrationPlan {
  const first = <K extends keyof MigrationPlan>(key: K): MigrationPlan[K] =>
    (layers.map((layer) => layer?.[key]).find((value) => value !== undefined) as
      | MigrationPlan[K]
      | undefined) ?? last[key];
  const threshold = layers.map((layer) => layer?.threshold).find((one) => one !== undefined && one >= 0);
  return {
    step: first("step"),
    threshold: threshold ?? last.threshold,
    proportion: first("proportion"),
    delayMs: first("delayMs"),
    force: first("force"),
  };
}

/** Which references a switch is about, and how long it is waited for. */
export interface MigrateOptions {
  /** Default: those of all interfaces. */
  readonly interface?: string | undefined;
  /** Default 5000 ms. */
  readonly waitMs?: number | undefined;
}

/** Chooses `step`, and waits until the references that it is about have followed, but no longer than `waitMs`. */
export async function migrate(
  step: MigrationStep | undefined,
  { interface: serviceInterface, waitMs = 5_000 }: MigrateOptions,
  migration: Migration,
  discovery: MigratingDiscovery,
  { clock }: Runtime,
): Promise<readonly MigrationStatus[]> {
  const concerned = () =>
    discovery.status.filter(
      ({ service }) => serviceInterface === undefined || service.serviceInterface === serviceInterface,
    );
  const changes = new Latest<void>();
  const ignore = discovery.onSwitch(() => changes.set());
  using limit = deadline(clock, waitMs, () => undefined);
  limit.signal.addEventListener("abort", () => changes.end(), { once: true });
  try {
    migration.choose(step, serviceInterface);
    if (!concerned().every(hasArrived))
      for await (const _ of changes) if (concerned().every(hasArrived)) break;
  } finally {
    ignore();
  }
  return concerned();
}

/** True when `status` is where its step leads: with `application-first` either side is. */
function hasArrived({ step, serving }: MigrationStatus): boolean {
  if (step === "application-first") return serving !== undefined;
  return serving === (step === "force-interface" ? "interface" : "application");
}
