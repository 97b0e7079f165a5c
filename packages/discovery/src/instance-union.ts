import { changedSpan, type ServiceInstance } from "@dubbo-ts/core";

/** What became of one address. At least one of the two is there, and they are not the same object. */
export interface InstanceChange {
  readonly before: ServiceInstance | undefined;
  readonly after: ServiceInstance | undefined;
}

/**
 * The instances of one application by id, out of what each registry lists. Of two records of one address in a list the
 * one that started later counts; of those of two registries a usable one, else the first registry's. With one registry
 * a change costs what changed, not what there is.
 */
export class InstanceUnion {
  #byId = new Map<string, ServiceInstance>();
  /** The one list that `byId` was made of, where it is that and names no address twice. */
  #only: readonly ServiceInstance[] | undefined = [];

  get byId(): ReadonlyMap<string, ServiceInstance> {
    return this.#byId;
  }

  /** Takes what the registries list now, and gives what that changed. */
  update(lists: readonly (readonly ServiceInstance[])[]): readonly InstanceChange[] {
    const [first = []] = lists;
    const changes = (lists.length === 1 && this.#follow(first)) || this.#replace(lists);
    this.#only = lists.length === 1 && this.#byId.size === first.length ? first : undefined;
    return changes;
  }

  /** Undefined: an address would be there twice, or was. */
  #follow(next: readonly ServiceInstance[]): readonly InstanceChange[] | undefined {
    const before = this.#only;
    if (before === undefined) return undefined;
    const { from, beforeEnd, afterEnd } = changedSpan(before, next);
    const gone = byId(before.slice(from, beforeEnd));
    const come = byId(next.slice(from, afterEnd));
    const isTwice = (id: string) => this.#byId.has(id) && !gone.has(id);
    if (come.size < afterEnd - from || [...come.keys()].some(isTwice)) return undefined;
    const changes: InstanceChange[] = [];
    for (const [id, after] of come) {
      const known = gone.get(id);
      if (known !== after) changes.push({ before: known, after });
      this.#byId.set(id, after);
    }
    for (const [id, known] of gone) {
      if (come.has(id)) continue;
      changes.push({ before: known, after: undefined });
      this.#byId.delete(id);
    }
    return changes;
  }

  #replace(lists: readonly (readonly ServiceInstance[])[]): readonly InstanceChange[] {
    const before = this.#byId;
    const next = union(lists);
    this.#byId = next;
    const changes: InstanceChange[] = [];
    for (const [id, after] of next)
      if (before.get(id) !== after) changes.push({ before: before.get(id), after });
    for (const [id, known] of before) if (!next.has(id)) changes.push({ before: known, after: undefined });
    return changes;
  }
}

function union(lists: readonly (readonly ServiceInstance[])[]): Map<string, ServiceInstance> {
  const [all = new Map<string, ServiceInstance>(), ...others] = lists.map(byId);
  for (const other of others)
    for (const [id, instance] of other) {
      const known = all.get(id);
      if (known === undefined || (!isUsable(known) && isUsable(instance))) all.set(id, instance);
    }
  return all;
}

/** dubbo-go on Nacos may show one address twice while its revision changes: the later record counts. */
function byId(instances: readonly ServiceInstance[]): Map<string, ServiceInstance> {
  const map = new Map<string, ServiceInstance>();
  for (const instance of instances) {
    const known = map.get(instance.id);
    if (known === undefined || startOf(instance) >= startOf(known)) map.set(instance.id, instance);
  }
  return map;
}

function startOf({ startedAtMs = 0 }: ServiceInstance): number {
  return startedAtMs;
}

function isUsable({ enabled, healthy }: ServiceInstance): boolean {
  return enabled && healthy;
}
