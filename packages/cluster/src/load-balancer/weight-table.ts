import type { Candidate } from "../candidate.js";
import { effectiveWeight } from "./effective-weight.js";

/** How long the weights of young providers are used before they are computed again: a warm-up takes ten minutes. */
const warmingMs = 1_000;

/** The weights of a list, made for many picks: a pick looks at a few of them only, or at none. */
export interface WeightTable {
  /** True when a weight changes with time. */
  readonly warming: boolean;
  /** True when the weights are to be computed again, at `nowMs` of the wall clock. */
  isStale(nowMs: number): boolean;
  /** The place of the candidate that `share` of the total weight falls on. `share`: from 0, below 1. */
  indexOf(share: number): number;
}

/** Makes the table of `candidates`, at least one, at `nowMs` of the wall clock. All without weight count the same. */
export function weightTable(candidates: readonly Candidate[], nowMs: number): WeightTable {
  const count = candidates.length;
  const warming = candidates.some((candidate) => isWarming(candidate, nowMs));
  const isStale = (laterMs: number) => laterMs < nowMs || laterMs - nowMs >= warmingMs;
  const first = weightAt(candidates, 0, nowMs);
  const even = candidates.every((_, index) => weightAt(candidates, index, nowMs) === first);
  if (even) return { warming, isStale, indexOf: (share) => Math.floor(share * count) };
  const { sums, last } = sumsOf(candidates, nowMs);
  const total = sums[last] as number;
  return { warming, isStale, indexOf: (share) => firstAbove(sums, share * total, last) };
}

/** `last`: the last place with a weight. */
function sumsOf(candidates: readonly Candidate[], nowMs: number): { sums: Float64Array; last: number } {
  const sums = new Float64Array(candidates.length);
  let last = 0;
  let total = 0;
  for (let index = 0; index < sums.length; index += 1) {
    const weight = weightAt(candidates, index, nowMs);
    if (weight > 0) last = index;
    total += weight;
    sums[index] = total;
  }
  return { sums, last };
}

function weightAt(candidates: readonly Candidate[], index: number, nowMs: number): number {
  return effectiveWeight((candidates[index] as Candidate).endpoint, nowMs);
}

function isWarming({ endpoint }: Candidate, nowMs: number): boolean {
  const { weight, startedAtMs, warmupMs } = endpoint;
  return weight > 0 && startedAtMs !== undefined && nowMs - startedAtMs < warmupMs;
}

/** The first place whose sum is above `value`; `last` where rounding leads beyond all. */
function firstAbove(sums: Float64Array, value: number, last: number): number {
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
