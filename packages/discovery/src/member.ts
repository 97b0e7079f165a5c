import { type Endpoint, endpoint, type ServiceInstance } from "@dubbo-ts/core";
import type { Lane } from "./offer.js";

/** One instance in the index, with the endpoints that were made of it. */
export class Member {
  #instance: ServiceInstance;
  /** By lane; of the present instance only. */
  readonly #endpoints: { readonly lane: string; readonly endpoint: Endpoint }[] = [];
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
    this.#endpoints.length = 0;
  }

  /** Where the instance is reached on `lane`. Port: the service's, else that of the protocol, else the instance's. */
  endpointOn(lane: Lane): Endpoint {
    const found = this.#endpoints.find((one) => one.lane === lane.id);
    if (found !== undefined) return found.endpoint;
    const made = this.#intern(this.#make(lane));
    this.#endpoints.push({ lane: lane.id, endpoint: made });
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
    const same = this.#made.find((made) => sameEndpoint(made, next));
    if (same !== undefined) return same;
    if (this.#made.length >= 8) this.#made.shift();
    this.#made.push(next);
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
