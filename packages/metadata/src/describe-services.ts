import {
  ConfigError,
  matchKey,
  type MetadataInfo,
  revisionOf,
  type ServiceInfo,
  type ServiceKey,
} from "@dubbo-ts/core";

/** What a provider may say of one method; it becomes `getUser.timeout` and so on. */
export interface ExportedMethodOptions {
  readonly timeoutMs?: number;
  readonly retries?: number;
  readonly weight?: number;
  readonly loadbalance?: string;
}

/** What a provider may say of a service; consumers take it for their defaults. */
export interface ExportedServiceOptions {
  /** Share of the traffic beside other providers. Dubbo's default is 100. */
  readonly weight?: number;
  /** How long a provider counts as young and gets less traffic. Dubbo's default is ten minutes. */
  readonly warmupMs?: number;
  readonly timeoutMs?: number;
  readonly retries?: number;
  /** Must be the same in every process of the application: it is part of the revision. */
  readonly token?: string;
  /** `dubbo.tag`, for tag routing. */
  readonly tag?: string;
  readonly loadbalance?: string;
  readonly cluster?: string;
  readonly methods?: Readonly<Record<string, ExportedMethodOptions>>;
  /** Further parameters, as they are. What differs from process to process (`timestamp`, `pid`) is left out. */
  readonly params?: Readonly<Record<string, string>>;
}

/** A service as it is served on one port over one protocol. */
export interface ExportedService {
  readonly key: ServiceKey;
  readonly protocol: string;
  readonly port: number;
  /** The names of its methods. */
  readonly methods: readonly string[];
  /** Its messages are protobuf's: no serialization is published. Default false: Hessian 2. */
  readonly protobuf?: boolean;
  readonly options: ExportedServiceOptions;
}

/** `release`, as `dubbo-golang-3.3.2` is Go's: tells which implementation a provider runs. */
const release = "dubbo-ts-0.1.0";

/**
 * What never belongs into metadata: it differs from process to process, so that every process would have a
 * revision of its own (`DefaultMetadataParamsFilter` in apache/dubbo, app-level discovery 3.3).
 */
const perProcess = [
  "monitor",
  "bind.ip",
  "bind.port",
  "qos.enable",
  "qos.host",
  "qos.port",
  "qos.accept.foreign.ip",
  "validation",
  "interfaces",
  "pid",
  "timestamp",
  "heartbeat.timeout",
  "ipv6",
];

/**
 * The metadata of an application that offers `services`, with its revision (`0` when it offers none). Pure: equal
 * arguments give equal metadata in every process, whatever the order of the services. The parameters are those of
 * Java (app-level discovery 3.5).
 * @throws {ConfigError} SERVICE_ALREADY_EXPORTED: one key over one protocol twice.
 */
export function describeServices(application: string, services: readonly ExportedService[]): MetadataInfo {
  const described = new Map<string, ServiceInfo>();
  for (const service of services) {
    const key = matchKey(service.key, service.protocol);
    if (described.has(key))
      throw new ConfigError("SERVICE_ALREADY_EXPORTED", `${key} is exported twice by ${application}`);
    described.set(key, {
      key: service.key,
      protocol: service.protocol,
      port: service.port,
      params: paramsOf(application, service),
    });
  }
  return { application, revision: revisionOf(application, described.values()), services: described };
}

function paramsOf(
  application: string,
  { key, methods, options, protobuf = false }: ExportedService,
): Record<string, string> {
  const params = new Map(Object.entries(options.params ?? {}).filter(([name]) => !isPerProcess(name)));
  const put = (name: string, value: string | number | undefined) => {
    if (value !== undefined && value !== "") params.set(name, String(value));
  };
  put("weight", options.weight);
  put("warmup", options.warmupMs);
  put("timeout", options.timeoutMs);
  put("retries", options.retries);
  put("token", options.token);
  put("dubbo.tag", options.tag);
  put("loadbalance", options.loadbalance);
  put("cluster", options.cluster);
  for (const [method, settings] of Object.entries(options.methods ?? {})) {
    put(`${method}.timeout`, settings.timeoutMs);
    put(`${method}.retries`, settings.retries);
    put(`${method}.weight`, settings.weight);
    put(`${method}.loadbalance`, settings.loadbalance);
  }
  put("application", application);
  put("dubbo", "2.0.2");
  put("release", release);
  put("side", "provider");
  put("interface", key.serviceInterface);
  put("group", key.group);
  put("version", key.version);
  put("methods", methods.join(","));
  // Go's consumers encode protobuf's messages by whatever stands here, be it Hessian 2, which knows none of them.
  if (!protobuf && !params.has("serialization")) put("serialization", "hessian2");
  if (!protobuf && !params.has("prefer.serialization")) put("prefer.serialization", "hessian2");
  return Object.fromEntries([...params].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isPerProcess(name: string): boolean {
  const lower = name.toLowerCase();
  return perProcess.some((excluded) => lower === excluded || lower.includes(`.${excluded}`));
}
