import {
  abortable,
  ConfigError,
  DisposalScope,
  hasCode,
  instanceId,
  type MetadataInfo,
  type MetadataServiceAddress,
  type MetadataStorage,
  RegistryError,
  type Runtime,
  type ServiceInstance,
  systemRuntime,
} from "@dubbo-ts/core";
import {
  describeServices,
  type ExportedService,
  type MetadataReport,
  type MetadataStore,
} from "@dubbo-ts/metadata";
import { BackgroundWork } from "./background-work.js";
import { fitInstance } from "./fit-instance.js";
import { MetadataPublisher } from "./metadata-publisher.js";
import type { Registry } from "./registry.js";
import { RegistrationKeeper } from "./registration-keeper.js";

/** What an application offers at one moment, and the fields of its instance. */
export interface PublishedState {
  /** None: the instance is taken out of the registries. */
  readonly services: readonly ExportedService[];
  /** The instance's own port: that of its primary protocol. */
  readonly port: number;
  /** Port by protocol. */
  readonly ports: Readonly<Record<string, number>>;
  /** Where this process answers for its metadata. Undefined: nowhere, which storage `remote` allows. */
  readonly metadataService?: MetadataServiceAddress | undefined;
  readonly tag?: string | undefined;
  /** The registry's weight. Default 1. */
  readonly weight?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Default: when the publisher was made. */
  readonly startedAtMs?: number | undefined;
}

/** What {@link createServicePublisher} needs. */
export interface ServicePublisherOptions {
  readonly application: string;
  /** The address by which consumers reach this process. */
  readonly host: string;
  readonly registries: readonly Registry[];
  readonly reports: readonly MetadataReport[];
  /** `local`: consumers ask this process for its metadata. `remote`: they find it in the reports. Default `local`. */
  readonly storage?: MetadataStorage;
  /** True: metadata goes to the reports with storage `local` too. Default false. */
  readonly reportLocalMetadata?: boolean;
  /** What the MetadataService of this process answers from. */
  readonly metadataStore: MetadataStore;
  /**
   * True: the first publish rejects when it is not done in `startTimeoutMs`, and at once when a registry refuses.
   * False (the default): it goes on in the background, and says so in the log.
   */
  readonly check?: boolean;
  /** How long a publish is waited for. Default 5000 ms. */
  readonly startTimeoutMs?: number;
  /** Changes within this time after the first publish become one update. Default 100 ms. */
  readonly debounceMs?: number;
  /** Characters of the instance's metadata in all. Default 1024. */
  readonly maxMetadataChars?: number;
  /** How often the mapping is looked after beside what is heard of it, in the mean. Default ten minutes. */
  readonly verifyMs?: number;
  readonly runtime?: Runtime;
}

/** Makes known what an application offers. Disposing it deregisters, within about two seconds. */
export interface ServicePublisher extends AsyncDisposable {
  /**
   * Makes `state` known: the first time by registering one instance, later by updating it in place, and by
   * deregistering while there are no services. Of states that come in quick succession only the last one is
   * published. Resolves when it or a later one is in all registries, or (see `check`) is tried in the background.
   * @throws {RegistryError} REGISTRY_UNAVAILABLE and others with `check`; INSTANCE_METADATA_TOO_LARGE always.
   * @throws {MetadataError} METADATA_UNAVAILABLE with `check`: storage is `remote` and no report took the metadata.
   * @throws {ConfigError} SERVICE_ALREADY_EXPORTED.
   */
  publish(state: PublishedState): Promise<void>;
  /** Takes the instance out of all registries: the first step of a stop. Later states register it again. */
  withdraw(): Promise<void>;
  /** The instance as it was published last. Undefined while nothing is. */
  readonly instance: ServiceInstance | undefined;
}

/**
 * Makes a {@link ServicePublisher}. The order is kept here and nowhere else: metadata can be had, then the
 * interfaces are mapped, then the instance shows the revision (app-level discovery 1). A consumer that sees an
 * instance finds everything that it will ask for.
 * @throws {ConfigError} CONFIG_INVALID: storage is `remote` and there are no reports.
 */
export function createServicePublisher(options: ServicePublisherOptions): ServicePublisher {
  if (options.storage === "remote" && options.reports.length === 0)
    throw new ConfigError(
      "CONFIG_INVALID",
      `metadata of ${options.application} is to be kept remotely, but there is no metadata report`,
    );
  return new OrderedServicePublisher(options);
}

interface Job {
  readonly state: PublishedState | undefined;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Trying these again without a change is no use. */
const finalCodes = [
  "INSTANCE_METADATA_TOO_LARGE",
  "INSTANCE_INVALID",
  "SERVICE_ALREADY_EXPORTED",
  "METADATA_INVALID",
] as const;

class OrderedServicePublisher implements ServicePublisher {
  readonly #runtime: Runtime;
  readonly #keepers: readonly RegistrationKeeper<ServiceInstance>[];
  readonly #work: BackgroundWork;
  readonly #metadata: MetadataPublisher;
  readonly #startedAtMs: number;
  #next: Job | undefined;
  #loop: Promise<void> | undefined;
  /** Counts states that were begun: what was left to the background ends when there is a newer one. */
  #generation = 0;
  #started = false;
  #instance: ServiceInstance | undefined;
  #refused: ((error: unknown) => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(private readonly options: ServicePublisherOptions) {
    const { registries, reports, runtime = systemRuntime } = options;
    const { reportLocalMetadata = false, verifyMs = 600_000 } = options;
    this.#runtime = runtime;
    this.#work = new BackgroundWork(runtime, "publishing");
    this.#startedAtMs = runtime.clock.wallMs();
    this.#metadata = new MetadataPublisher({ reports, reportLocalMetadata, verifyMs }, this.#work);
    this.#keepers = registries.map(
      (registry) =>
        new RegistrationKeeper<ServiceInstance>(registry, runtime, ({ name }, error) =>
          this.#onFailure(name, error),
        ),
    );
  }

  get instance(): ServiceInstance | undefined {
    return this.#instance;
  }

  publish(state: PublishedState): Promise<void> {
    return this.#enqueue(state);
  }

  withdraw(): Promise<void> {
    return this.#enqueue(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#work.abort(new RegistryError("REGISTRY_UNAVAILABLE", "the publisher is closed"));
    await this.#loop;
    this.#instance = undefined;
    const scope = new DisposalScope();
    scope.use(this.#metadata);
    scope.use(this.#work);
    scope.defer(async () => void (await Promise.all(this.#keepers.map((one) => one[Symbol.asyncDispose]()))));
    await scope[Symbol.asyncDispose]();
  }

  #enqueue(state: PublishedState | undefined): Promise<void> {
    if (this.#work.signal.aborted) return Promise.reject(this.#work.signal.reason as Error);
    const before = this.#next;
    const job = newJob(state);
    this.#next = job;
    // Whoever asked for a state that is skipped is told of the one in its place.
    if (before !== undefined) job.done.then(before.resolve, before.reject);
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
    });
    return job.done;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // what is published in one tick is one state
    while (this.#next !== undefined) {
      const isFarewell = this.#next.state === undefined;
      if (this.#started && !isFarewell) await this.#work.pause(this.options.debounceMs ?? 100);
      const job = this.#next;
      this.#next = undefined;
      this.#generation += 1;
      try {
        this.#work.signal.throwIfAborted();
        await this.#bounded(job);
        job.resolve();
      } catch (error) {
        job.reject(error);
      }
      this.#started = true;
    }
  }

  /** Publishes a state, or leaves the rest to the background when it takes too long. */
  async #bounded(job: Job): Promise<void> {
    const { application, check = false, startTimeoutMs = 5_000 } = this.options;
    const strict = check && !this.#started;
    const limit = this.#work.limit(startTimeoutMs, () => this.#late(`${application} is not registered`));
    const refused = new Promise<never>((_, reject) => {
      if (strict) this.#refused = reject;
    });
    refused.catch(() => {}); // looked at below, if ever
    try {
      const applied = this.#apply(job.state, limit.signal);
      await Promise.race([abortable(applied, limit.signal), refused]);
    } catch (error) {
      if (strict || hasCode(error, ...finalCodes) || this.#work.signal.aborted) throw error;
      this.#runtime.log.warn({ err: error, application }, "publishing goes on in the background");
      this.#goOn(job.state);
    } finally {
      this.#refused = undefined;
      limit[Symbol.dispose]();
    }
  }

  /** The order of things. */
  async #apply(state: PublishedState | undefined, signal: AbortSignal): Promise<void> {
    if (state === undefined || state.services.length === 0) {
      this.#instance = undefined;
      this.#metadata.release();
      await this.#register(undefined);
      return;
    }
    const { application, metadataStore } = this.options;
    const metadata = describeServices(application, state.services);
    const instance = this.#fit(state, metadata);
    metadataStore.offer(metadata);
    await this.#metadata.publish(metadata, instance.storage, signal);
    this.#instance = instance;
    this.#metadata.keep(metadata, instance.storage);
    await this.#register(instance);
  }

  #fit(state: PublishedState, { revision }: MetadataInfo): ServiceInstance {
    const { application, host, reports, storage = "local", maxMetadataChars } = this.options;
    const { port, ports, metadataService, tag, weight = 1, labels = {}, startedAtMs } = state;
    const instance: ServiceInstance = {
      application,
      host,
      port,
      id: instanceId(host, port),
      revision,
      storage,
      ports,
      metadataService: storage === "local" ? metadataService : undefined,
      weight,
      enabled: true,
      healthy: true,
      startedAtMs: startedAtMs ?? this.#startedAtMs,
      tag,
      labels,
    };
    const canStoreRemotely = reports.length > 0;
    return fitInstance(instance, { maxChars: maxMetadataChars, canStoreRemotely, log: this.#runtime.log });
  }

  async #register(instance: ServiceInstance | undefined): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.set(instance)));
  }

  /** Tries again what did not succeed in time, until it does or another state is wanted. */
  #goOn(state: PublishedState | undefined): void {
    const generation = this.#generation;
    this.#work.run(async () => {
      for (let failures = 0; ; failures++) {
        if (this.#isRegistering(state)) return; // the keepers go on by themselves
        await this.#work.pause(Math.min(10_000, 1_000 * 2 ** Math.min(failures, 10)));
        if (generation !== this.#generation || this.#work.signal.aborted) return;
        using limit = this.#work.limit(10_000, () => new Error("late"));
        try {
          return await abortable(this.#apply(state, limit.signal), limit.signal);
        } catch (error) {
          this.#runtime.log.debug({ err: error }, "publishing is tried again");
        }
      }
    });
  }

  /** True when everything before the registration is done. */
  #isRegistering(state: PublishedState | undefined): boolean {
    if (state === undefined || state.services.length === 0) return true;
    const { revision } = describeServices(this.options.application, state.services);
    return this.#instance?.revision === revision && this.#instance.port === state.port;
  }

  #onFailure(registry: string, error: unknown): void {
    const { application } = this.options;
    this.#runtime.log.warn({ err: error, registry, application }, "registering is tried again");
    if (hasCode(error, "REGISTRY_REFUSED", "REGISTRY_AUTH_FAILED", "REGISTRY_WRONG_SERVER"))
      this.#refused?.(error);
  }

  /** Which of the places is ill, and why, as far as they know. */
  #late(what: string): RegistryError {
    const { registries, reports, startTimeoutMs = 5_000 } = this.options;
    const failures = [...registries, ...reports].flatMap(({ failure }) => failure ?? []);
    const [first] = failures;
    const silent = `no answer from ${registries.map(({ name }) => name).join(", ")}`;
    const why = [...new Set(failures.map(({ message }) => message))].join("; ") || silent;
    const options = first === undefined ? undefined : { cause: first };
    const code = first?.code ?? "REGISTRY_UNAVAILABLE";
    return new RegistryError(code, `${what} after ${startTimeoutMs} ms: ${why}`, options);
  }
}

function newJob(state: PublishedState | undefined): Job {
  let resolve = () => {};
  let reject: (error: unknown) => void = () => {};
  const done = new Promise<void>((onDone, onError) => {
    resolve = onDone;
    reject = onError;
  });
  return { state, done, resolve, reject };
}
