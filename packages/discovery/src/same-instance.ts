import type { ServiceInstance } from "@dubbo-ts/core";

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
  let byId: Map<string, ServiceInstance> | undefined;
  return next.map((instance, index) => {
    // Mostly nothing but one instance has changed, and it stands where it stood.
    let before = known[index];
    if (before === instance) return instance;
    if (before?.id !== instance.id) {
      byId ??= new Map(known.map((one) => [one.id, one]));
      before = byId.get(instance.id);
    }
    return before !== undefined && sameInstance(before, instance) ? before : instance;
  });
}

/** Those of `known` whose ids are not in `next`. */
export function missingInstances(
  known: readonly ServiceInstance[],
  next: readonly ServiceInstance[],
): readonly ServiceInstance[] {
  let ids: Set<string> | undefined;
  return known.filter((instance, index) => {
    if (next[index]?.id === instance.id) return false;
    ids ??= new Set(next.map(({ id }) => id));
    return !ids.has(instance.id);
  });
}

function sameFields(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
