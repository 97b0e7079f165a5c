import { type Endpoint, endpoint, type ServiceInstance } from "@dubbo-ts/core";
import type { Lane } from "./offer.js";
import type { OfferGroup } from "./offer-group.js";

interface Made {
  readonly lane: string;
  readonly endpoint: Endpoint;
}

const none: readonly never[] = [];

/**
 * One instance in the index, with the endpoints that were made of it. There are thousands: `concat` makes lists that
 * take no more room than what they hold, which those that are pushed to or spread do.
 */
export class Member {
  #instance: ServiceInstance;
  /** What it offers, and with whom. */
  group: OfferGroup | undefined;
  /** By lane; of the present instance only. */
  #endpoints: readonly Made[] = none;
  /** What was made lately: an endpoint that says the same again is the same object. */
  #recent: readonly Endpoint[] = none;

  constructor(instance: ServiceInstance) {
    this.#instance = instance;
  }

  get instance(): ServiceInstance {
    return this.#instance;
  }

  set instance(instance: ServiceInstance) {
    this.#instance = instance;
    this.#endpoints = none;
  }

  /** Where the instance is reached on `lane`. Port: the service's, else that of the protocol, else the instance's. */
  endpointOn(lane: Lane): Endpoint {
    const found = this.#endpoints.find((one) => one.lane === lane.id);
    if (found !== undefined) return found.endpoint;
    const made = this.#intern(this.#make(lane));
    this.#endpoints = this.#endpoints.concat({ lane: lane.id, endpoint: made });
    return made;
  }

  #make(lane: Lane): Endpoint {
    const { host, port, ports, application, weight, startedAtMs, tag } = this.#instance;
    return endpoint({
      protocol: lane.protocol,
      host,
      port: lane.port ?? ports[lane.protocol] ?? port,
      application,
      weight: lane.weight * weight,
      startedAtMs,
      warmupMs: lane.warmupMs,
      tag: tag ?? lane.tag,
    });
  }

  #intern(next: Endpoint): Endpoint {
    const same = this.#recent.find((made) => sameEndpoint(made, next));
    if (same !== undefined) return same;
    this.#recent = this.#recent.slice(-7).concat(next);
    return next;
  }
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.key === b.key &&
    a.application === b.application &&
    a.weight === b.weight &&
    a.startedAtMs === b.startedAtMs &&
    a.warmupMs === b.warmupMs &&
    a.tag === b.tag
  );
}
