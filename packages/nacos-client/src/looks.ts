import type { NacosEnvironment } from "./environment.js";
import { jitteredMs } from "./waiting.js";

/** Lists are up to 0.6 s old (nacos-server 8), so there is no point in looking for oneself sooner. */
const firstLookAfterMs = 1_500;
/** So many services are looked at so soon, the others within so much for each. */
const soon = 10;
const spreadMs = 6_000;
/** So many hosts are read in a `resyncMs`. */
const hostsPerResync = 200;
const longestResync = 60;

/**
 * How long after registering one of `services` a client looks whether it is listed, ms. All at once would keep the
 * server from its work: a hundred instances with a hundred interfaces each ask for 10,000 lists of a hundred.
 */
export function firstLookMs(services: number, { random }: NacosEnvironment): number {
  return firstLookAfterMs + random() * Math.max(0, services - soon) * spreadMs;
}

/** {@link jitteredMs} of `resyncMs`, longer for whoever keeps many `services`, or one with many `hosts`. */
export function resyncPauseMs(
  resyncMs: number,
  { services, hosts }: { readonly services: number; readonly hosts: number },
  environment: NacosEnvironment,
): number {
  const times = Math.min(Math.max(1, (services * hosts) / hostsPerResync), longestResync);
  return jitteredMs(resyncMs * times, environment);
}
