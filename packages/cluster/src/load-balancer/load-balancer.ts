import type { Runtime } from "@dubbo-ts/core";
import type { Invocation } from "@dubbo-ts/rpc";
import type { Candidate } from "../candidate.js";

/** Picks one of `candidates`, of which there is at least one. */
export type LoadBalancer = (candidates: readonly Candidate[], invocation: Invocation) => Candidate;

/** Makes a {@link LoadBalancer} for one reference. */
export type LoadBalancerFactory = (runtime: Pick<Runtime, "clock" | "random">) => LoadBalancer;
