import type { Endpoint } from "@dubbo-ts/core";
import { matchingServices, type ServiceQuery } from "./match-service.js";
import type { Offer, OfferedService } from "./offer.js";

interface Node {
  joined: readonly Endpoint[] | undefined;
  readonly next: WeakMap<readonly Endpoint[], Node>;
}

const none: readonly Endpoint[] = [];

/**
 * Remembers what was joined of the same parts: services that are offered by the same instances on the same lane
 * share one list, so that a hundred interfaces cost no more than one. All but the last comparison is held weakly.
 */
export class EndpointLists {
  readonly #root: Node = { joined: none, next: new WeakMap() };
  #compared: { a: readonly Endpoint[]; b: readonly Endpoint[]; equal: boolean } | undefined;
  readonly #matching = new WeakMap<ServiceQuery, WeakMap<Offer, readonly OfferedService[]>>();

  /** The lists one after the other, each endpoint once. The same lists give the same object. */
  concat(lists: readonly (readonly Endpoint[])[]): readonly Endpoint[] {
    const parts = lists.filter((list) => list.length > 0);
    const [first] = parts;
    if (first === undefined) return none;
    if (parts.length === 1) return first;
    let node = this.#root;
    for (const part of parts) {
      let next = node.next.get(part);
      if (next === undefined) {
        next = { joined: undefined, next: new WeakMap() };
        node.next.set(part, next);
      }
      node = next;
    }
    node.joined ??= join(parts);
    return node.joined;
  }

  /** True when both have the same endpoints in the same order. A hundred services ask for the same two lists. */
  areEqual(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
    if (a === b) return true;
    if (this.#compared?.a !== a || this.#compared.b !== b)
      this.#compared = { a, b, equal: a.length === b.length && a.every((item, index) => item === b[index]) };
    return this.#compared.equal;
  }

  /** {@link matchingServices}, asked once for each query and offer. */
  matching(query: ServiceQuery, offer: Offer): readonly OfferedService[] {
    const byOffer = this.#matching.get(query) ?? new WeakMap<Offer, readonly OfferedService[]>();
    this.#matching.set(query, byOffer);
    let services = byOffer.get(offer);
    if (services === undefined) {
      services = matchingServices(query, offer);
      byOffer.set(offer, services);
    }
    return services;
  }
}

/** Two applications, or two groups of one, may list the same address: the first one counts. */
function join(lists: readonly (readonly Endpoint[])[]): readonly Endpoint[] {
  const byKey = new Map<string, Endpoint>();
  for (const list of lists) for (const one of list) if (!byKey.has(one.key)) byKey.set(one.key, one);
  return [...byKey.values()];
}
