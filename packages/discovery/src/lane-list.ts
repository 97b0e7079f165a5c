import type { Endpoint } from "@dubbo-ts/core";
import type { Member } from "./member.js";
import type { Lane } from "./offer.js";

/** The endpoints of a group on one lane. */
export interface LaneEndpoints {
  readonly healthy: readonly Endpoint[];
  /** Those that the registry itself found ill: used when there are no others. */
  readonly ill: readonly Endpoint[];
}

/** With more than so many changes a list is made anew. */
const maxChanged = 16;

/** Makes the {@link LaneEndpoints} of members, and keeps them up to date at the price of what changed. */
export class LaneList {
  readonly #shown = new Map<Member, Endpoint>();
  /** Of those in the lists. */
  readonly #keys = new Set<string>();
  readonly #changed = new Set<Member>();
  #endpoints: LaneEndpoints | undefined;

  constructor(
    private readonly lane: Lane,
    private readonly members: ReadonlySet<Member>,
  ) {}

  /** `member` has another instance, or came, or went. */
  touch(member: Member): void {
    if (this.#endpoints === undefined) return;
    this.#changed.add(member);
    if (this.#changed.size <= maxChanged) return;
    // Nobody may ever ask for this lane again: those that have left are not held for it.
    this.#endpoints = undefined;
    this.#changed.clear();
    this.#shown.clear();
    this.#keys.clear();
  }

  /** One endpoint per protocol, host and port: a process of dubbo-go is listed once for each of its ports. */
  get endpoints(): LaneEndpoints {
    const before = this.#endpoints;
    if (before === undefined) this.#endpoints = this.#collect();
    else if (this.#changed.size > 0) this.#endpoints = kept(before, this.#patched(before) ?? this.#collect());
    this.#changed.clear();
    return this.#endpoints as LaneEndpoints;
  }

  #collect(): LaneEndpoints {
    const healthy: Endpoint[] = [];
    const ill: Endpoint[] = [];
    this.#shown.clear();
    this.#keys.clear();
    for (const member of this.members) {
      const made = this.#madeOf(member);
      if (made === undefined) continue;
      this.#shown.set(member, made);
      if (this.#keys.has(made.key)) continue;
      this.#keys.add(made.key);
      (member.instance.healthy ? healthy : ill).push(made);
    }
    return { healthy, ill };
  }

  /** Undefined: an address is there twice, so that one member's end may be another one's beginning. */
  #patched({ healthy, ill }: LaneEndpoints): LaneEndpoints | undefined {
    if (this.#shown.size !== healthy.length + ill.length) return undefined;
    const lists = { healthy: [...healthy], ill: [...ill] };
    for (const member of this.#changed) {
      const before = this.#shown.get(member);
      const after = this.#madeOf(member);
      if (after?.key !== before?.key) {
        if (after !== undefined && this.#keys.has(after.key)) return undefined;
        if (before !== undefined) this.#keys.delete(before.key);
        if (after !== undefined) this.#keys.add(after.key);
      }
      replace(lists.healthy, before, member.instance.healthy ? after : undefined);
      replace(lists.ill, before, member.instance.healthy ? undefined : after);
      if (after === undefined) this.#shown.delete(member);
      else this.#shown.set(member, after);
    }
    return lists;
  }

  /** Undefined: the member has left, or is switched off. */
  #madeOf(member: Member): Endpoint | undefined {
    return this.members.has(member) && member.instance.enabled ? member.endpointOn(this.lane) : undefined;
  }
}

/** `next`, with the objects of `before` where nothing became different. */
function kept(before: LaneEndpoints, next: LaneEndpoints): LaneEndpoints {
  const healthy = isSame(before.healthy, next.healthy) ? before.healthy : next.healthy;
  const ill = isSame(before.ill, next.ill) ? before.ill : next.ill;
  return healthy === before.healthy && ill === before.ill ? before : { healthy, ill };
}

function isSame(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Puts `after` in the place of `before`, or at the end where there is none. */
function replace(list: Endpoint[], before: Endpoint | undefined, after: Endpoint | undefined): void {
  const at = before === undefined ? -1 : list.indexOf(before);
  if (at >= 0) list.splice(at, 1, ...(after === undefined ? [] : [after]));
  else if (after !== undefined) list.push(after);
}
