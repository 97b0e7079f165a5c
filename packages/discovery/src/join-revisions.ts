import {
  type Endpoint,
  NoProviderError,
  type Resolution,
  type ServiceInfo,
  type ServiceKey,
} from "@dubbo-ts/core";
import type { EndpointLists } from "./endpoint-lists.js";
import type { LaneEndpoints } from "./lane-list.js";
import type { ServiceQuery } from "./match-service.js";
import type { OfferGroup } from "./offer-group.js";

/** What is known of one application that may provide the service. */
export interface ApplicationState {
  readonly application: string;
  /** False: nothing was heard of it yet. */
  readonly heard: boolean;
  /** True: what is known may be outdated. */
  readonly stale: boolean;
  /** True: its instances are said to be gone, and that is not confirmed yet. */
  readonly doubted?: boolean;
  readonly instances: number;
  readonly groups: Iterable<OfferGroup>;
  /** How many instances carry a revision whose metadata is not known. */
  readonly waiting: number;
  /** Why the metadata of some of them could not be fetched; undefined: no attempt has failed. */
  readonly failure: unknown;
}

/** What is known of the mapping of the interface. */
export interface MappingState {
  /** False: nothing was heard of it yet, and no application is named beforehand. */
  readonly heard: boolean;
}

/**
 * Finds the endpoints of a service among what its applications offer, or says why there are none. A pure
 * function of its arguments: `lists` only saves equal lists from being made twice.
 *
 * Matching is Java's (app-level discovery 8.5): the interface exactly; version and group exactly, `*`, or one of
 * a list; the protocol only where one is asked for, else entries that are marked `isExtra` are left out where
 * there is another.
 */
export function joinRevisions(
  query: ServiceQuery,
  mapping: MappingState,
  applications: readonly ApplicationState[],
  lists: EndpointLists,
): Resolution {
  const found: LaneEndpoints[] = [];
  let newest: { readonly startMs: number; readonly info: ServiceInfo } | undefined;
  for (const { groups } of applications)
    for (const group of groups)
      for (const { lane, info } of lists.matching(query, group.offer)) {
        found.push(group.on(lane));
        if (newest === undefined || group.newestStartMs >= newest.startMs)
          newest = { startMs: group.newestStartMs, info };
      }
  const healthy = joined(found, "healthy", lists);
  const endpoints = healthy.length > 0 ? healthy : joined(found, "ill", lists);
  if (endpoints.length === 0 || newest === undefined) return unresolved(query, mapping, applications);
  const stale = !mapping.heard || applications.some((one) => one.stale);
  const doubted = applications.some((one) => one.doubted);
  return { state: "resolved", endpoints, params: newest.info.params, stale, ...(doubted && { doubted }) };
}

function joined(
  found: readonly LaneEndpoints[],
  which: keyof LaneEndpoints,
  lists: EndpointLists,
): readonly Endpoint[] {
  const [first] = found;
  return found.length === 1 && first !== undefined
    ? first[which]
    : lists.concat(found.map((one) => one[which]));
}

function unresolved(
  { service }: ServiceQuery,
  mapping: MappingState,
  applications: readonly ApplicationState[],
): Resolution {
  const names = applications.map(({ application }) => application);
  const fail = (
    code: NoProviderError["code"],
    why: string,
    nearMisses: readonly string[] = [],
    options?: ErrorOptions,
  ) => new NoProviderError(code, why, { service: service.text, applications: names, nearMisses }, options);

  const unheard = applications.filter(({ heard }) => !heard).map(({ application }) => application);
  if (!mapping.heard)
    return {
      state: "pending",
      error: fail("PROVIDERS_PENDING", "which applications provide it is not known yet"),
    };
  if (unheard.length > 0)
    return {
      state: "pending",
      error: fail("PROVIDERS_PENDING", `nothing heard yet of ${unheard.join(", ")}`),
    };
  const waiting = applications.reduce((sum, one) => sum + one.waiting, 0);
  const failed = applications.find((one) => one.waiting > 0 && one.failure !== undefined);
  if (failed !== undefined)
    return {
      state: "failed",
      error: fail("DISCOVERY_FAILED", `metadata of ${waiting} instances cannot be fetched`, [], {
        cause: failed.failure,
      }),
    };
  if (waiting > 0)
    return {
      state: "pending",
      error: fail("PROVIDERS_PENDING", `metadata of ${waiting} instances is being fetched`),
    };
  const instances = applications.reduce((sum, one) => sum + one.instances, 0);
  const why =
    names.length === 0
      ? "no application is mapped to it, and none is named by provided-by"
      : instances === 0
        ? "there are no instances"
        : `none of ${instances} instances offers it`;
  return { state: "absent", error: fail("NO_PROVIDER", why, nearMisses(service, applications)) };
}

/** The same interface under another version, group or protocol. */
function nearMisses(service: ServiceKey, applications: readonly ApplicationState[]): readonly string[] {
  const found = new Set<string>();
  for (const { groups } of applications)
    for (const { offer } of groups)
      for (const { info } of offer.byInterface.get(service.serviceInterface) ?? [])
        found.add(`${info.key.text}:${info.protocol}`);
  return [...found].sort();
}
