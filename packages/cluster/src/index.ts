// For users
export type { Candidate } from "./candidate.js";
export type { Cluster, ClusterOptions } from "./cluster.js";
export type { LoadBalancer, LoadBalancerFactory } from "./load-balancer/load-balancer.js";
export { loadBalancers } from "./load-balancer/load-balancers.js";
export { random } from "./load-balancer/random.js";
export { roundRobin } from "./load-balancer/round-robin.js";
export { broadcast } from "./policy/broadcast.js";
export { clusters } from "./policy/clusters.js";
export { failfast } from "./policy/failfast.js";
export { failover } from "./policy/failover.js";
export { failsafe } from "./policy/failsafe.js";
export type { Router } from "./router/router.js";
// For authors of clusters and load balancers
export { createDirectory, type Directory, type DirectoryOptions } from "./directory.js";
export { createInvokerPool, type InvokerPool, type InvokerPoolOptions } from "./invoker-pool.js";
export { effectiveWeight } from "./load-balancer/effective-weight.js";
export { pick, usable } from "./pick.js";
