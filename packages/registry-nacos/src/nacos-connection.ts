import {
  ConfigError,
  type Runtime,
  systemRuntime,
  type TlsParameters,
  tlsOfParameters,
} from "@dubbo-ts/core";
import type { ConfigCenter } from "@dubbo-ts/config";
import type { InterfaceRegistry, Registry } from "@dubbo-ts/discovery";
import type { MetadataReport } from "@dubbo-ts/metadata";
import {
  accessKeyCredentials,
  type NacosConfig,
  type NacosCredentials,
  type NacosNaming,
  NacosError,
  type NacosAdmin,
  nacosAdmin,
  nacosConfig,
  nacosNaming,
  passwordCredentials,
  type NacosOptions as ClientOptions,
  type NacosTls,
} from "@dubbo-ts/nacos-client";
import { hostText, type NacosAddress, parseNacosAddress } from "./nacos-address.js";
import { NacosConfigCenter } from "./nacos-config-center.js";
import { NacosInterfaceRegistry } from "./nacos-interface-registry.js";
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
  /** False: the server keeps no history of its configurations, as the embedded one. Default true. */
  readonly history?: boolean | undefined;
  /** Settings of the client below, for tests and special servers. */
  readonly client?: Partial<Omit<ClientOptions, "servers" | "namespace">> | undefined;
  /** What {@link Registry.name} is. Default: the address, without secrets. */
  readonly name?: string | undefined;
}

/** A registry, a metadata report and a config center on one Nacos. Disposing it deregisters and closes all. */
export interface NacosBackend extends AsyncDisposable {
  readonly registry: Registry;
  /** The providers of each interface, on the registry's connection. */
  readonly interfaces: InterfaceRegistry;
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
  const { name, settings, registry: rest } = await read(options, runtime);
  const naming = opened(name, () => nacosNaming(settings));
  const config = opened(name, () => nacosConfig(settings));
  const registry = registryOver(naming, options, rest, name, settings, runtime);
  const interfaces = new NacosInterfaceRegistry({ ...rest, name, naming, owned: false, runtime });
  const admin = adminOf(options, name, settings);
  const metadataReport = new NacosMetadataReport({ name, config, admin, legacyGroup: rest.group, runtime });
  const configCenter = new NacosConfigCenter({ name, config, admin, owned: false, runtime });
  return {
    registry,
    interfaces,
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
  const { name, settings, registry } = await read(options, runtime);
  const naming = opened(name, () => nacosNaming(settings));
  return registryOver(naming, options, registry, name, settings, runtime);
}

/** Opens the registry of interfaces alone; see {@link openNacos}. */
export async function nacosInterfaceRegistry(
  options: NacosOptions,
  runtime: Runtime = systemRuntime,
): Promise<InterfaceRegistry> {
  const { name, settings, registry } = await read(options, runtime);
  const naming = opened(name, () => nacosNaming(settings));
  return new NacosInterfaceRegistry({ ...registry, name, naming, owned: true, runtime });
}

function registryOver(
  naming: NacosNaming,
  { checkNamespace = true }: NacosOptions,
  rest: Awaited<ReturnType<typeof read>>["registry"],
  name: string,
  settings: ClientOptions,
  runtime: Runtime,
): NacosRegistry {
  const namespace = checkNamespace ? (settings.namespace ?? "public") : "public";
  const namespaces = new NamespaceCheck({ name, namespace, naming, settings, runtime });
  return new NacosRegistry({ ...rest, name, naming, namespaces, runtime });
}

/** Opens the metadata report alone; see {@link openNacos}. */
export async function nacosMetadataReport(
  options: NacosOptions,
  runtime: Runtime = systemRuntime,
): Promise<MetadataReport> {
  const { name, settings, registry } = await read(options, runtime);
  const config = opened(name, () => nacosConfig(settings));
  const admin = adminOf(options, name, settings);
  return new NacosMetadataReport({ name, config, admin, legacyGroup: registry.group, runtime });
}

/** Opens the config center alone; see {@link openNacos}. */
export async function nacosConfigCenter(
  options: NacosOptions,
  runtime: Runtime = systemRuntime,
): Promise<ConfigCenter> {
  const { name, settings } = await read(options, runtime);
  const config = opened(name, () => nacosConfig(settings));
  const admin = adminOf(options, name, settings);
  return new NacosConfigCenter({ name, config, admin, owned: true, runtime });
}

async function read(options: NacosOptions, { clock, random, log }: Runtime) {
  const address = typeof options.address === "string" ? parseNacosAddress(options.address) : options.address;
  const { params = {} } = address;
  const servers = address.hosts.map(hostText);
  const { namespace = params["namespace"], client, applicationName } = options;
  const name = options.name ?? `nacos://${servers.join(",")}`;
  const credentials = options.credentials ?? credentialsOf(name, address, clock, random);
  const tls = await tlsOfParameters(name, params);
  const settings: ClientOptions = {
    clock,
    random,
    log,
    ...client,
    servers,
    namespace: namespace || "public",
    ...(applicationName !== undefined && { appName: applicationName }),
    ...(credentials !== undefined && { credentials }),
    ...(tls !== undefined && { tls: definedOf(tls) }),
  };
  const registry = {
    group: (options.group ?? params["group"]) || "DEFAULT_GROUP",
    cluster: (options.cluster ?? params["cluster"]) || "DEFAULT",
    applicationsPollMs: options.applicationsPollMs ?? 5_000,
  };
  return { name, settings, registry };
}

/** What `tls…` parameters say, without what they leave open. */
function definedOf(tls: TlsParameters): NacosTls {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)) as NacosTls;
}

/**
 * `accessKey` and `secretKey` sign, as in Java; a user in the address, with or without password, is one to log in as.
 * @throws {ConfigError} ADDRESS_INVALID: one key without the other, or both ways at once.
 */
function credentialsOf(
  name: string,
  { username, password = "", params = {} }: NacosAddress,
  clock: Runtime["clock"],
  random: () => number,
): NacosCredentials | undefined {
  const { accessKey = "", secretKey = "" } = params;
  if (accessKey === "" && secretKey === "")
    return username === undefined ? undefined : passwordCredentials({ username, password, clock, random });
  const invalid = (why: string) => new ConfigError("ADDRESS_INVALID", `${name}: ${why}`);
  if (accessKey === "" || secretKey === "") throw invalid("accessKey and secretKey come together");
  if (username !== undefined) throw invalid("either a user or an accessKey");
  const region = params["signatureRegionId"];
  return accessKeyCredentials({ key: { accessKey, secretKey }, clock, ...(region ? { region } : {}) });
}

/** It opens nothing that would have to be closed. */
function adminOf(
  { history = true }: NacosOptions,
  name: string,
  settings: ClientOptions,
): NacosAdmin | undefined {
  return history ? opened(name, () => nacosAdmin(settings)) : undefined;
}

function opened<T>(name: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof NacosError)) throw cause;
    throw new ConfigError("ADDRESS_INVALID", `${name}: ${cause.message}`, { cause });
  }
}
