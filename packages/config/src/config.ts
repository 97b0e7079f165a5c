import type { MetricsConfig, TracingConfig } from "./metrics-config.js";
import type { ConfigNotice } from "./notices.js";
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
  /** Where settings and rules are read that change while the program runs. */
  readonly configCenter: ConfigCenterConfig | undefined;
  /** What protocols and consumer have where they say nothing themselves. Undefined: nothing. */
  readonly tls: TlsConfig | undefined;
  /** Rules of the file, in its order. */
  readonly router: readonly RouterRule[];
  readonly metrics: MetricsConfig;
  readonly tracing: TracingConfig;
  /** `custom.config-map`: settings of the program's own, all values as texts. */
  readonly custom: Readonly<Record<string, unknown>>;
  /** What was accepted and has no effect here, or may not mean what its author expects. */
  readonly notices: readonly ConfigNotice[];
  /** The files that it was read from, in the order in which they were laid over each other. */
  readonly files: readonly string[];
}

/** `application:`. What is not given is undefined. */
export interface ApplicationConfig {
  /** Letters, digits, `-`, `_` and `.`; at most 200. The name that is registered. */
  readonly name: string;
  readonly organization: string | undefined;
  readonly module: string | undefined;
  readonly group: string | undefined;
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
  /** What registries register that do not say it themselves. Default `service`. */
  readonly registerMode: "service" | "interface" | "all";
  readonly migration: MigrationConfig;
}

/** `application.migration:`: where a consumer takes its providers from. */
export interface MigrationConfig {
  /** Default `application-first`. */
  readonly step: "force-interface" | "application-first" | "force-application";
  /** Addresses of applications for each of the interface. Default 0: any number is enough. */
  readonly threshold: number;
  /** Per cent of the calls that go to addresses of applications. Default 100. */
  readonly proportion: number;
  /** How long a changed step waits, in ms. Default 0. */
  readonly delayMs: number;
  /** Default false. */
  readonly force: boolean;
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
  /** False: settings and rules are not read from it. Default true. */
  readonly useAsConfigCenter?: boolean;
  /** What is registered here: the application, each interface, or both. Default: the application's `register-mode`, `service`. */
  readonly registerMode?: "service" | "interface" | "all";
  /** For a cluster that knows zones. */
  readonly preferred?: boolean;
  readonly zone?: string | undefined;
  readonly weight?: number | undefined;
}

/** `metadata-report:`. */
export type MetadataReportConfig = CenterConfig;

/** `config-center:`. */
export interface ConfigCenterConfig extends CenterConfig {
  /** The name of the file of settings. */
  readonly dataId: string | undefined;
  /** The name of this application's own file of settings. */
  readonly appDataId: string | undefined;
  readonly fileExtension: "yaml" | "yml" | "json" | "properties" | undefined;
  /** True: a start fails when it cannot be reached. Default true. */
  readonly check?: boolean;
  readonly appId: string | undefined;
  readonly cluster: string | undefined;
}

/** `tls:`, `tls_config:`. Paths of PEM files, relative to the working directory. */
export interface TlsConfig {
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Who must have signed the other side's certificate. A provider that has one asks consumers for theirs. */
  readonly caFile: string | undefined;
  /** The name in the provider's certificate. Undefined: the endpoint's host. */
  readonly serverName: string | undefined;
  /** Whether a provider takes plain connections too. Undefined: it does, unless there is a {@link caFile}. */
  readonly plainText: "accept" | "refuse" | undefined;
}

/** One of `router:` (rpc-protocols 5.4-5.6). */
export interface RouterRule {
  readonly scope: "service" | "application";
  /** The service `interface:version:group`, or the application. */
  readonly key: string | undefined;
  readonly configVersion: string | undefined;
  readonly force: boolean;
  readonly runtime: boolean;
  readonly enabled: boolean;
  readonly priority: number;
  /** As they are written, all values as texts. */
  readonly conditions: readonly unknown[];
  readonly tags: readonly unknown[];
  readonly affinityAware: unknown;
}

/** `triple:` of a protocol or a reference. Undefined: the protocol's default. */
export interface TripleConfig {
  readonly maxSendBytes: number | undefined;
  readonly maxReceiveBytes: number | undefined;
  readonly keepAliveMs: number | undefined;
  readonly keepAliveTimeoutMs: number | undefined;
  readonly cors: CorsConfig | undefined;
}

/** `triple.cors:`: what web pages of other origins may do. */
export interface CorsConfig {
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number | undefined;
}

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
  /** `hessian2`, `protobuf`. Undefined: the protocol's default. */
  readonly serialization: string | undefined;
  readonly triple: TripleConfig | undefined;
  /** Names of protocols that are spoken on the same port too. */
  readonly extProtocols: readonly string[];
  /** Certificate and key of the port, its own or the file's. Undefined: connections are not encrypted. */
  readonly tls: TlsConfig | undefined;
  readonly params: Readonly<Record<string, string>>;
}

/** How calls are made: settings of a method, a service, a reference or a side. */
export interface MethodConfig {
  readonly timeoutMs: number | undefined;
  readonly retries: number | undefined;
  /** A name of Dubbo's or of the program's own; whoever looks it up refuses what is not implemented. */
  readonly loadBalance: string | undefined;
}

/** How many calls a provider takes. Undefined: any number. */
export interface LimitConfig {
  /** Calls that may run at once. */
  readonly executeLimit: number | undefined;
  /** Calls within one interval. */
  readonly tpsLimitRate: number | undefined;
  readonly tpsLimitIntervalMs: number | undefined;
  readonly tpsLimitStrategy: "slidingWindow" | "fixedWindow" | "threadSafeFixedWindow" | undefined;
}

/** One of `methods:`. Undefined: what the service or reference has. */
export interface MethodEntryConfig extends MethodConfig, Partial<LimitConfig> {
  readonly weight?: number | undefined;
  /** True: calls stay with the provider of the last one. */
  readonly sticky?: boolean | undefined;
}

/** What services and references have in common. Undefined: the default of the side, then of the framework. */
interface CallConfig extends MethodConfig {
  readonly cluster: string | undefined;
  /** Names of filters, the outermost first; `-name` takes one of the defaults out. */
  readonly filters: readonly string[] | undefined;
  /** `hessian2`, `protobuf`. Undefined: what the protocol and the definition have. */
  readonly serialization: string | undefined;
  /** By method name. */
  readonly methods: Readonly<Record<string, MethodEntryConfig>>;
  readonly params: Readonly<Record<string, string>>;
}

/** One of `provider.services:`; what it leaves out is that of `provider:`. */
export interface ServiceConfig extends CallConfig, LimitConfig {
  /** The key under which it stands in the file. */
  readonly key: string;
  /** Default: the key. */
  readonly interface: string;
  readonly version: string | undefined;
  readonly group: string | undefined;
  readonly weight: number | undefined;
  readonly warmupMs: number | undefined;
  readonly tag: string | undefined;
  /** False: it is served and not registered. Default true. */
  readonly register: boolean;
  /** `true`, or the file that calls are logged to. Undefined: they are not. */
  readonly accessLog: string | undefined;
  /** Undefined: the rate is not limited, whatever the rate is. */
  readonly tpsLimiter: string | undefined;
  /** Not to be printed. */
  readonly token: string | undefined;
  /** Ids of protocols. Undefined: all of them. */
  readonly protocols: readonly string[] | undefined;
  /** Ids of registries. Undefined: all of them. */
  readonly registries: readonly string[] | undefined;
}

/** `provider:`. Its settings hold for services that are not in the file too. */
export interface ProviderConfig extends MethodConfig, LimitConfig {
  /** `true`, or the file that calls are logged to. Undefined: they are not. */
  readonly accessLog: string | undefined;
  /** Undefined: the rate is not limited, whatever the rate is. */
  readonly tpsLimiter: string | undefined;
  readonly filters: readonly string[] | undefined;
  readonly serialization: string | undefined;
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
  /** The tag of providers that are wanted. */
  readonly tag: string | undefined;
  /** True: providers without that tag are never called. Default false. */
  readonly forceTag: boolean;
  /** True: calls stay with the provider of the last one. Default false. */
  readonly sticky: boolean;
  /** Connections to each provider. Undefined: the protocol's default. */
  readonly connections: number | undefined;
  /** How values without types are written: `true`, `bean` and so on. Undefined: the definition has types. */
  readonly generic: string | undefined;
  /** Kept for programs that ask; every call is a promise. */
  readonly async: boolean;
  /** What differs from the protocol's own settings. */
  readonly triple: TripleConfig | undefined;
  /** True: a start fails when no provider is found. Default true. */
  readonly check: boolean;
  /** Ids of registries. Undefined: all of them. */
  readonly registries: readonly string[] | undefined;
}

/** `consumer:`. Its settings hold for references that are not in the file too. */
export interface ConsumerConfig extends MethodConfig {
  readonly filters: readonly string[] | undefined;
  readonly serialization: string | undefined;
  readonly check: boolean;
  readonly version: string | undefined;
  readonly group: string | undefined;
  readonly cluster: string | undefined;
  readonly protocol: readonly string[] | undefined;
  readonly registries: readonly string[] | undefined;
  /** How providers are called: its own, or the file's where that has a `ca-file`. Undefined: not encrypted. */
  readonly tls: TlsConfig | undefined;
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
