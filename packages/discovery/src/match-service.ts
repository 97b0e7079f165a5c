import type { ServiceKey } from "@dubbo-ts/core";
import type { Offer, OfferedService } from "./offer.js";

/** Which service is looked for. */
export interface ServiceQuery {
  /** Version and group may be `*` (any) or a list with commas; empty means empty. */
  readonly service: ServiceKey;
  /** Default: any. */
  readonly protocols?: readonly string[] | undefined;
}

/** The services of an offer that a query matches. */
export function matchingServices(query: ServiceQuery, offer: Offer): readonly OfferedService[] {
  const { service, protocols = [] } = query;
  const matching = (offer.byInterface.get(service.serviceInterface) ?? []).filter(
    ({ info }) =>
      matchesPart(service.version, info.key.version) &&
      matchesPart(service.group, info.key.group) &&
      (protocols.length === 0 || protocols.includes(info.protocol)),
  );
  if (protocols.length > 0) return matching;
  const regular = matching.filter(({ info }) => info.params["isExtra"] !== "true");
  return regular.length > 0 ? regular : matching;
}

/** True when version and group of `offered` are what `wanted` asks for; the interface exactly. */
export function matchesKey(wanted: ServiceKey, offered: ServiceKey): boolean {
  return (
    wanted.serviceInterface === offered.serviceInterface &&
    matchesPart(wanted.version, offered.version) &&
    matchesPart(wanted.group, offered.group)
  );
}

/** `*` is any; a list with commas is one of it; `0.0.0` is the empty version. */
function matchesPart(wanted: string, offered: string): boolean {
  if (wanted === offered || wanted === "*") return true;
  if (!wanted.includes(",")) return false;
  return wanted.split(",").some((one) => {
    const part = one.trim();
    return part === "*" || (part === "0.0.0" ? "" : part) === offered;
  });
}
