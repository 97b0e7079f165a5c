import type { Candidate } from "../candidate.js";
import type { LoadBalancerFactory } from "./load-balancer.js";
import { type WeightTable, weightTable } from "./weight-table.js";

/**
 * At random, in proportion to the weights; evenly when no candidate has any, as dubbo-go's providers do that
 * publish a weight of 0 (rpc-protocols 5.2).
 */
export const random: LoadBalancerFactory = ({ clock, random: next }) => {
  const tables = new WeakMap<readonly Candidate[], WeightTable>();
  return (candidates) => {
    let table = tables.get(candidates);
    if (table === undefined || (table.warming && table.isStale(clock.wallMs()))) {
      table = weightTable(candidates, clock.wallMs());
      tables.set(candidates, table);
    }
    return candidates[table.indexOf(next())] as Candidate;
  };
};
