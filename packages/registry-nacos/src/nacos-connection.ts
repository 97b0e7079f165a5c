import { ConfigError, type Runtime, systemRuntime } from "@dubbo-ts/core";
import type { ConfigCenter } from "@dubbo-ts/config";
import type { Registry } from "@dubbo-ts/discovery";
import type { MetadataReport } from "@dubbo-ts/metadata";
import {
  type NacosConfig,
  type NacosCredentials,
  type NacosNaming,
  NacosError,
  nacosConfig,
  nacosNaming,
  passwordCredentials,
  type NacosOptions as ClientOptions,
} from "@dubbo-ts/nacos-client";
import { hostText, type NacosAddress, parseNacosAddress } from "./nacos-address.js";
import { NacosConfigCenter } from "./nacos-config-center.js";
import { NacosMetadataReport } from "./nacos-metadata-report.js";
import { NacosRegistry } from "./nacos-registry.js";
import { NamespaceCheck } from "./namespace-check.js";

/** Where Nacos is and how it is used. Parameters of the address and fields of the same name: the fields win. */
export interface NacosOptions {
  /** `nacos://h1:8848,h2:8848?namespace=…&group=…&cluster=…&backup=…`, or the same as it was read elsewhere. */
  readonly address: string | NacosAddress;
  /** The namespace's id. Default `public`. Mappings and metadata are separated by it, not by `group`. */
  readonly namespace?: string | undefined;
  /** Whether to tell of a namespace that does not exist, as far as the server says which do. Default true. */
  readonly checkNamespace?: boolean | undefined;
  /** The group of the instances. Default `DEFAULT_GROUP`, as in Java and Go. */
  readonly group?: string | undefined;
  /** The cluster that instances are registered in; all clusters are read. Default `DEFAULT`. */
  readonly cluster?: string | undefined;
  /** Shown in the server's console. */
  readonly applicationName?: string | undefined;
  /** Who is allowed in, where the server asks. Default: user and password of the address, if it has them. */
  readonly credentials?: NacosCredentials | undefined;
  /** How often the names of all services are read while they are watched. Default 5,000 ms. */
  readonly applicationsPollMs?: number | undefined;
  /** Settings of the client below, for tests and special servers. */
  readonly client?: Partial<Omit<ClientOptions, "servers" | "namespace">> | undefined;
  /** What {@link Registry.name} is. Default: the address, without secrets. */
  readonly name?: string | undefined;
}

/** A registry, a metadata report and a config center on one Nacos. Disposing it deregisters and closes all. */
export interface NacosBackend extends AsyncDisposable {
  readonly registry: Registry;
  readonly metadataReport: MetadataReport;
  readonly configCenter: ConfigCenter;
  /** False: other machines may see it. */
  readonly loopbackOnly: boolean;
  /** The client below the registry. */
  readonly naming: NacosNaming;
  /** The client below metadata report and config center. */
  readonly config: NacosConfig;
}

/**
 * Opens both halves: two connections, since Nacos binds naming and config to one each. Returns at once and connects
 * in the background.
 * @throws {ConfigError} ADDRESS_INVALID: the address, or a part of it, is not acceptable.
 */
export async function openNacos(
  options: NacosOptions,
  runtime: Runtime = systemRuntime,
): Promise<NacosBackend> {
  const { name, settings, registry: rest } = read(options, runtime);
  const naming = opened(name, () => nacosNaming(settings));
  const config = opened(name, () => nacosConfig(settings));
  const registry = registryOver(naming, options, rest, name, settings, runtime);
  const metadataReport = new NacosMetadataReport({ name, config, legacyGroup: rest.group, runtime });
  const configCenter = new NacosConfigCenter({ name, config, owned: false, runtime });
  return {
    registry,
    metadataReport,
    configCenter,
    loopbackOnly: false,
    naming,
    config,
    async [Symbol.asyncDispose]() {
      await Promise.all([registry, configCenter, metadataReport].map((part) => part[Symbol.asyncDispose]()));
    },
  };
}

/** Opens the registry alone; see {@link openNacos}. */
export async function nacosRegistry(
  options: NacosOptions,
  runtime: Runtime = systemRuntime,
): Promise<Registry> {
  const { name, settings, registry } = read(options, runtime);
  const naming = opened(name, () => nacosNaming(settings));
  return registryOver(naming, options, registry, name, settings, runtime);
}

function registryOver(
  naming: NacosNaming,
  { checkNamespace = true }: NacosOptions,
  rest: ReturnType<typeof read>["registry"],
  name: string,
  settings: ClientOptions,
  runtime: Runtime,
): NacosRegistry {
  const namespace = checkNamespace ? (settings.namespace ?? "public") : "public";
  const namespaces = new NamespaceCheck({ name, namespace, naming, settings, log: runtime.log });
  return new NacosRegistry({ ...rest, name, naming, namespaces, runtime });
}

/** Opens the metadata report alone; see {@link openNacos}. */
export async function nacosMetadataReport(
  options: NacosOptions,
  runtime: Runtime = systemRuntime,
): Promise<MetadataReport> {
  const { name, settings, registry } = read(options, runtime);
  const config = opened(name, () => nacosConfig(settings));
  return new NacosMetadataReport({ name, config, legacyGroup: registry.group, runtime });
}

/** Opens the config center alone; see {@link openNacos}. */
export async function nacosConfigCenter(
  options: NacosOptions,
  runtime: Runtime = systemRuntime,
): Promise<ConfigCenter> {
  const { name, settings } = read(options, runtime);
  const config = opened(name, () => nacosConfig(settings));
  return new NacosConfigCenter({ name, config, owned: true, runtime });
}

function read(options: NacosOptions, { clock, random, log }: Runtime) {
  const address = typeof options.address === "string" ? parseNacosAddress(options.address) : options.address;
  const { params = {} } = address;
  const servers = address.hosts.map(hostText);
  const { namespace = params["namespace"], client, applicationName } = options;
  const credentials = options.credentials ?? passwordOf(address, clock, random);
  const name = options.name ?? `nacos://${servers.join(",")}`;
  const settings: ClientOptions = {
    clock,
    random,
    log,
    ...client,
    servers,
    namespace: namespace || "public",
    ...(applicationName !== undefined && { appName: applicationName }),
    ...(credentials !== undefined && { credentials }),
  };
  const registry = {
    group: (options.group ?? params["group"]) || "DEFAULT_GROUP",
    cluster: (options.cluster ?? params["cluster"]) || "DEFAULT",
    applicationsPollMs: options.applicationsPollMs ?? 5_000,
  };
  return { name, settings, registry };
}

/** A user in the address, with or without password, is one to log in as. */
function passwordOf(
  { username, password = "" }: NacosAddress,
  clock: Runtime["clock"],
  random: () => number,
) {
  return username === undefined ? undefined : passwordCredentials({ username, password, clock, random });
}

function opened<T>(name: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof NacosError)) throw cause;
    throw new ConfigError("ADDRESS_INVALID", `${name}: ${cause.message}`, { cause });
  }
}
