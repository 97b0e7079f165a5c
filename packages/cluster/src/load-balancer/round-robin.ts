import type { Candidate } from "../candidate.js";
import { effectiveWeight } from "./effective-weight.js";
import type { LoadBalancerFactory } from "./load-balancer.js";

interface Turn {
  current: number;
}

/**
 * Smooth weighted round robin, as nginx does it (rpc-protocols 5.2): each candidate gains its weight, the one
 * that has most is picked and pays the total. Weights 5, 1, 1 give a a b a c a a. Each method has turns of its
 * own. A provider whose weight changes is another candidate and starts again; turns of those that are gone go
 * with them.
 */
export const roundRobin: LoadBalancerFactory = ({ clock }) => {
  const turnsByMethod = new Map<string, WeakMap<Candidate, Turn>>();
  return (candidates, { method }) => {
    let turns = turnsByMethod.get(method);
    if (turns === undefined) turnsByMethod.set(method, (turns = new WeakMap()));
    const nowMs = clock.wallMs();
    const even = candidates.every(({ endpoint }) => endpoint.weight <= 0);
    let total = 0;
    let best: Candidate | undefined;
    let bestTurn: Turn | undefined;
    for (const candidate of candidates) {
      const weight = even ? 1 : effectiveWeight(candidate.endpoint, nowMs);
      if (weight === 0) continue;
      let turn = turns.get(candidate);
      if (turn === undefined) turns.set(candidate, (turn = { current: 0 }));
      total += weight;
      turn.current += weight;
      if (bestTurn === undefined || turn.current > bestTurn.current) [best, bestTurn] = [candidate, turn];
    }
    if (best === undefined || bestTurn === undefined) return candidates[0] as Candidate;
    bestTurn.current -= total;
    return best;
  };
};
