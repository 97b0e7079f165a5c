import { ConfigError, type DisposalScope, type Runtime } from "@dubbo-ts/core";
import { type Config, type ConfigCenter, parseRegistryAddress, type RegistryConfig } from "@dubbo-ts/config";
import type { InterfaceRegistry, Registry } from "@dubbo-ts/discovery";
import type { MetadataReport } from "@dubbo-ts/metadata";
import { asRegistry, type CenterBackend, pick, type RegistryFactory } from "./extensions.js";
import { warnOfOtherPlace } from "./same-place.js";

/** What is used when nothing is configured: the embedded registry, so that a newcomer needs no server. */
const defaultAddress = "local://";

/** All registration centers and reports of an application, open. */
export interface OpenRegistries {
  /** Where instances are registered. */
  readonly registering: readonly Registry[];
  /** Where each service is registered by itself, as in Dubbo 2. */
  readonly registeringInterfaces: readonly InterfaceRegistry[];
  /** Where providers are looked up. */
  readonly subscribed: readonly Registry[];
  /** Which part of which server {@link subscribed} are: what was learnt in one place does not hold in another. */
  readonly places: readonly string[];
  /** Where providers of an interface are looked up. */
  readonly subscribedInterfaces: readonly InterfaceRegistry[];
  readonly reports: readonly MetadataReport[];
  /** Where settings and rules may be kept. */
  readonly configCenters: readonly ConfigCenter[];
  /** True: all of them are seen from this machine only. */
  readonly loopbackOnly: boolean;
  /** True: a start waits for the registration, and fails without it. */
  readonly check: boolean;
  /** How long a start waits for the slowest of them: the longest `timeout`. */
  readonly timeoutMs: number;
}

/**
 * Opens what the configuration names into `scope`; nothing configured means {@link defaultAddress}.
 *
 * @param chosen the URL that the command line or the environment names: it takes the place of all registries.
 * @throws {ConfigError} UNKNOWN_REGISTRY, ADDRESS_INVALID; CONFIG_INVALID: the metadata report is none.
 */
export async function openRegistries(
  config: Config,
  chosen: string | undefined,
  factories: Readonly<Record<string, RegistryFactory>>,
  runtime: Runtime,
  scope: DisposalScope,
): Promise<OpenRegistries> {
  const configured = chosen === undefined ? Object.values(config.registries) : [];
  const registries =
    configured.length > 0
      ? configured
      : [{ registerMode: config.application.registerMode, ...plainRegistry(chosen ?? defaultAddress) }];
  const open = async (center: Parameters<typeof factoryOf>[1]) =>
    scope.use(
      await factoryOf(factories, center)({ ...center, application: config.application.name }, runtime),
    );
  const registering: Registry[] = [];
  const registeringInterfaces: InterfaceRegistry[] = [];
  const subscribed: Registry[] = [];
  const places: string[] = [];
  const subscribedInterfaces: InterfaceRegistry[] = [];
  const reports: MetadataReport[] = [];
  const configCenters: ConfigCenter[] = [];
  let loopbackOnly = true;
  for (const registry of registries) {
    const backend = asRegistry(await open(registry), registry.address.safeText);
    const { registerMode = "service" } = registry;
    if (registry.register && registerMode !== "interface") registering.push(backend.registry);
    if (registry.register && registerMode !== "service")
      registeringInterfaces.push(interfacesOf(backend, registry.address.safeText));
    if (registry.subscribe) {
      subscribed.push(backend.registry);
      places.push(placeOf(backend.registry, registry));
    }
    if (registry.subscribe && backend.interfaces) subscribedInterfaces.push(backend.interfaces);
    if (config.metadataReport === undefined && registry.useAsMetadataReport && backend.metadataReport)
      reports.push(backend.metadataReport);
    if (registry.useAsConfigCenter !== false && backend.configCenter)
      configCenters.push(backend.configCenter);
    loopbackOnly &&= backend.loopbackOnly;
  }
  if (config.metadataReport !== undefined) {
    const { address } = config.metadataReport;
    const { metadataReport } = await open(config.metadataReport);
    if (metadataReport === undefined)
      throw new ConfigError("CONFIG_INVALID", `metadata-report: ${address.safeText} keeps no metadata`);
    reports.push(metadataReport);
    warnOfOtherPlace(registries, config.metadataReport, runtime.log);
  }
  const check = registries.some((registry) => registry.check);
  const timeoutMs = Math.max(...registries.map((registry) => registry.timeoutMs));
  return {
    registering,
    registeringInterfaces,
    subscribed,
    places,
    subscribedInterfaces,
    reports,
    configCenters,
    loopbackOnly,
    check,
    timeoutMs,
  };
}

function placeOf(
  { name }: Registry,
  { namespace, group }: Pick<RegistryConfig, "namespace" | "group">,
): string {
  const part = Object.entries({ namespace, group }).filter(
    ([, value]) => value !== undefined && value !== "",
  );
  return part.length === 0 ? name : `${name} ${JSON.stringify(Object.fromEntries(part))}`;
}

/** @throws {ConfigError} CONFIG_INVALID: the center keeps applications only. */
function interfacesOf({ interfaces }: CenterBackend, url: string): InterfaceRegistry {
  if (interfaces !== undefined) return interfaces;
  throw new ConfigError("CONFIG_INVALID", `register-mode: ${url} keeps no providers by interface`);
}

function factoryOf(
  factories: Readonly<Record<string, RegistryFactory>>,
  { address }: Omit<RegistryConfig, "id" | "check" | "register" | "subscribe" | "useAsMetadataReport">,
): RegistryFactory {
  return pick(factories, address.scheme, "registry scheme", "UNKNOWN_REGISTRY");
}

/** A registry of which only the URL is told. */
export function plainRegistry(url: string): RegistryConfig {
  const address = parseRegistryAddress(url);
  const { params, username, password } = address;
  return {
    id: "default",
    address,
    group: params["group"],
    namespace: params["namespace"],
    username,
    password,
    timeoutMs: 5_000,
    params,
    check: params["check"] !== "false",
    register: params["register"] !== "false",
    subscribe: params["subscribe"] !== "false",
    useAsMetadataReport: true,
    ...registerModeOf(params["register-mode"] ?? params["registry-type"]),
    useAsConfigCenter: params["use-as-config-center"] !== "false",
  };
}

/** In the words of Java and Go; anything else says nothing. */
function registerModeOf(text: string | undefined): Pick<RegistryConfig, "registerMode"> {
  if (text === "interface" || text === "all") return { registerMode: text };
  return text === "instance" || text === "service" ? { registerMode: "service" } : {};
}
