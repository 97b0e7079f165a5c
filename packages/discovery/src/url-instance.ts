import { type Endpoint, endpoint, type ServiceInstance, type ServiceKey, serviceKey } from "@dubbo-ts/core";
import { numberOf, weightOf } from "./offer.js";
import { type ServiceUrl, serviceUrlId } from "./service-url.js";

/**
 * A provider URL as a {@link ServiceInstance}: what follows, guards and caches instances then serves URLs too. The
 * parameters are its labels.
 */
export function instanceOfUrl(url: ServiceUrl): ServiceInstance {
  const { protocol, host, port, params, key } = url;
  return {
    application: params["application"] ?? "",
    host,
    port,
    id: serviceUrlId(url),
    revision: undefined,
    storage: "local",
    ports: { [protocol]: port },
    metadataService: undefined,
    weight: 1,
    enabled: params["enabled"] !== "false",
    healthy: true,
    startedAtMs: startOf(params["timestamp"]),
    tag: params["dubbo.tag"] || undefined,
    labels: { ...params, interface: key.serviceInterface },
  };
}

/** What a URL says, read back from its {@link instanceOfUrl}. */
export interface OfferedUrl {
  readonly key: ServiceKey;
  readonly protocol: string;
  readonly params: Readonly<Record<string, string>>;
  readonly endpoint: Endpoint;
}

/** The other way round. */
export function offeredUrl({
  host,
  port,
  ports,
  labels,
  application,
  startedAtMs,
  tag,
}: ServiceInstance): OfferedUrl {
  const { group, version } = labels;
  const protocol = Object.keys(ports)[0] ?? "dubbo";
  return {
    key: serviceKey(labels["interface"] ?? "", { group, version }),
    protocol,
    params: labels,
    endpoint: endpoint({
      protocol,
      host,
      port,
      application,
      weight: weightOf(labels),
      startedAtMs,
      warmupMs: numberOf(labels["warmup"]) ?? 600_000,
      tag,
    }),
  };
}

/** Java writes milliseconds, Go seconds. */
function startOf(timestamp: string | undefined): number | undefined {
  const number = numberOf(timestamp);
  if (number === undefined || number === 0) return undefined;
  return number < 100_000_000_000 ? number * 1_000 : number;
}
