import type { RegistryAddress } from "./registry-address.js";

/** Settings that a program starts with: checked, defaults applied, frozen. Times are in ms. */
export interface Config {
  readonly application: ApplicationConfig;
  /** By id. Empty when none is configured. */
  readonly registries: Readonly<Record<string, RegistryConfig>>;
  /** Where metadata and mapping are kept, if not in the registries. */
  readonly metadataReport: MetadataReportConfig | undefined;
  /** By id. Empty when none is configured. */
  readonly protocols: Readonly<Record<string, ProtocolConfig>>;
  readonly provider: ProviderConfig;
  readonly consumer: ConsumerConfig;
  readonly logger: LoggerConfig;
  readonly shutdown: ShutdownConfig;
  readonly cache: CacheConfig;
  /** The files that it was read from, in the order in which they were laid over each other. */
  readonly files: readonly string[];
}

/** `application:`. What is not given is undefined. */
export interface ApplicationConfig {
  /** Letters, digits, `-`, `_` and `.`; at most 200. The name that is registered. */
  readonly name: string;
  readonly organization: string | undefined;
  readonly module: string | undefined;
  readonly version: string | undefined;
  readonly owner: string | undefined;
  readonly environment: string | undefined;
  /** `dubbo.tag` of the instance. */
  readonly tag: string | undefined;
  /** Where consumers look up the metadata of a revision. Default `local`: they ask the provider. */
  readonly metadataType: "local" | "remote";
  /** Undefined: the port of the first protocol that serves. */
  readonly metadataServicePort: number | undefined;
  readonly metadataServiceProtocol: string | undefined;
  /** The address that is registered. Undefined: found out. */
  readonly host: string | undefined;
  /** More keys of the instance record. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What registries and metadata reports have in common. */
export interface CenterConfig {
  /** Where it is; user and password of the URL are in {@link username} and {@link password} too. */
  readonly address: RegistryAddress;
  readonly group: string | undefined;
  readonly namespace: string | undefined;
  readonly username: string | undefined;
  /** Not to be printed; see `redacted`. */
  readonly password: string | undefined;
  /** Default 5000. */
  readonly timeoutMs: number;
  /** Parameters of the URL, and those of `params`, which win. */
  readonly params: Readonly<Record<string, string>>;
}

/** One of `registries:`. */
export interface RegistryConfig extends CenterConfig {
  readonly id: string;
  /** True: a start fails when the registry cannot be reached. Default true. */
  readonly check: boolean;
  /** False: instances are not registered here. Default true. */
  readonly register: boolean;
  /** False: providers are not looked up here. Default true. */
  readonly subscribe: boolean;
  /** True: it keeps metadata and mapping as well, unless there is a metadata report. Default true. */
  readonly useAsMetadataReport: boolean;
}

/** `metadata-report:`. */
export type MetadataReportConfig = CenterConfig;

/** One of `protocols:`. */
export interface ProtocolConfig {
  readonly id: string;
  /** `dubbo` or `tri`. Default: the id. */
  readonly name: string;
  /** The address of an interface of this machine. Undefined: all of them. */
  readonly host: string | undefined;
  /** 0 picks a free one (so does Dubbo's -1). Undefined: the protocol's default. */
  readonly port: number | undefined;
  /** The longest message in bytes. Default 8,388,608. */
  readonly payloadBytes: number;
  readonly params: Readonly<Record<string, string>>;
}

/** Settings of one method. Undefined: those of the service or reference. */
export interface MethodConfig {
  readonly timeoutMs: number | undefined;
  readonly retries: number | undefined;
  readonly loadBalance: string | undefined;
}

/** What services and references have in common. Undefined: the default of the side, then of the framework. */
interface CallConfig extends MethodConfig {
  readonly cluster: string | undefined;
  /** By method name. */
  readonly methods: Readonly<Record<string, MethodConfig>>;
  readonly params: Readonly<Record<string, string>>;
}

/** One of `provider.services:`; what it leaves out is that of `provider:`. */
export interface ServiceConfig extends CallConfig {
  /** The key under which it stands in the file. */
  readonly key: string;
  /** Default: the key. */
  readonly interface: string;
  readonly version: string | undefined;
  readonly group: string | undefined;
  readonly weight: number | undefined;
  readonly warmupMs: number | undefined;
  readonly tag: string | undefined;
  /** Not to be printed. */
  readonly token: string | undefined;
  /** Ids of protocols. Undefined: all of them. */
  readonly protocols: readonly string[] | undefined;
  /** Ids of registries. Undefined: all of them. */
  readonly registries: readonly string[] | undefined;
}

/** `provider:`. Its settings hold for services that are not in the file too. */
export interface ProviderConfig extends MethodConfig {
  readonly version: string | undefined;
  readonly group: string | undefined;
  readonly weight: number | undefined;
  readonly warmupMs: number | undefined;
  readonly tag: string | undefined;
  readonly token: string | undefined;
  readonly cluster: string | undefined;
  readonly protocols: readonly string[] | undefined;
  readonly registries: readonly string[] | undefined;
  readonly params: Readonly<Record<string, string>>;
  /** By key. */
  readonly services: Readonly<Record<string, ServiceConfig>>;
}

/** One of `consumer.references:`; what it leaves out is that of `consumer:`. */
export interface ReferenceConfig extends CallConfig {
  /** The key under which it stands in the file. */
  readonly key: string;
  /** Default: the key. */
  readonly interface: string;
  readonly version: string | undefined;
  readonly group: string | undefined;
  /** Names of applications. Empty: the mapping tells. */
  readonly providedBy: readonly string[];
  /** Undefined: whatever providers offer. */
  readonly protocol: readonly string[] | undefined;
  /** `dubbo://host:port`: called without asking a registry. Empty: registries are asked. */
  readonly url: readonly string[];
  /** True: a start fails when no provider is found. Default true. */
  readonly check: boolean;
  /** Ids of registries. Undefined: all of them. */
  readonly registries: readonly string[] | undefined;
}

/** `consumer:`. Its settings hold for references that are not in the file too. */
export interface ConsumerConfig extends MethodConfig {
  readonly check: boolean;
  readonly version: string | undefined;
  readonly group: string | undefined;
  readonly cluster: string | undefined;
  readonly protocol: readonly string[] | undefined;
  readonly registries: readonly string[] | undefined;
  readonly params: Readonly<Record<string, string>>;
  /** By key. */
  readonly references: Readonly<Record<string, ReferenceConfig>>;
}

/** `logger:`. */
export interface LoggerConfig {
  /** Default `info`. */
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  /** `json`: one object a line (the default). `pretty`: for people; `text` and `console` mean the same. */
  readonly format: "json" | "pretty";
  /** Undefined: standard output. */
  readonly file: string | undefined;
}

/** `shutdown:`. */
export interface ShutdownConfig {
  /** Signals that stop the application. Default none; `true` means SIGTERM and SIGINT. */
  readonly signals: readonly NodeJS.Signals[];
  /** How long calls are still served after deregistering, so that consumers hear of it. Default 1000. */
  readonly graceMs: number;
  /** How long the whole stop may take. Default 30,000. */
  readonly timeoutMs: number;
}

/** `cache:`: what was known last, kept on disk for a start without registry. */
export interface CacheConfig {
  /** Default true. */
  readonly enabled: boolean;
  /** Undefined: a folder of the user's. */
  readonly directory: string | undefined;
}
