import type { Candidate } from "../candidate.js";
import { effectiveWeight } from "./effective-weight.js";
import type { LoadBalancerFactory } from "./load-balancer.js";

/**
 * At random, in proportion to the weights; evenly when no candidate has any, as dubbo-go's providers do that
 * publish a weight of 0 (rpc-protocols 5.2).
 */
export const random: LoadBalancerFactory = ({ clock, random: next }) => {
  return (candidates) => {
    const nowMs = clock.wallMs();
    let total = 0;
    for (const { endpoint } of candidates) total += effectiveWeight(endpoint, nowMs);
    if (total === 0) return candidates[Math.floor(next() * candidates.length)] as Candidate;
    let rest = next() * total;
    for (const candidate of candidates) {
      rest -= effectiveWeight(candidate.endpoint, nowMs);
      if (rest < 0) return candidate;
    }
    // Only rounding comes here: the last one that gets traffic at all.
    return candidates.findLast(({ endpoint }) => endpoint.weight > 0) as Candidate;
  };
};
