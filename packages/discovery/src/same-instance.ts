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
  const byId = new Map(known.map((instance) => [instance.id, instance]));
  return next.map((instance) => {
    const before = byId.get(instance.id);
    return before !== undefined && sameInstance(before, instance) ? before : instance;
  });
}

function sameFields(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
