import { type Endpoint, endpoint, type ServiceInstance } from "@dubbo-ts/core";
import type { Lane, Offer } from "./offer.js";

/** One instance in the index, with the endpoints that were made of it. */
export class Member {
  #instance: ServiceInstance;
  /** By lane; of the present instance only. */
  readonly #endpoints = new Map<string, Endpoint>();
  /** What was made lately: an endpoint that says the same again is the same object. */
  readonly #made: Endpoint[] = [];

  constructor(instance: ServiceInstance) {
    this.#instance = instance;
  }

  get instance(): ServiceInstance {
    return this.#instance;
  }

  set instance(instance: ServiceInstance) {
    this.#instance = instance;
    this.#endpoints.clear();
  }

  /** Where the instance is reached on `lane`. Port: the service's, else that of the protocol, else the instance's. */
  endpointOn(lane: Lane): Endpoint {
    let found = this.#endpoints.get(lane.id);
    if (found === undefined) {
      found = this.#intern(this.#make(lane));
      this.#endpoints.set(lane.id, found);
    }
    return found;
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
    const same = this.#made.find((made) => sameEndpoint(made, next));
    if (same !== undefined) return same;
    if (this.#made.length >= 8) this.#made.shift();
    this.#made.push(next);
    return next;
  }
}

/** The endpoints of a group on one lane. */
export interface LaneEndpoints {
  readonly healthy: readonly Endpoint[];
  /** Those that the registry itself found ill: used when there are no others. */
  readonly ill: readonly Endpoint[];
}

/** The instances that offer the same. Lists are made when they are asked for, and kept until a member changes. */
export class OfferGroup {
  readonly #members = new Set<Member>();
  readonly #lanes = new Map<string, LaneEndpoints>();
  #newestStartMs: number | undefined;

  constructor(readonly offer: Offer) {}

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** When the youngest instance started, ms since 1970; 0 when none says so. */
  get newestStartMs(): number {
    if (this.#newestStartMs === undefined) {
      this.#newestStartMs = 0;
      for (const { instance } of this.#members)
        this.#newestStartMs = Math.max(this.#newestStartMs, instance.startedAtMs ?? 0);
    }
    return this.#newestStartMs;
  }

  add(member: Member): void {
    this.#members.add(member);
    this.touch();
  }

  delete(member: Member): void {
    if (this.#members.delete(member)) this.touch();
  }

  /** A member's instance has changed. */
  touch(): void {
    this.#lanes.clear();
    this.#newestStartMs = undefined;
  }

  /** One endpoint per protocol, host and port: a process of dubbo-go is listed once for each of its ports. */
  on(lane: Lane): LaneEndpoints {
    let endpoints = this.#lanes.get(lane.id);
    if (endpoints === undefined) {
      endpoints = this.#collect(lane);
      this.#lanes.set(lane.id, endpoints);
    }
    return endpoints;
  }

  #collect(lane: Lane): LaneEndpoints {
    const healthy: Endpoint[] = [];
    const ill: Endpoint[] = [];
    const seen = new Set<string>();
    for (const member of this.#members) {
      if (!member.instance.enabled) continue;
      const made = member.endpointOn(lane);
      if (seen.has(made.key)) continue;
      seen.add(made.key);
      (member.instance.healthy ? healthy : ill).push(made);
    }
    return { healthy, ill };
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
