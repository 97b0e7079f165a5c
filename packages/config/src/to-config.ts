import type {
  ApplicationConfig,
  CenterConfig,
  Config,
  ConfigCenterConfig,
  ConsumerConfig,
  LimitConfig,
  LoggerConfig,
  MethodConfig,
  MethodEntryConfig,
  MigrationConfig,
  ProtocolConfig,
  ProviderConfig,
  ReferenceConfig,
  RegistryConfig,
  RouterRule,
  ServiceConfig,
  TlsConfig,
  TripleConfig,
} from "./config.js";
import type { ConfigNotice } from "./notices.js";
import { parseRegistryAddress } from "./registry-address.js";
import type { ParsedConfig } from "./schema/config-schema.js";
import { toMetrics } from "./to-metrics.js";

/** What the schema read, with units in the names, addresses parsed, and what is inherited filled in. Frozen. */
export function toConfig(
  parsed: ParsedConfig,
  files: readonly string[],
  notices: readonly ConfigNotice[],
): Config {
  const { application, metadataReport, configCenter, shutdown, cache, tls, otel } = parsed;
  const shared = toTls(tls);
  return freeze<Config>({
    application: toApplication(application),
    registries: mapValues(parsed.registries, (one, id) => toRegistry(one, id, application.registerMode)),
    metadataReport: metadataReport === undefined ? undefined : toCenter(metadataReport),
    configCenter: configCenter === undefined ? undefined : toConfigCenter(configCenter),
    protocols: mapValues(parsed.protocols, (one, id) => toProtocol(one, id, shared)),
    provider: toProvider(parsed.provider),
    consumer: toConsumer(parsed.consumer, shared),
    logger: toLogger(parsed.logger),
    shutdown: { signals: toSignals(shutdown.signals), graceMs: shutdown.grace, timeoutMs: shutdown.timeout },
    cache: { enabled: cache.enabled, directory: cache.directory },
    tls: shared,
    router: parsed.router.map(toRule),
    metrics: toMetrics(parsed.metrics),
    tracing: { ...otel.tracing, endpoint: otel.tracing.endpoint },
    custom: mapValues(parsed.custom.configMap, same),
    files,
    notices,
  });
}

function toApplication(parsed: ParsedConfig["application"]): ApplicationConfig {
  const { name, organization, module, group, version, owner, environment, tag, host } = parsed;
  const { metadataType, metadataServicePort, metadataServiceProtocol } = parsed;
  return {
    name,
    organization,
    module,
    group,
    version,
    owner,
    environment,
    tag,
    host,
    metadataType,
    metadataServicePort,
    metadataServiceProtocol,
    labels: mapValues(parsed.labels, same),
    registerMode: parsed.registerMode,
    migration: toMigration(parsed),
  };
}

function toMigration({ migration, serviceDiscovery }: ParsedConfig["application"]): MigrationConfig {
  const { step = serviceDiscovery.migration ?? "application-first", delay: delayMs, ...rest } = migration;
  return { step, delayMs, ...rest };
}

type ParsedCenter = NonNullable<ParsedConfig["metadataReport"]>;

/** What has a key of its own wins over the same thing in the URL. */
function toCenter(parsed: ParsedCenter): CenterConfig {
  const address = parseRegistryAddress(parsed.address, parsed.protocol);
  const { group, namespace, username, password, ...rest } = { ...address.params, ...parsed.params };
  return {
    address,
    group: parsed.group ?? group,
    namespace: parsed.namespace ?? namespace,
    username: parsed.username ?? address.username ?? username,
    password: parsed.password ?? address.password ?? password,
    timeoutMs: parsed.timeout,
    params: mapValues(rest, same),
  };
}

function toRegistry(
  parsed: ParsedConfig["registries"][string],
  id: string,
  byDefault: RegistryConfig["registerMode"],
): RegistryConfig {
  const { check, register, subscribe, useAsMetadataReport, useAsConfigCenter } = parsed;
  const { registryType: registerMode = byDefault, preferred, zone, weight } = parsed;
  const uses = { check, register, subscribe, useAsMetadataReport, useAsConfigCenter };
  return { id, ...toCenter(parsed), ...uses, registerMode, preferred, zone, weight };
}

function toConfigCenter(parsed: NonNullable<ParsedConfig["configCenter"]>): ConfigCenterConfig {
  const { dataId, appDataId, fileExtension, check, appId, cluster } = parsed;
  return { ...toCenter(parsed), dataId, appDataId, fileExtension, check, appId, cluster };
}

type ParsedProtocol = ParsedConfig["protocols"][string];

function toProtocol(parsed: ParsedProtocol, id: string, shared: TlsConfig | undefined): ProtocolConfig {
  const { name = id, host, port, payload, serialization, params, triple, extProtocol = [], tls } = parsed;
  const serves = shared?.certFile !== undefined || shared?.keyFile !== undefined;
  const { maxServerSendMsgSize, maxServerRecvMsgSize } = parsed;
  return {
    id,
    name,
    host,
    port,
    payloadBytes: payload,
    serialization,
    triple: toTriple({ maxServerSendMsgSize, maxServerRecvMsgSize, ...triple }),
    extProtocols: extProtocol.filter((other) => other !== name),
    tls: tls === undefined && serves ? shared : toTls(tls),
    params: mapValues(params as Readonly<Record<string, string>>, same),
  };
}

/** Undefined when nothing is said, or that it is off. */
function toTls(parsed: ParsedConfig["tls"]): TlsConfig | undefined {
  if (parsed?.enabled !== true) return undefined;
  const { certFile, keyFile, caFile, serverName, plainText } = parsed;
  return { certFile, keyFile, caFile, serverName, plainText };
}

/** Undefined when nothing is said. */
function toTriple(parsed: NonNullable<ParsedProtocol["triple"]> | undefined): TripleConfig | undefined {
  if (parsed === undefined) return undefined;
  const { maxServerSendMsgSize, maxServerRecvMsgSize, keepAliveInterval, keepAliveTimeout, cors } = parsed;
  const { allowOrigins = [], allowMethods = [], allowHeaders = [], exposeHeaders = [] } = cors ?? {};
  const triple: TripleConfig = {
    maxSendBytes: maxServerSendMsgSize,
    maxReceiveBytes: maxServerRecvMsgSize,
    keepAliveMs: keepAliveInterval,
    keepAliveTimeoutMs: keepAliveTimeout,
    cors: cors && {
      allowOrigins,
      allowMethods,
      allowHeaders,
      exposeHeaders,
      allowCredentials: cors.allowCredentials,
      maxAgeSeconds: cors.maxAge,
    },
  };
  return Object.values(triple).some((value) => value !== undefined) ? triple : undefined;
}

type ParsedCall = Pick<ParsedConfig["consumer"], "timeout" | "retries" | "loadBalance">;

function toCall({ timeout, retries, loadBalance }: ParsedCall): MethodConfig {
  return { timeoutMs: timeout, retries, loadBalance };
}

type ParsedMethod = ParsedConfig["provider"]["services"][string]["methods"][string];

function toLimits(parsed: Omit<ParsedMethod, "sticky">): LimitConfig {
  const { executeLimit, tpsLimitRate, tpsLimitInterval, tpsLimitStrategy } = parsed;
  return { executeLimit, tpsLimitRate, tpsLimitIntervalMs: tpsLimitInterval, tpsLimitStrategy };
}

function toMethod(parsed: ParsedMethod): MethodEntryConfig {
  const { weight, sticky } = parsed;
  return { ...toCall(parsed), weight, sticky, ...toLimits(parsed) };
}

type ParsedOffer = Omit<ParsedConfig["provider"], "services">;

function toOffer(parsed: ParsedOffer): Omit<ProviderConfig, "services"> {
  const { version, group, weight, warmup, tag, token, cluster, protocols, registries, params } = parsed;
  const { accessLog, filter: filters, serialization, tpsLimiter } = parsed;
  return {
    ...toCall(parsed),
    ...toLimits(parsed),
    version,
    group,
    weight,
    tag,
    token,
    cluster,
    protocols,
    registries,
    accessLog,
    filters,
    serialization,
    tpsLimiter,
    warmupMs: warmup,
    params: mapValues(params, same),
  };
}

function toProvider({ services, ...parsed }: ParsedConfig["provider"]): ProviderConfig {
  const defaults = toOffer(parsed);
  const toService = (one: (typeof services)[string], key: string): ServiceConfig => ({
    ...inherit(toOffer(one), defaults),
    key,
    interface: one.interface ?? key,
    register: one.notRegister !== true,
    methods: mapValues(one.methods, toMethod),
  });
  return { ...defaults, services: mapValues(services, toService) };
}

type ParsedAsk = Omit<ParsedConfig["consumer"], "references" | "tls">;

function toAsk(parsed: ParsedAsk): Omit<ConsumerConfig, "references" | "check" | "tls"> {
  const { version, group, cluster, protocol, registries, filter: filters, serialization, params } = parsed;
  return {
    ...toCall(parsed),
    version,
    group,
    cluster,
    protocol,
    registries,
    filters,
    serialization,
    params: mapValues(params, same),
  };
}

function toConsumer(
  { references, tls, ...parsed }: ParsedConfig["consumer"],
  shared: TlsConfig | undefined,
): ConsumerConfig {
  const { check = true } = parsed;
  const defaults = toAsk(parsed);
  const toReference = (one: (typeof references)[string], key: string): ReferenceConfig => ({
    ...inherit(toAsk(one), defaults),
    check: one.check ?? check,
    key,
    interface: one.interface ?? key,
    protocol: one.protocol ?? one.protocolConfig?.name?.split(",") ?? defaults.protocol,
    providedBy: one.providedBy ?? [],
    url: one.url ?? [],
    tag: one.tag,
    forceTag: one.forceTag ?? false,
    sticky: one.sticky ?? false,
    connections: one.connections,
    generic: one.generic,
    async: one.async ?? false,
    triple: toTriple(one.protocolConfig?.triple),
    methods: mapValues(one.methods, toMethod),
  });
  const asks = tls === undefined && shared?.caFile !== undefined;
  return {
    ...defaults,
    check,
    tls: asks ? shared : toTls(tls),
    references: mapValues(references, toReference),
  };
}

/** `own` where it says something, else `defaults`; parameters are joined. */
function inherit<T extends { readonly params: Readonly<Record<string, string>> }>(own: T, defaults: T): T {
  const joined: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(own)) if (value !== undefined) joined[key] = value;
  return { ...(joined as unknown as T), params: mapValues({ ...defaults.params, ...own.params }, same) };
}

function toSignals(parsed: ParsedConfig["shutdown"]["signals"]): readonly NodeJS.Signals[] {
  if (typeof parsed !== "boolean") return parsed;
  return parsed ? ["SIGTERM", "SIGINT"] : [];
}

/** Where dubbo-go logs to when a file is wanted and none is named. */
const unnamedLog = "dubbo.log";

function toLogger({ level, format, appender, file }: ParsedConfig["logger"]): LoggerConfig {
  if (appender === undefined) return { level, format, file: file?.name };
  return { level, format, file: appender.includes("file") ? (file?.name ?? unnamedLog) : undefined };
}

function toRule(parsed: ParsedConfig["router"][number]): RouterRule {
  const { scope, key, configVersion, force, runtime, enabled, priority, affinityAware } = parsed;
  const { conditions = [], tags = [] } = parsed;
  return { scope, key, configVersion, force, runtime, enabled, priority, conditions, tags, affinityAware };
}

const same = <T>(value: T): T => value;

/** A record without prototype, so that no name is found that nobody gave. */
function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  map: (value: T, key: string) => U,
): Readonly<Record<string, U>> {
  const mapped = Object.create(null) as Record<string, U>;
  for (const [key, value] of Object.entries(record)) mapped[key] = map(value, key);
  return mapped;
}

function freeze<T extends object>(value: T): T {
  for (const member of Object.values(value) as unknown[])
    if (typeof member === "object" && member !== null) freeze(member);
  return Object.freeze(value);
}
