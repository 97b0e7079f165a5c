import { type LaneEndpoints, LaneList } from "./lane-list.js";
import type { Member } from "./member.js";
import type { Lane, Offer } from "./offer.js";

/** The instances that offer the same. Lists are made when they are asked for, and then kept up to date. */
export class OfferGroup {
  readonly #members = new Set<Member>();
  readonly #lanes = new Map<string, LaneList>();
  /** The youngest. Undefined: not looked for since it changed or left. */
  #newest: Member | undefined;
  /** When it started as it was found. */
  #newestMs = 0;

  constructor(readonly offer: Offer) {}

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** When the youngest instance started, ms since 1970; 0 when none says so. */
  get newestStartMs(): number {
    if (this.#newest === undefined) this.#setNewest(this.#findNewest());
    return startOf(this.#newest);
  }

  add(member: Member): void {
    this.#members.add(member);
    this.touch(member);
  }

  delete(member: Member): void {
    if (this.#members.delete(member)) this.touch(member);
  }

  /** A member's instance has changed. */
  touch(member: Member): void {
    for (const list of this.#lanes.values()) list.touch(member);
    if (this.#newest === undefined) return;
    const isMember = this.#members.has(member);
    if (isMember && startOf(member) > this.#newestMs) this.#setNewest(member);
    else if (member === this.#newest && !(isMember && startOf(member) === this.#newestMs))
      this.#newest = undefined;
  }

  #setNewest(member: Member | undefined): void {
    this.#newest = member;
    this.#newestMs = startOf(member);
  }

  #findNewest(): Member | undefined {
    let newest: Member | undefined;
    for (const member of this.#members)
      if (newest === undefined || startOf(member) > startOf(newest)) newest = member;
    return newest;
  }

  on(lane: Lane): LaneEndpoints {
    let list = this.#lanes.get(lane.id);
    if (list === undefined) {
      list = new LaneList(lane, this.#members);
      this.#lanes.set(lane.id, list);
    }
    return list.endpoints;
  }
}

function startOf(member: Member | undefined): number {
  return member?.instance.startedAtMs ?? 0;
}
