import type { Config, ConfigCenter } from "@dubbo-ts/config";
import { ConfigError, type DisposalScope, type Runtime } from "@dubbo-ts/core";
import { pick, type RegistryFactory } from "../extensions.js";
import { type OpenRegistries, openRegistries } from "../registries.js";
import type { Policies } from "../reference-settings.js";
import { LiveConfig } from "./live-config.js";

/** What {@link openSettings} needs. */
export interface OpenSettingsOptions {
  readonly config: Config;
  /** The URL that takes the place of all registries. */
  readonly registry: string | undefined;
  readonly factories: Readonly<Record<string, RegistryFactory>>;
  readonly policies: Policies;
  readonly runtime: Runtime;
}

/** How long a start waits for settings that a registry may keep, ms: most keep none. */
const registryWaitMs = 1_500;

/**
 * Opens the configuration center, reads what it says, and opens the registries as the configuration then is. Without
 * a configuration center the registries are asked, which have to be opened before.
 *
 * @throws {ConfigError} UNKNOWN_REGISTRY, ADDRESS_INVALID; CONFIG_INVALID: the configuration center keeps no settings.
 * @throws {RegistryError} REGISTRY_UNAVAILABLE: with `config-center.check`, it did not answer.
 */
export async function openSettings(
  options: OpenSettingsOptions,
  scope: DisposalScope,
): Promise<{ live: LiveConfig; registries: OpenRegistries }> {
  const { config, registry, factories, runtime } = options;
  const open = (now: Config) => openRegistries(now, registry, factories, runtime, scope);
  if (config.configCenter !== undefined) {
    const { check = true, timeoutMs } = config.configCenter;
    const center = await openCenter(config, options, scope);
    const live = await follow([center], { check, timeoutMs }, options, scope);
    return { live, registries: await open(live.state.config) };
  }
  const registries = await open(config);
  const timeoutMs = Math.min(registryWaitMs, registries.timeoutMs);
  const live = await follow(registries.configCenters, { check: false, timeoutMs }, options, scope);
  if (JSON.stringify(live.state.config.registries) !== JSON.stringify(config.registries))
    runtime.log.warn({}, "registries cannot say where registries are: name a config-center for that");
  return { live, registries };
}

async function follow(
  centers: readonly ConfigCenter[],
  how: { readonly check: boolean; readonly timeoutMs: number },
  { config, policies, runtime }: OpenSettingsOptions,
  scope: DisposalScope,
): Promise<LiveConfig> {
  const implemented = {
    clusters: Object.keys(policies.clusters),
    loadBalancers: Object.keys(policies.loadBalancers),
  };
  return scope.use(await LiveConfig.open({ config, centers, ...how, implemented, runtime }));
}

async function openCenter(
  { configCenter, application }: Config,
  { factories, runtime }: OpenSettingsOptions,
  scope: DisposalScope,
): Promise<ConfigCenter> {
  const center = configCenter as NonNullable<Config["configCenter"]>;
  const { scheme, safeText } = center.address;
  const factory = pick(factories, scheme, "config center scheme", "UNKNOWN_REGISTRY");
  // Its group is where settings are within it; a registry's would be where everything is.
  const settings = { ...center, group: undefined, application: application.name };
  const backend = scope.use(await factory(settings, runtime));
  if (backend.configCenter !== undefined) return backend.configCenter;
  throw new ConfigError("CONFIG_INVALID", `config-center: ${safeText} keeps no settings`);
}
