import { changedSpan, type ServiceInstance } from "@dubbo-ts/core";

/** True when the two say the same of an instance. */
export function sameInstance(a: ServiceInstance, b: ServiceInstance): boolean {
  return (
    a === b ||
    (a.application === b.application &&
      a.id === b.id &&
      a.revision === b.revision &&
      a.storage === b.storage &&
      a.weight === b.weight &&
      a.enabled === b.enabled &&
      a.healthy === b.healthy &&
      a.startedAtMs === b.startedAtMs &&
      a.tag === b.tag &&
      a.metadataService?.protocol === b.metadataService?.protocol &&
      a.metadataService?.port === b.metadataService?.port &&
      a.metadataService?.version === b.metadataService?.version &&
      sameFields(a.ports, b.ports) &&
      sameFields(a.labels, b.labels))
  );
}

/** `next`, with the objects of `known` in the place of those that say the same. */
export function reuseInstances(
  known: readonly ServiceInstance[],
  next: readonly ServiceInstance[],
): readonly ServiceInstance[] {
  const { from, beforeEnd, afterEnd } = changedSpan(known, next);
  if (from === afterEnd) return next;
  const byId = new Map(known.slice(from, beforeEnd).map((one) => [one.id, one]));
  let reused: ServiceInstance[] | undefined;
  for (let at = from; at < afterEnd; at += 1) {
    const instance = next[at] as ServiceInstance;
    const before = byId.get(instance.id);
    if (before !== undefined && before !== instance && sameInstance(before, instance))
      (reused ??= [...next])[at] = before;
  }
  return reused ?? next;
}

/** Those of `known` whose ids are not in the part of `next` that is different: {@link missingInstances} are among them. */
export function perhapsMissing(
  known: readonly ServiceInstance[],
  next: readonly ServiceInstance[],
): readonly ServiceInstance[] {
  const { from, beforeEnd, afterEnd } = changedSpan(known, next);
  const near = new Set(next.slice(from, afterEnd).map(({ id }) => id));
  return known.slice(from, beforeEnd).filter(({ id }) => !near.has(id));
}

/** Those of `known` whose ids are not in `next`. */
export function missingInstances(
  known: readonly ServiceInstance[],
  next: readonly ServiceInstance[],
): readonly ServiceInstance[] {
  const missing = perhapsMissing(known, next);
  if (missing.length === 0) return missing;
  // A registry may list an address twice.
  const elsewhere = missing.length > 8 ? new Set(next.map(({ id }) => id)) : undefined;
  const isThere = (id: string) => elsewhere?.has(id) ?? next.some((one) => one.id === id);
  return missing.filter(({ id }) => !isThere(id));
}

/** True when both have the same names with the same values. */
export function sameFields(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
