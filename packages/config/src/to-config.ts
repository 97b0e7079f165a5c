import type {
  ApplicationConfig,
  CenterConfig,
  Config,
  ConsumerConfig,
  MethodConfig,
  ProtocolConfig,
  ProviderConfig,
  ReferenceConfig,
  RegistryConfig,
  ServiceConfig,
} from "./config.js";
import { parseRegistryAddress } from "./registry-address.js";
import type { ParsedConfig } from "./schema.js";

/** What the schema read, with units in the names, addresses parsed, and what is inherited filled in. Frozen. */
export function toConfig(parsed: ParsedConfig, files: readonly string[]): Config {
  const { application, metadataReport, logger, shutdown, cache } = parsed;
  return freeze<Config>({
    application: toApplication(application),
    registries: mapValues(parsed.registries, toRegistry),
    metadataReport: metadataReport === undefined ? undefined : toCenter(metadataReport),
    protocols: mapValues(parsed.protocols, toProtocol),
    provider: toProvider(parsed.provider),
    consumer: toConsumer(parsed.consumer),
    logger: { level: logger.level, format: logger.format, file: logger.file },
    shutdown: { signals: toSignals(shutdown.signals), graceMs: shutdown.grace, timeoutMs: shutdown.timeout },
    cache: { enabled: cache.enabled, directory: cache.directory },
    files,
  });
}

function toApplication(parsed: ParsedConfig["application"]): ApplicationConfig {
  const { name, organization, module, version, owner, environment, tag, host } = parsed;
  const { metadataType, metadataServicePort, metadataServiceProtocol } = parsed;
  return {
    name,
    organization,
    module,
    version,
    owner,
    environment,
    tag,
    host,
    metadataType,
    metadataServicePort,
    metadataServiceProtocol,
    labels: mapValues(parsed.labels, same),
  };
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

function toRegistry(parsed: ParsedConfig["registries"][string], id: string): RegistryConfig {
  const { check, register, subscribe, useAsMetadataReport } = parsed;
  return { id, ...toCenter(parsed), check, register, subscribe, useAsMetadataReport };
}

function toProtocol(parsed: ParsedConfig["protocols"][string], id: string): ProtocolConfig {
  const { name = id, host, port, payload, params } = parsed;
  return { id, name, host, port, payloadBytes: payload, params: mapValues(params, same) };
}

type ParsedCall = Pick<ParsedConfig["consumer"], "timeout" | "retries" | "loadBalance">;

function toMethod({ timeout, retries, loadBalance }: ParsedCall): MethodConfig {
  return { timeoutMs: timeout, retries, loadBalance };
}

type ParsedOffer = Omit<ParsedConfig["provider"], "services">;

function toOffer(parsed: ParsedOffer): Omit<ProviderConfig, "services"> {
  const { version, group, weight, warmup, tag, token, cluster, protocols, registries, params } = parsed;
  return {
    ...toMethod(parsed),
    version,
    group,
    weight,
    tag,
    token,
    cluster,
    protocols,
    registries,
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
    methods: mapValues(one.methods, toMethod),
  });
  return { ...defaults, services: mapValues(services, toService) };
}

type ParsedAsk = Omit<ParsedConfig["consumer"], "references">;

function toAsk(parsed: ParsedAsk): Omit<ConsumerConfig, "references" | "check"> {
  const { version, group, cluster, protocol, registries, params } = parsed;
  return {
    ...toMethod(parsed),
    version,
    group,
    cluster,
    protocol,
    registries,
    params: mapValues(params, same),
  };
}

function toConsumer({ references, ...parsed }: ParsedConfig["consumer"]): ConsumerConfig {
  const { check = true } = parsed;
  const defaults = toAsk(parsed);
  const toReference = (one: (typeof references)[string], key: string): ReferenceConfig => ({
    ...inherit(toAsk(one), defaults),
    check: one.check ?? check,
    key,
    interface: one.interface ?? key,
    providedBy: one.providedBy ?? [],
    url: one.url ?? [],
    methods: mapValues(one.methods, toMethod),
  });
  return { ...defaults, check, references: mapValues(references, toReference) };
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
