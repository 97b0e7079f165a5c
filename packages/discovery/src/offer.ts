import { type MetadataInfo, revisionOf, type ServiceInfo, type ServiceInstance } from "@dubbo-ts/core";

/**
 * All that an {@link Endpoint} of an instance depends on besides the instance. Services that agree in it share
 * one list of endpoints.
 */
export interface Lane {
  /** Equal ids mean equal lanes. */
  readonly id: string;
  readonly protocol: string;
  /** Undefined: the port that the instance gives for the protocol, else the instance's own. */
  readonly port: number | undefined;
  readonly weight: number;
  readonly warmupMs: number;
  readonly tag: string | undefined;
}

/** A service, and the lane on which it is reached. */
export interface OfferedService {
  readonly info: ServiceInfo;
  readonly lane: Lane;
}

/** What some instances offer: one object for all revisions that say the same. */
export interface Offer {
  /** Equal keys mean equal content. */
  readonly key: string;
  readonly byInterface: ReadonlyMap<string, readonly OfferedService[]>;
}

/**
 * What `instance` offers by `metadata`. A port that the instance tells as well is left to the instance, so that
 * processes on different ports offer the same.
 */
export function offerOf({ application, services }: MetadataInfo, instance: ServiceInstance): Offer {
  const relative = [...services.values()].map((info) => {
    const told = instance.ports[info.protocol] ?? instance.port;
    return info.port === told ? { ...info, port: undefined } : info;
  });
  const byInterface = new Map<string, OfferedService[]>();
  for (const info of relative) {
    const offered = byInterface.get(info.key.serviceInterface) ?? [];
    offered.push({ info, lane: laneOf(info) });
    byInterface.set(info.key.serviceInterface, offered);
  }
  return { key: revisionOf(application, relative), byInterface };
}

function laneOf({ protocol, port, params }: ServiceInfo): Lane {
  const weight = weightOf(params);
  const warmupMs = numberOf(params["warmup"]) ?? 600_000;
  const tag = params["dubbo.tag"] || undefined;
  const id = [protocol, port ?? "", weight, warmupMs, tag ?? ""].join("|");
  return { id, protocol, port, weight, warmupMs, tag };
}

/**
 * Default 100. dubbo-go publishes 0 unless the program sets a weight, and its own consumers do not look at it:
 * taken by the word it would starve those providers (app-level discovery 3.4).
 */
export function weightOf(params: Readonly<Record<string, string>>): number {
  const weight = numberOf(params["weight"]) ?? 100;
  return weight === 0 && params["release"]?.startsWith("dubbo-golang") ? 100 : weight;
}

/** A number that is not negative; undefined: it is none, or nothing is said. */
export function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const number = Number(text);
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}
