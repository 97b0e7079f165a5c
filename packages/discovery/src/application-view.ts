import { DisposalScope, type MetadataInfo, type Runtime, type ServiceInstance, sleep } from "@dubbo-ts/core";
import type { MetadataCache, MetadataHold } from "@dubbo-ts/metadata";
import { ApplicationIndex } from "./application-index.js";
import type { CachedApplication, DiscoveryCache } from "./discovery-cache.js";
import { InstanceFollower } from "./instance-follower.js";
import { InstanceUnion } from "./instance-union.js";
import type { ApplicationState } from "./join-revisions.js";
import type { OfferGroup } from "./offer-group.js";
import type { Registry } from "./registry.js";

/** What an {@link ApplicationView} needs. */
export interface ApplicationViewOptions {
  readonly application: string;
  readonly registries: readonly Registry[];
  readonly metadata: MetadataCache;
  readonly cache: DiscoveryCache | undefined;
  /** Told when {@link ApplicationView} may have another state. */
  readonly onChange: () => void;
  readonly runtime: Runtime;
  readonly reconcileMs?: number | undefined;
  readonly isAlive?: ((instance: ServiceInstance) => boolean) | undefined;
}

/** How long a start waits for the disk before it says that nothing is known. */
const cacheTimeoutMs = 1_000;

/** One revision among the instances, and who carries it. */
interface Revision {
  readonly hold: MetadataHold;
  readonly ids: Set<string>;
}

/**
 * Everything that is known of one application, shared by all services that look into it: its instances from all
 * registries and, by revision, what they offer.
 */
export class ApplicationView implements ApplicationState, AsyncDisposable {
  readonly #followers: readonly InstanceFollower[];
  readonly #index = new ApplicationIndex();
  readonly #revisions = new Map<string, Revision>();
  readonly #closing = new AbortController();
  readonly #union = new InstanceUnion();
  /** Instances whose metadata is not known. */
  readonly #waiting = new Set<string>();
  /** Why, for revisions of which an attempt has failed. */
  readonly #failures = new Map<string, unknown>();
  /** What there was at the end. */
  #last: CachedApplication | undefined;
  #cacheIsRead: boolean;
  readonly #reading: Promise<void>;

  constructor(private readonly options: ApplicationViewOptions) {
    const { application, registries, runtime, reconcileMs, isAlive } = options;
    const onChange = () => this.#refresh();
    this.#cacheIsRead = options.cache === undefined;
    this.#followers = registries.map(
      (registry) => new InstanceFollower({ registry, application, onChange, runtime, reconcileMs, isAlive }),
    );
    this.#reading = this.#restore();
  }

  get application(): string {
    return this.options.application;
  }

  get groups(): Iterable<OfferGroup> {
    return this.#index.groups;
  }

  get instances(): number {
    return this.#union.byId.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** A registry that knows of no instance says little while another one was not heard. */
  get heard(): boolean {
    return this.#union.byId.size > 0 || this.#followers.every(({ current }) => current !== undefined);
  }

  get stale(): boolean {
    return this.#failures.size > 0 || this.#followers.some(({ current }) => current?.stale === true);
  }

  get doubted(): boolean {
    return this.#followers.some(({ current }) => current?.doubted === true);
  }

  /** False while the disk cache is still being read, so that nothing may be concluded from silence. */
  get ready(): boolean {
    return this.#cacheIsRead || this.heard;
  }

  get failure(): unknown {
    const [first] = this.#failures.values();
    return first;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the application is not followed any more"));
    this.#last ??= this.#content(); // what was to be saved may be asked for after this
    const scope = new DisposalScope();
    for (const { hold } of this.#revisions.values()) scope.use(hold);
    this.#revisions.clear();
    for (const follower of this.#followers) scope.use(follower);
    scope.defer(() => this.#reading);
    await scope[Symbol.asyncDispose]();
  }

  async #restore(): Promise<void> {
    const { cache, application, metadata, runtime } = this.options;
    if (cache === undefined) return;
    const late = sleep(runtime.clock, cacheTimeoutMs, this.#closing.signal, { background: true }).catch(
      () => {},
    );
    const cached = await Promise.race([cache.readApplication(application), late]);
    if (this.#closing.signal.aborted) return;
    for (const one of cached?.metadata ?? []) metadata.seed(one);
    if (cached !== undefined && !this.heard)
      for (const follower of this.#followers) follower.restore(cached.instances);
    this.#cacheIsRead = true;
    this.options.onChange();
  }

  /** Brings the index up to date with what the registries say, touching only what has changed. */
  #refresh(): void {
    if (this.#closing.signal.aborted) return;
    const changes = this.#union.update(this.#followers.map(({ current }) => current?.instances ?? []));
    // New revisions are held before old ones are let go, so that a shared fetch is not ended and begun anew.
    for (const { after } of changes) if (after !== undefined) this.#carry(after.id, after);
    for (const { before, after } of changes) {
      if (before === undefined) continue;
      if (after === undefined) {
        this.#index.delete(before.id);
        this.#waiting.delete(before.id);
      }
      if (before.revision !== after?.revision) this.#uncarry(before.id, before.revision);
    }
    this.#save();
    this.options.onChange();
  }

  #carry(id: string, instance: ServiceInstance): void {
    const { revision } = instance;
    if (revision === undefined) {
      this.#waiting.delete(id);
      return this.#index.clear(instance);
    }
    const known = this.#revision(revision);
    known.ids.add(id);
    this.#place(instance, known.hold.metadata);
  }

  #place(instance: ServiceInstance, metadata: MetadataInfo | undefined): void {
    if (metadata === undefined) this.#waiting.add(instance.id);
    else this.#waiting.delete(instance.id);
    this.#index.set(instance, metadata);
  }

  #uncarry(id: string, revision: string | undefined): void {
    const known = revision === undefined ? undefined : this.#revisions.get(revision);
    if (known === undefined || revision === undefined) return;
    known.ids.delete(id);
    if (known.ids.size > 0) return;
    this.#revisions.delete(revision);
    this.#failures.delete(revision);
    known.hold[Symbol.dispose]();
  }

  #revision(revision: string): Revision {
    let known = this.#revisions.get(revision);
    if (known === undefined) {
      const ids = new Set<string>();
      const carriers = () => [...ids].flatMap((id) => this.#union.byId.get(id) ?? []);
      const hold = this.options.metadata.hold(this.application, revision, carriers, () =>
        this.#learnt(revision),
      );
      known = { hold, ids };
      this.#revisions.set(revision, known);
    }
    return known;
  }

  /** The metadata of a revision is there, or an attempt to fetch it has failed. */
  #learnt(revision: string): void {
    const known = this.#revisions.get(revision);
    if (known === undefined) return;
    if (known.hold.metadata === undefined) this.#failures.set(revision, known.hold.error);
    else {
      this.#failures.delete(revision);
      for (const id of known.ids) {
        const instance = this.#union.byId.get(id);
        if (instance !== undefined) this.#place(instance, known.hold.metadata);
      }
      this.#save();
    }
    this.options.onChange();
  }

  #save(): void {
    if (this.stale || !this.heard) return;
    this.options.cache?.saveApplication(this.application, () => this.#last ?? this.#content());
  }

  #content(): CachedApplication {
    return {
      instances: [...this.#union.byId.values()],
      metadata: [...this.#revisions.values()].flatMap(({ hold }) => hold.metadata ?? []),
    };
  }
}
