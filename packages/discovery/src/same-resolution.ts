import type { Endpoint, Resolution } from "@dubbo-ts/core";
import { sameFields } from "./same-instance.js";

/** True when a reader would do the same with both. */
export function sameResolution(
  a: Resolution,
  b: Resolution,
  areEqual: (a: readonly Endpoint[], b: readonly Endpoint[]) => boolean,
): boolean {
  if (a.state === "resolved" && b.state === "resolved")
    return (
      a.stale === b.stale &&
      a.doubted === b.doubted &&
      (a.params === b.params || sameFields(a.params, b.params)) &&
      areEqual(a.endpoints, b.endpoints)
    );
  return (
    a.state !== "resolved" &&
    b.state !== "resolved" &&
    a.state === b.state &&
    a.error.message === b.error.message
  );
}
