import {
  type Application,
  asRegistry,
  type CenterBackend,
  createApplication as assembleApplication,
  plainRegistry,
  type ProtocolFactory,
  type RegistryBackend,
  type RegistryFactory,
  pick,
} from "@dubbo-ts/application";
import { chosenRegistry, type Config, configuredByEnvironment, loadConfig } from "@dubbo-ts/config";
import { type Logger, type Runtime, silentLogger, systemRuntime } from "@dubbo-ts/core";
import type { Container, ServiceClass } from "@dubbo-ts/decorators";
import type { Cluster, LoadBalancerFactory } from "@dubbo-ts/cluster";
import type { Filter } from "@dubbo-ts/rpc";
import { memoryCenters, type MemoryCenters, protocols, registryFactories } from "./adapters.js";
import { type LeveledLogger, pinoLogger } from "./logger.js";

/** What {@link createApplication} takes; every part has a default but the name, which the file may give too. */
export interface CreateApplicationOptions {
  /** The application's name: what it registers under. Wins over the configuration's. */
  name?: string;
  /**
   * The path of a YAML file, or an object with the same keys. Default: the files that the environment names
   * (`DUBBO_GO_CONFIG_PATH`, `CONF_PROVIDER_FILE_PATH`, `CONF_CONSUMER_FILE_PATH`, `APP_LOG_CONF_FILE`), if it does;
   * else nothing but defaults.
   */
  config?: string | object;
  /** `profiles/<profile>/server.yml`, `client.yml` and `log.yml` are laid over the file. */
  profile?: string;
  /** Takes the place of the configured registries. `--registry` in `argv` and `DUBBO_REGISTRY` in `env` win over it. */
  registry?: string;
  /** `process.argv.slice(2)`, for a program that takes `--registry <url>`. Default: none. */
  argv?: readonly string[];
  /** Classes with `@Service`: made by the container and exported, before this function returns. */
  services?: readonly ServiceClass[];
  /** Where instances of `services` come from. Default: one that finds classes by itself. */
  container?: Container;
  /** Around every call that comes in, and every call that goes out; the first is the outermost. */
  filters?: { readonly provider?: readonly Filter[]; readonly consumer?: readonly Filter[] };
  /** Adapters of the program's own, by the scheme of their URLs. They win over the official ones. */
  registries?: Readonly<Record<string, RegistryFactory>>;
  /** Protocols of the program's own, by name. They come before the official ones. */
  protocols?: Readonly<Record<string, ProtocolFactory>>;
  /** Load balancers of the program's own, by the name that `loadbalance` gives them. */
  loadBalancers?: Readonly<Record<string, LoadBalancerFactory>>;
  /** Failure policies of the program's own, by the name that `cluster` gives them. */
  clusters?: Readonly<Record<string, Cluster>>;
  /** Default: pino, as the configuration's `logger` says, its level also when a config center changes it. */
  log?: Logger;
  /** What applications of one program share over `memory://`. Default: nothing, each stands alone. */
  memory?: MemoryCenters;
  /** Default `process.env`. */
  env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Loads the configuration and opens an application with every official registry and protocol at hand, each loaded
 * when it is named. Nothing is registered before `start()`.
 *
 * @throws {ConfigError} CONFIG_INVALID, CONFIG_NOT_FOUND, UNKNOWN_REGISTRY, UNKNOWN_PROTOCOL, ADDRESS_INVALID, and
 *   what exporting `services` throws; nothing stays open then.
 */
export async function createApplication(options: CreateApplicationOptions): Promise<Application> {
  const { argv = [], env = process.env, memory = memoryCenters(), filters } = options;
  const config = await configOf(options, env);
  const own = options.log === undefined ? pinoLogger(config.logger, config.application.name) : undefined;
  const log = options.log ?? (own as Logger);
  if (config.notices.length > 0)
    log.info({ keys: config.notices.map(({ key }) => key) }, "settings that have no effect here, or not yet");
  const application = await assembleApplication({
    config,
    registries: { ...registryFactories(memory), ...options.registries },
    protocols: { ...options.protocols, ...protocols, ...options.protocols },
    loadBalancers: options.loadBalancers,
    clusters: options.clusters,
    registry: chosenRegistry({ argv, env }) ?? options.registry,
    filters,
    env,
    runtime: { ...systemRuntime, log },
  });
  if (own !== undefined) followLevel(application, own);
  try {
    await exportServices(application, options);
    return application;
  } catch (error) {
    await application.stop().catch((reason: unknown) => log.warn({ err: reason }, "could not be closed"));
    throw error;
  }
}

/** The level is the configuration's at every moment, which a config center may change. */
function followLevel(application: Application, log: LeveledLogger): void {
  log.level = application.config.logger.level;
  application.onConfigChange(({ config }) => {
    log.level = config.logger.level;
  });
}

async function configOf(
  { name, config, profile, loadBalancers = {}, clusters = {} }: CreateApplicationOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Config> {
  return loadConfig(config ?? (configuredByEnvironment(env) ? undefined : {}), {
    env,
    names: { loadBalancers: Object.keys(loadBalancers), clusters: Object.keys(clusters) },
    ...(profile !== undefined && { profile }),
    ...(name !== undefined && { overrides: { application: { name } } }),
  });
}

/** The decorators, and the container behind them, are loaded only where a program has decorated classes. */
async function exportServices(application: Application, options: CreateApplicationOptions): Promise<void> {
  if (options.services === undefined) return;
  const { createContainer, dubboModule, exportDecorated } = await import("@dubbo-ts/decorators");
  const container = options.container ?? createContainer();
  container.load(dubboModule(application));
  await exportDecorated(application, container, options.services);
}

/**
 * Opens a registry by its URL, without an application: what a tool or a script needs to look around.
 *
 * @throws {ConfigError} ADDRESS_INVALID, UNKNOWN_REGISTRY.
 */
export async function openRegistry(
  url: string,
  runtime: Runtime = { ...systemRuntime, log: silentLogger },
): Promise<RegistryBackend> {
  const backend = await openCenter(url, runtime);
  try {
    return asRegistry(backend, plainRegistry(url).address.safeText);
  } catch (error) {
    await backend[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * As {@link openRegistry}, but also what keeps metadata and settings only.
 *
 * @throws {ConfigError} ADDRESS_INVALID, UNKNOWN_REGISTRY.
 */
export async function openCenter(url: string, runtime: Runtime): Promise<CenterBackend> {
  const settings = { ...plainRegistry(url), application: "" };
  const factories = registryFactories(memoryCenters());
  const open = pick(factories, settings.address.scheme, "registry scheme", "UNKNOWN_REGISTRY");
  return open(settings, runtime);
}
