import type { Config, MethodConfig, ServiceConfig } from "@dubbo-ts/config";
import { type ServiceKey, serviceKey } from "@dubbo-ts/core";
import type { ExportedServiceOptions } from "@dubbo-ts/metadata";
import { checkOptions } from "./check-options.js";
import { entryOf } from "./entry-of.js";
import type { MethodOptions, ServiceOptions } from "./options.js";

/** A service to be exported, with all its settings applied. */
export interface ServiceSettings {
  readonly key: ServiceKey;
  /** Ids of the protocols that it is served over; undefined: all. */
  readonly protocols: readonly string[] | undefined;
  /** What is published with it. */
  readonly published: ExportedServiceOptions;
  /** True: every call is logged (`accesslog`), to the application's log whatever file is named. */
  readonly accessLog: boolean;
}

/**
 * Lays settings over each other: what the program says, then the entry of `provider.services` with this
 * interface, then `provider`.
 *
 * @throws {ConfigError} CONFIG_INVALID: a number of the program's is out of range.
 */
export function serviceSettings(
  serviceInterface: string,
  options: ServiceOptions,
  { provider, application }: Config,
): ServiceSettings {
  checkOptions(`service ${serviceInterface}`, options);
  const entry: Partial<ServiceConfig> = entryOf(provider.services, serviceInterface, options) ?? provider;
  const { weight, tag, cluster, timeoutMs, retries } = { ...defined(entry), ...defined(options) };
  const loadbalance = options.loadBalance ?? entry.loadBalance;
  const token = entry.token;
  const tagged = tag ?? application.tag;
  const published: ExportedServiceOptions = defined({
    weight,
    warmupMs: entry.warmupMs,
    timeoutMs,
    retries,
    token,
    tag: tagged,
    loadbalance,
    cluster,
    methods: publishedMethods(entry.methods ?? {}, options.methods ?? {}),
    params: { ...provider.params, ...entry.params, ...options.params },
  });
  const { version, group } = { ...defined(entry), ...defined(options) };
  return {
    key: serviceKey(serviceInterface, { version, group }),
    protocols: options.protocols ?? entry.protocols,
    published,
    accessLog: entry.accessLog !== undefined,
  };
}

function publishedMethods(
  configured: Readonly<Record<string, MethodConfig>>,
  programmed: Readonly<Record<string, MethodOptions>>,
): NonNullable<ExportedServiceOptions["methods"]> {
  const names = new Set([...Object.keys(configured), ...Object.keys(programmed)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const { loadBalance, ...rest } = {
        ...defined(configured[name] ?? {}),
        ...defined(programmed[name] ?? {}),
      };
      return [name, defined({ ...rest, loadbalance: loadBalance })];
    }),
  );
}

/** `value` without the keys that are undefined, so that it can be laid over another. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
