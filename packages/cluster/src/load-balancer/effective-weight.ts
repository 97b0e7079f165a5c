import type { Endpoint } from "@dubbo-ts/core";

/**
 * The weight of an endpoint at `nowMs` (wall clock, as the provider's start is): a young provider gets
 * `weight * uptime / warmup`, at least 1, so that it warms up under little load (rpc-protocols 5.2). A clock that
 * stands before the provider's start counts as just started. 0 means no traffic and stays 0.
 */
export function effectiveWeight(endpoint: Endpoint, nowMs: number): number {
  const { weight, startedAtMs, warmupMs } = endpoint;
  if (weight <= 0) return 0;
  if (startedAtMs === undefined) return weight;
  const uptimeMs = nowMs - startedAtMs;
  if (uptimeMs >= warmupMs) return weight;
  return uptimeMs <= 0 ? Math.min(1, weight) : Math.max(Math.min(1, weight), (weight * uptimeMs) / warmupMs);
}
