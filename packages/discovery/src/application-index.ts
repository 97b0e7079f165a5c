import type { MetadataInfo, ServiceInfo, ServiceInstance } from "@dubbo-ts/core";
import { type Offer, offerOf } from "./offer.js";
import { Member } from "./member.js";
import { OfferGroup } from "./offer-group.js";

/**
 * The instances of one application by what they offer, kept up to date one instance at a time: a change costs
 * what that instance costs, not what all services of the application would.
 */
export class ApplicationIndex {
  readonly #members = new Map<string, Member>();
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
    let member = this.#members.get(instance.id);
    if (member === undefined) this.#members.set(instance.id, (member = new Member(instance)));
    member.instance = instance;
    if (metadata === undefined) member.group?.touch(member);
    else this.#move(member, this.#group(this.#offer(metadata, instance)));
  }

  /** The instance stays known but offers nothing. */
  clear(instance: ServiceInstance): void {
    const member = this.#members.get(instance.id);
    if (member === undefined) return;
    member.instance = instance;
    this.#move(member, undefined);
  }

  delete(id: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    this.#move(member, undefined);
  }

  #move(member: Member, group: OfferGroup | undefined): void {
    const before = member.group;
    if (before === group) return before?.touch(member);
    member.group = group;
    before?.delete(member);
    if (before?.isEmpty) this.#groups.delete(before.offer.key);
    group?.add(member);
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
