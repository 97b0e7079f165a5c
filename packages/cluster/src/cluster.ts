import type { Runtime } from "@dubbo-ts/core";
import type { Invocation, Invoker } from "@dubbo-ts/rpc";
import type { Directory } from "./directory.js";
import type { LoadBalancer } from "./load-balancer/load-balancer.js";
import type { Router } from "./router/router.js";

/** What every {@link Cluster} takes. Settings that a method may override are functions of the call. */
export interface ClusterOptions {
  readonly runtime: Pick<Runtime, "clock" | "log">;
  readonly loadBalancer: LoadBalancer;
  /** In this order. Default: none. */
  readonly routers?: readonly Router[] | undefined;
  /** Attempts after the first (failover). Default 2, as in Dubbo. */
  readonly retries?: number | ((invocation: Invocation) => number) | undefined;
  /**
   * How long one attempt may take, in ms; undefined: as long as the call. The call's own `deadlineMs` bounds all
   * attempts together, so a call that shall survive a silent provider needs more than one attempt's time.
   */
  readonly attemptTimeoutMs?: ((invocation: Invocation) => number | undefined) | undefined;
}

/** Makes the candidates of a directory one {@link Invoker}, with a policy for what fails. */
export type Cluster = (directory: Directory, options: ClusterOptions) => Invoker;
