import type { MetadataInfo, ServiceInfo, ServiceInstance } from "@dubbo-ts/core";
import { type Offer, offerOf } from "./offer.js";
import { Member } from "./member.js";
import { OfferGroup } from "./offer-group.js";

interface Placed {
  readonly member: Member;
  group: OfferGroup | undefined;
}

/**
 * The instances of one application by what they offer, kept up to date one instance at a time: a change costs
 * what that instance costs, not what all services of the application would.
 */
export class ApplicationIndex {
  readonly #placed = new Map<string, Placed>();
  readonly #groups = new Map<string, OfferGroup>();
  /** Offers by the services that they were made of, then by what the instance says of its ports. */
  readonly #offers = new WeakMap<ReadonlyMap<string, ServiceInfo>, Map<string, Offer>>();

  /** The groups that have members; may be gone through any number of times. */
  readonly groups: Iterable<OfferGroup> = { [Symbol.iterator]: () => this.#groups.values() };

  /**
   * Adds or replaces an instance. Without `metadata` (its revision is not known yet) it goes on offering what it
   * offered before; a new one offers nothing for the time being.
   */
  set(instance: ServiceInstance, metadata: MetadataInfo | undefined): void {
    let placed = this.#placed.get(instance.id);
    if (placed === undefined) {
      placed = { member: new Member(instance), group: undefined };
      this.#placed.set(instance.id, placed);
    }
    placed.member.instance = instance;
    if (metadata === undefined) placed.group?.touch(placed.member);
    else this.#move(placed, this.#group(this.#offer(metadata, instance)));
  }

  /** The instance stays known but offers nothing. */
  clear(instance: ServiceInstance): void {
    const placed = this.#placed.get(instance.id);
    if (placed === undefined) return;
    placed.member.instance = instance;
    this.#move(placed, undefined);
  }

  delete(id: string): void {
    const placed = this.#placed.get(id);
    if (placed === undefined) return;
    this.#placed.delete(id);
    this.#move(placed, undefined);
  }

  #move(placed: Placed, group: OfferGroup | undefined): void {
    const before = placed.group;
    if (before === group) return before?.touch(placed.member);
    placed.group = group;
    before?.delete(placed.member);
    if (before?.isEmpty) this.#groups.delete(before.offer.key);
    group?.add(placed.member);
  }

  #group(offer: Offer): OfferGroup {
    let group = this.#groups.get(offer.key);
    if (group === undefined) {
      group = new OfferGroup(offer);
      this.#groups.set(offer.key, group);
    }
    return group;
  }

  #offer(metadata: MetadataInfo, instance: ServiceInstance): Offer {
    const offers = this.#offers.get(metadata.services) ?? new Map<string, Offer>();
    this.#offers.set(metadata.services, offers);
    const ports = `${instance.port} ${JSON.stringify(instance.ports)}`;
    const offer = offers.get(ports) ?? offerOf(metadata, instance);
    if (offers.size > 64) offers.clear(); // instances on ever new ports, which the metadata does not name
    offers.set(ports, offer);
    return offer;
  }
}
