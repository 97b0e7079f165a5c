import type { Resolution } from "@dubbo-ts/core";
import type { EndpointLists } from "./endpoint-lists.js";
import { sameFields } from "./same-instance.js";

/** True when a reader would do the same with both. */
export function sameResolution(
  a: Resolution,
  b: Resolution,
  lists: Pick<EndpointLists, "areEqual">,
): boolean {
  if (a.state === "resolved" && b.state === "resolved")
    return (
      a.stale === b.stale &&
      a.doubted === b.doubted &&
      (a.params === b.params || sameFields(a.params, b.params)) &&
      lists.areEqual(a.endpoints, b.endpoints)
    );
  return (
    a.state !== "resolved" &&
    b.state !== "resolved" &&
    a.state === b.state &&
    a.error.message === b.error.message
  );
}
