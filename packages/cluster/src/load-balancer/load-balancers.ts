import type { LoadBalancerFactory } from "./load-balancer.js";
import { random } from "./random.js";
import { roundRobin } from "./round-robin.js";

/** Load balancers by the names that configurations use (`loadbalance`). The default is `random`. */
export const loadBalancers: Readonly<Record<string, LoadBalancerFactory>> = Object.freeze({
  random,
  roundrobin: roundRobin,
});
