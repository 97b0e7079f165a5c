import { type Endpoint, endpoint, type Resolution, type ServiceKey } from "@dubbo-ts/core";

/**
 * From which records a consumer takes its providers: those of the interface, as in Dubbo 2; those of the applications;
 * or of these where there are enough, else of the interface.
 */
export type MigrationStep = "force-interface" | "application-first" | "force-application";

/** What holds for one service at present (app-level discovery 9.2). */
export interface MigrationPlan {
  readonly step: MigrationStep;
  /** So many addresses of the new kind there must be for one of the old, before it is taken. 0: any number is enough. */
  readonly threshold: number;
  /** Per cent of the calls that go to addresses of applications in `application-first`; the others go to those of the interface. */
  readonly proportion: number;
  /** How long a changed `force-…` step waits, in ms. */
  readonly delayMs: number;
  /** True: a `force-…` step holds though there may be nobody to call. */
  readonly force: boolean;
}

/** Where providers are found. */
export type AddressSource = "application" | "interface";

/** Says what holds for each service, and when that changes. */
export interface MigrationRules {
  /** @param applications those that are known to provide the service. */
  planFor(service: ServiceKey, applications: readonly string[]): MigrationPlan;
  /** Calls `listener` when plans may be others; the result ends that. */
  onChange(listener: () => void): () => void;
}

/** How one watched service stands. */
export interface MigrationStatus {
  readonly service: ServiceKey;
  readonly step: MigrationStep;
  /** Where its providers come from; undefined: there are none yet. */
  readonly serving: AddressSource | undefined;
}

/** What is known of a service in both sources; undefined: it is not followed there, or nothing was heard. */
export interface KnownAddresses {
  readonly application: Resolution | undefined;
  readonly interface: Resolution | undefined;
}

/**
 * Chooses the source, as Java's `MigrationInvoker` and `DefaultMigrationAddressComparator` do, but for one thing: a
 * `force-…` step that finds too few addresses does not give up, it goes on with the present source until there are enough.
 *
 * @param serving where calls go now; undefined: nowhere yet.
 */
export function chooseSource(
  { step, threshold, force }: MigrationPlan,
  known: KnownAddresses,
  serving: AddressSource | undefined,
): AddressSource {
  if (step === "application-first") {
    const enough = passes(countOf(known.application), countOf(known.interface), threshold);
    return enough || countOf(known.interface) === 0 ? "application" : "interface";
  }
  const [target, other] = sourcesOf(step);
  const mayLeave = force || passes(countOf(known[target]), countOf(known[other]), threshold);
  return !mayLeave && serving === other && countOf(known[other]) > 0 ? other : target;
}

/** What a `force-…` step leads to, and what it leads away from. */
function sourcesOf(step: "force-interface" | "force-application"): readonly [AddressSource, AddressSource] {
  return step === "force-interface" ? ["interface", "application"] : ["application", "interface"];
}

/** Java's threshold test: `count` addresses of the new kind beside `other` of the old. */
function passes(count: number, other: number, threshold: number): boolean {
  if (count === 0) return false;
  return other === 0 || count / other >= threshold;
}

function countOf(resolution: Resolution | undefined): number {
  return resolution?.state === "resolved" ? resolution.endpoints.length : 0;
}

/** Endpoints of both sources, each address once. */
export function beside(first: readonly Endpoint[], second: readonly Endpoint[]): readonly Endpoint[] {
  const known = new Set(first.map(({ key }) => key));
  return [...first, ...second.filter(({ key }) => !known.has(key))];
}

/** Weights are whole numbers: so much is one hundred per cent. */
const weightInAll = 1_000_000;

/**
 * Endpoints of both sources, weighted so that `proportion` per cent of the calls are shared among those of the
 * applications as their weights say, and the others among those of the interface. An address in both has both shares.
 */
export function blend(
  applications: readonly Endpoint[],
  interfaces: readonly Endpoint[],
  proportion: number,
): readonly Endpoint[] {
  const shares = new Map<string, { readonly endpoint: Endpoint; weight: number }>();
  const add = (endpoints: readonly Endpoint[], percent: number) => {
    const total = endpoints.reduce((sum, { weight }) => sum + weight, 0);
    for (const one of endpoints) {
      const share = total === 0 ? 0 : (one.weight / total) * (percent / 100) * weightInAll;
      const known = shares.get(one.key);
      if (known === undefined) shares.set(one.key, { endpoint: one, weight: share });
      else known.weight += share;
    }
  };
  add(applications, proportion);
  add(interfaces, 100 - proportion);
  return [...shares.values()].map((share) =>
    endpoint({ ...share.endpoint, weight: Math.round(share.weight) }),
  );
}
