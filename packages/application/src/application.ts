import type { Config } from "@dubbo-ts/config";
import { ConfigError, DisposalScope, type Runtime, systemRuntime } from "@dubbo-ts/core";
import type { MigratingDiscovery, MigrationStatus, MigrationStep } from "@dubbo-ts/discovery";
import type { Client, Filter, GenericClient, Implementation, ServiceDefinition } from "@dubbo-ts/rpc";
import type { Consumer } from "./consumer.js";
import type { ProtocolFactory, RegistryFactory } from "./extensions.js";
import type { ConfigChange, LiveConfig } from "./live-config/live-config.js";
import { openSettings } from "./live-config/open-settings.js";
import { LocalExports } from "./local-exports.js";
import { type MigrateOptions, type Migration, migrate } from "./migration.js";
import { openConsumer } from "./open-consumer.js";
import { openProvider } from "./open-provider.js";
import type { ReferenceOptions, ServiceOptions } from "./options.js";
import { ProtocolTable } from "./protocols.js";
import type { Provider, ServiceHandle } from "./provider.js";
import { type Policies, policiesWith } from "./reference-settings.js";
import { bounded, linger, stopOnSignals } from "./shutdown.js";

/** What an application is made of: everything that it uses is named here, in plain sight. */
export interface ApplicationOptions {
  /** From `loadConfig`. */
  readonly config: Config;
  /** By the scheme of registry URLs. */
  readonly registries: Readonly<Record<string, RegistryFactory>>;
  /** By name, in the order in which a consumer prefers them. */
  readonly protocols: Readonly<Record<string, ProtocolFactory>>;
  /** A registry URL that takes the place of the configured ones: what `--registry` or `DUBBO_REGISTRY` named. */
  readonly registry?: string | undefined;
  /** Around every call that comes in, and every call that goes out; the first is the outermost. */
  readonly filters?:
    | { readonly provider?: readonly Filter[]; readonly consumer?: readonly Filter[] }
    | undefined;
  /** Load balancers of the program's own, by the name that `loadbalance` gives them. */
  readonly loadBalancers?: Policies["loadBalancers"] | undefined;
  /** Failure policies of the program's own, by the name that `cluster` gives them. */
  readonly clusters?: Policies["clusters"] | undefined;
  /** `process.env` or a test's: `DUBBO_IP_TO_REGISTRY` is read. Default: empty. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly runtime?: Runtime | undefined;
}

/** A provider, a consumer, or both. */
export interface Application extends AsyncDisposable {
  readonly name: string;
  /** The settings that hold at present: those of {@link ApplicationOptions.config}, with what config centers say. */
  readonly config: Config;
  /**
   * Tells of settings and rules of config centers that were taken over, until the returned function is called.
   */
  onConfigChange(listener: (change: ConfigChange) => void): () => void;
  /**
   * Offers `implementation`. Before {@link start} it is only collected; afterwards the instance is updated.
   * @throws {ConfigError} PORT_IN_USE, SERVICE_ALREADY_EXPORTED, DEFINITION_INVALID, UNKNOWN_PROTOCOL.
   */
  export<D extends ServiceDefinition>(
    definition: D,
    implementation: Implementation<D>,
    options?: ServiceOptions,
  ): Promise<ServiceHandle>;
  /**
   * A typed client of a service. With `check` (the default) it waits up to 5 s for a provider; up to 1 s where all
   * registries say that no application provides it.
   * @throws {NoProviderError} NO_PROVIDER, PROVIDERS_PENDING or DISCOVERY_FAILED: with `check`, none was found.
   * @throws {ConfigError} CONFIG_INVALID, ADDRESS_INVALID.
   */
  refer<D extends ServiceDefinition>(definition: D, options?: ReferenceOptions): Promise<Client<D>>;
  /** A client of a service of which only the name is known: generic `$invoke`. */
  refer(serviceInterface: string, options?: ReferenceOptions): Promise<GenericClient>;
  /**
   * Says from which records references take their providers from now on, those that are open and later ones: it wins
   * over rules of the configuration center and over settings, until it is undefined. No call fails for it: a reference
   * leaves its present providers when the others are known. Resolves when all have followed, or after `waitMs`, with
   * how each stands.
   */
  migrate(step: MigrationStep | undefined, options?: MigrateOptions): Promise<readonly MigrationStatus[]>;
  /** From which records each open reference takes its providers. */
  readonly migrations: readonly MigrationStatus[];
  /**
   * Publishes what was exported, in the order in which a consumer needs it: metadata, mapping, instance. Resolves
   * when the instance is registered.
   * @throws {RegistryError} REGISTRY_UNAVAILABLE: with `check`, the registry could not be reached in time.
   */
  start(): Promise<void>;
  /** Deregisters, tells consumers, lets calls finish, closes. A second time waits for the first. The same as disposing. */
  stop(): Promise<void>;
}

/**
 * Opens registries and protocols. Nothing is registered before {@link Application.start}.
 *
 * @throws {ConfigError} UNKNOWN_REGISTRY, UNKNOWN_PROTOCOL, ADDRESS_INVALID: nothing stays open.
 */
export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const scope = new DisposalScope();
  try {
    return await assemble(options, scope);
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

/** In the order in which one needs the other; closing goes the other way. */
async function assemble(options: ApplicationOptions, scope: DisposalScope): Promise<Application> {
  const { runtime = systemRuntime, filters = {}, env = {}, registry, registries: factories } = options;
  const policies = policiesWith(options);
  const { live, registries: centers } = await openSettings(
    { config: options.config, registry, factories, policies, runtime },
    scope,
  );
  const { config } = live.state;
  const protocols = await ProtocolTable.open(
    config,
    env,
    centers.loopbackOnly,
    options.protocols,
    runtime,
    scope,
  );
  const localExports = new LocalExports(runtime);
  const shared = { live, centers, protocols, localExports, runtime };
  const { consumer, ...migrating } = openConsumer(
    { ...shared, policies, filters: filters.consumer ?? [] },
    scope,
  );
  const { provider, publishers } = openProvider({ ...shared, filters: filters.provider ?? [] });
  // The rest is closed whatever fails on the way.
  const stopping = new DisposalScope();
  stopping.use(scope);
  stopping.defer(async () => {
    if (provider.isKnown) await linger(config.shutdown.graceMs, runtime);
  });
  stopping.defer(() => protocols.announceClosing());
  for (const publisher of publishers) stopping.use(publisher);
  stopping.defer(() => provider.end());
  provider.followSettings();
  const close = () => stopping[Symbol.asyncDispose]();
  return new OpenApplication(live, provider, consumer, migrating, close, runtime);
}

class OpenApplication implements Application {
  #stopped: Promise<void> | undefined;
  readonly #ignoreSignals: () => void;

  constructor(
    private readonly live: LiveConfig,
    private readonly provider: Provider,
    private readonly consumer: Consumer,
    private readonly migrating: { readonly migration: Migration; readonly discovery: MigratingDiscovery },
    private readonly close: () => Promise<void>,
    private readonly runtime: Runtime,
  ) {
    const { signals } = live.state.config.shutdown;
    this.#ignoreSignals =
      signals.length > 0 ? stopOnSignals(signals, () => this.stop(), runtime.log) : () => {};
  }

  get config(): Config {
    return this.live.state.config;
  }

  onConfigChange(listener: (change: ConfigChange) => void): () => void {
    return this.live.onChange(listener);
  }

  get migrations(): readonly MigrationStatus[] {
    return this.migrating.discovery.status;
  }

  async migrate(
    step: MigrationStep | undefined,
    options: MigrateOptions = {},
  ): Promise<readonly MigrationStatus[]> {
    this.#requireOpen();
    const { migration, discovery } = this.migrating;
    return migrate(step, options, migration, discovery, this.runtime);
  }

  get name(): string {
    return this.config.application.name;
  }

  async export<D extends ServiceDefinition>(
    definition: D,
    implementation: Implementation<D>,
    options: ServiceOptions = {},
  ): Promise<ServiceHandle> {
    this.#requireOpen();
    return this.provider.export(definition, implementation, options);
  }

  refer<D extends ServiceDefinition>(definition: D, options?: ReferenceOptions): Promise<Client<D>>;
  refer(serviceInterface: string, options?: ReferenceOptions): Promise<GenericClient>;
  async refer(target: ServiceDefinition | string, options: ReferenceOptions = {}): Promise<unknown> {
    this.#requireOpen();
    return typeof target === "string"
      ? this.consumer.referGeneric(target, options)
      : this.consumer.refer(target, options);
  }

  async start(): Promise<void> {
    this.#requireOpen();
    await this.provider.start();
  }

  stop(): Promise<void> {
    this.#stopped ??= bounded(this.close(), this.config.shutdown.timeoutMs, this.runtime).finally(
      this.#ignoreSignals,
    );
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #requireOpen(): void {
    if (this.#stopped !== undefined)
      throw new ConfigError("APPLICATION_CLOSED", `application ${this.name} was stopped`);
  }
}
