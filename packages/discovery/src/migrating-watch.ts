import {
  type Endpoint,
  NoProviderError,
  type Resolution,
  type Runtime,
  type ServiceKey,
  type Timer,
} from "@dubbo-ts/core";
import { type OnResolution, tell } from "./following.js";
import type { InterfaceDiscovery } from "./interface-discovery.js";
import {
  type AddressSource,
  beside,
  blend,
  chooseSource,
  type MigrationPlan,
  type MigrationRules,
  type MigrationStatus,
} from "./migration-choice.js";
import type { ServiceDiscovery, WatchQuery } from "./service-discovery.js";

/** What all {@link MigratingWatch}es of a discovery share. */
export interface MigratingWatchContext {
  readonly applications: Pick<ServiceDiscovery, "follow">;
  readonly interfaces: Pick<InterfaceDiscovery, "available" | "follow">;
  readonly rules: MigrationRules;
  /** Told when providers come from the other source, and when they first come. */
  readonly onSwitch: () => void;
  /** Told when a watch has ended. */
  readonly onEnd: (watch: MigratingWatch) => void;
  readonly runtime: Runtime;
  /** The applications of a list's endpoints; equal ones are one array. */
  readonly applicationsOf: (endpoints: readonly Endpoint[]) => readonly string[];
}

/** After so long without a word of the applications the interface is looked at as well. */
const patienceMs = 1_000;
/** So long a call waits for a word of the interface when no application provides the service. */
const graceMs = 3_000;
/** After so long of service by applications the interface is not followed any more. */
const lingerMs = 60_000;

const none: readonly never[] = [];
const sources: readonly AddressSource[] = ["application", "interface"];

/** One source while it is followed. */
interface Followed {
  readonly following: AsyncDisposable;
  readonly sinceMs: number;
  resolution: Resolution | undefined;
}

/** The providers of one watched service, from the one source or the other. */
export class MigratingWatch implements AsyncDisposable {
  readonly #followed: { [source in AddressSource]: Followed | undefined } = {
    application: undefined,
    interface: undefined,
  };
  /** What is not followed any more, while it is being closed. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #ignoreRules: () => void;
  #plan: MigrationPlan;
  /** What the rules said last, and of which applications. */
  #planned:
    | (Readonly<Record<AddressSource, readonly string[]>> & { readonly plan: MigrationPlan })
    | undefined;
  #delayed: Timer | undefined;
  #wake: Timer | undefined;
  #serving: AddressSource | undefined;
  /** When applications began to suffice. */
  #sufficientMs: number | undefined;
  #blended: { readonly parts: readonly unknown[]; readonly resolution: Resolution } | undefined;
  #shown: Resolution | undefined;
  #ended = false;

  /** `onResolution` is not told before this has returned. */
  constructor(
    private readonly query: WatchQuery,
    private readonly onResolution: OnResolution,
    private readonly context: MigratingWatchContext,
  ) {
    this.#plan = this.#planNow();
    this.#ignoreRules = context.rules.onChange(() => this.#onRules());
    queueMicrotask(() => this.#evaluate());
  }

  get status(): MigrationStatus {
    return { service: this.query.service, step: this.#plan.step, serving: this.#serving };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#end();
    await Promise.all(this.#leaving);
  }

  #end(): void {
    this.#ended = true;
    this.#ignoreRules();
    this.#delayed?.cancel();
    this.#wake?.cancel();
    for (const source of sources) this.#unfollow(source);
    this.context.onEnd(this);
  }

  /** A changed `force-…` step may be told to wait; a rule that changes meanwhile is the one that holds then. */
  #onRules(): void {
    this.#planned = undefined;
    this.#delayed?.cancel();
    this.#delayed = undefined;
    const { step, delayMs } = this.#planNow();
    if (
      step === this.#plan.step ||
      step === "application-first" ||
      delayMs === 0 ||
      this.#serving === undefined
    )
      return this.#evaluate();
    const adopt = () => {
      this.#delayed = undefined;
      this.#evaluate();
    };
    this.#delayed = this.context.runtime.clock.setTimeout(adopt, delayMs, { background: true });
  }

  #planNow(): MigrationPlan {
    const application = this.#applicationsOf("application");
    const other = this.#applicationsOf("interface");
    const planned = this.#planned;
    if (planned !== undefined && planned.application === application && planned.interface === other)
      return planned.plan;
    const names = new Set([...(this.query.providedBy ?? []), ...application, ...other]);
    const plan = this.context.rules.planFor(this.query.service, [...names]);
    this.#planned = { application, interface: other, plan };
    return plan;
  }

  /** Of those that `source` tells of. */
  #applicationsOf(source: AddressSource): readonly string[] {
    const resolution = this.#known(source);
    return resolution?.state === "resolved" ? this.context.applicationsOf(resolution.endpoints) : none;
  }

  #known(source: AddressSource): Resolution | undefined {
    return this.#followed[source]?.resolution;
  }

  /** Brings sources and what is shown in line with the plan and with what is known. */
  #evaluate(): void {
    if (this.#ended) return;
    if (this.#delayed === undefined) this.#plan = this.#planNow();
    const known = { application: this.#known("application"), interface: this.#known("interface") };
    const chosen = chooseSource(this.#plan, known, this.#serving);
    const isServed = known[chosen]?.state === "resolved";
    if (isServed && chosen !== this.#serving) this.#switchTo(chosen);
    if (!isServed || chosen === "interface") this.#sufficientMs = undefined;
    else this.#sufficientMs ??= this.#nowMs;
    // The new source is followed before the old one is let go, and the old one until the new one has providers.
    this.#follow(chosen);
    for (const source of sources)
      if (this.#needs(source, chosen)) this.#follow(source);
      else this.#unfollow(source);
    this.#sleep();
    this.#show(this.#resolve(chosen)); // the last step: who is told may end this
  }

  #switchTo(source: AddressSource): void {
    const { runtime, onSwitch } = this.context;
    if (this.#serving !== undefined)
      runtime.log.info(
        { service: this.query.service.text, from: this.#serving, to: source, step: this.#plan.step },
        "providers are taken from the other kind of registration",
      );
    this.#serving = source;
    onSwitch();
  }

  #needs(source: AddressSource, chosen: AddressSource): boolean {
    const { step, threshold, proportion } = this.#plan;
    if (source === chosen || (source === this.#serving && step !== "application-first")) return true;
    if (step !== "application-first") return step === `force-${source}`;
    if (source === "application") return true;
    if (!this.context.interfaces.available) return false;
    if (threshold > 0 || proportion < 100) return true;
    const application = this.#followed.application;
    const state = application?.resolution?.state ?? "pending";
    // Applications that are about to be gone: who is left is known before they are.
    if (isDoubted(application?.resolution)) return true;
    if (state === "resolved")
      return (
        this.#followed[source] !== undefined && this.#nowMs - (this.#sufficientMs ?? this.#nowMs) < lingerMs
      );
    if (state !== "pending" || this.#serving === "interface") return true;
    return application !== undefined && this.#nowMs - application.sinceMs >= patienceMs;
  }

  /** What calls see. */
  #resolve(chosen: AddressSource): Resolution {
    const { interfaces } = this.context;
    const resolution = this.#known(chosen) ?? pendingOf(this.query.service);
    if (this.#plan.step !== "application-first" || chosen === "interface") return resolution;
    const other = this.#followed.interface;
    if (resolution.state === "resolved") return this.#blend(resolution, other?.resolution);
    if (resolution.state === "pending" || !interfaces.available || other === undefined) return resolution;
    const isOpen = (other.resolution?.state ?? "pending") === "pending";
    return isOpen && this.#nowMs - other.sinceMs < graceMs ? pendingOf(this.query.service) : resolution;
  }

  #blend(resolution: Resolution & { state: "resolved" }, other: Resolution | undefined): Resolution {
    const { proportion } = this.#plan;
    const isWhole = proportion >= 100;
    if (other?.state !== "resolved" || (isWhole && !isDoubted(resolution))) return resolution;
    const parts = [resolution, other, proportion];
    const before = this.#blended;
    if (before?.parts.every((part, index) => part === parts[index])) return before.resolution;
    // Calls fail over to those of the interface, should the doubted ones be gone indeed.
    const endpoints = isWhole
      ? beside(resolution.endpoints, other.endpoints)
      : blend(resolution.endpoints, other.endpoints, proportion);
    const blended = { ...resolution, endpoints };
    this.#blended = { parts, resolution: blended };
    return blended;
  }

  #show(resolution: Resolution): void {
    const shown = this.#shown;
    const isSame =
      shown === resolution ||
      (shown?.state === "pending" && resolution.state === "pending" && this.#serving === undefined);
    if (isSame) return;
    this.#shown = resolution;
    tell(this.onResolution, resolution, this.query.service, this.context.runtime.log);
  }

  #follow(source: AddressSource): void {
    if (this.#followed[source] !== undefined || this.#ended) return;
    const { applications, interfaces } = this.context;
    const discovery = source === "application" ? applications : interfaces;
    const following = discovery.follow(this.query, (resolution) => {
      followed.resolution = resolution;
      if (this.#followed[source] === followed) this.#evaluate();
    });
    const followed: Followed = { following, sinceMs: this.#nowMs, resolution: undefined };
    this.#followed[source] = followed;
  }

  #unfollow(source: AddressSource): void {
    const followed = this.#followed[source];
    if (followed === undefined) return;
    this.#followed[source] = undefined;
    const left = followed.following[Symbol.asyncDispose]()
      .then(undefined, (err: unknown) => {
        const service = this.query.service.text;
        this.context.runtime.log.warn({ err, service, source }, "what was followed could not be closed");
      })
      .then(() => void this.#leaving.delete(leaving));
    const leaving = Promise.resolve(left);
    this.#leaving.add(leaving);
  }

  get #nowMs(): number {
    return this.context.runtime.clock.monotonicMs();
  }

  /** Looks again when the next of the waits is over. */
  #sleep(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    if (this.#plan.step !== "application-first" || !this.context.interfaces.available) return;
    const application = this.#followed.application;
    const other = this.#followed.interface;
    if (other === undefined && application?.resolution?.state === "resolved") return;
    const ends: number[] = [];
    if (other === undefined && application !== undefined && application.resolution?.state !== "resolved")
      ends.push(application.sinceMs + patienceMs);
    if (other !== undefined && (other.resolution?.state ?? "pending") === "pending")
      ends.push(other.sinceMs + graceMs);
    if (other !== undefined && this.#sufficientMs !== undefined) ends.push(this.#sufficientMs + lingerMs);
    const later = ends.map((end) => end - this.#nowMs).filter((ms) => ms > 0);
    if (later.length === 0) return;
    const wake = () => this.#evaluate();
    this.#wake = this.context.runtime.clock.setTimeout(wake, Math.min(...later), { background: true });
  }
}

function isDoubted(resolution: Resolution | undefined): boolean {
  return resolution?.state === "resolved" && resolution.doubted === true;
}

/** Nothing was heard of `service` yet. */
function pendingOf(service: ServiceKey): Resolution {
  const details = { service: service.text, applications: [], nearMisses: [] };
  return {
    state: "pending",
    error: new NoProviderError("PROVIDERS_PENDING", "nothing was heard yet of its providers", details),
  };
}
