import { changedSpan, type Endpoint } from "@dubbo-ts/core";
import type { Candidate } from "./candidate.js";

/** What takes and gives back single candidates. */
export interface CandidateSource {
  acquire(endpoint: Endpoint): Candidate;
  /** One more share of a candidate that is held. */
  share(candidate: Candidate): void;
  /** Undefined: others still use it, so there is nothing to wait for. */
  release(candidate: Candidate): Promise<void> | undefined;
}

interface SharedList {
  readonly endpoints: readonly Endpoint[];
  readonly candidates: readonly Candidate[];
  users: number;
}

/**
 * The candidates of whole lists of endpoints. Discovery gives the services of one application the same list, so
 * a change of one provider costs once what the list costs, however many services there are, and so does keeping it.
 * Of a list that differs little from the one before it, only that little is looked up.
 */
export class CandidateLists {
  readonly #byEndpoints = new Map<readonly Endpoint[], SharedList>();
  readonly #byCandidates = new Map<readonly Candidate[], SharedList>();

  constructor(private readonly source: CandidateSource) {}

  /**
   * One candidate for each key, in their order; the same list of endpoints gives the same array.
   * @param before what the caller holds of an earlier list, and gives back after this.
   */
  acquire(endpoints: readonly Endpoint[], before: readonly Candidate[]): readonly Candidate[] {
    const shared = this.#byEndpoints.get(endpoints) ?? this.#make(endpoints, this.#byCandidates.get(before));
    shared.users += 1;
    return shared.candidates;
  }

  /**
   * Gives a share of a list back. Resolves when all connections that nobody needs any more have drained; undefined: there
   * are none.
   */
  release(candidates: readonly Candidate[]): Promise<unknown> | undefined {
    const shared = this.#byCandidates.get(candidates);
    if (shared === undefined) return undefined;
    shared.users -= 1;
    if (shared.users > 0) return undefined;
    this.#byEndpoints.delete(shared.endpoints);
    this.#byCandidates.delete(candidates);
    const draining: Promise<void>[] = [];
    for (const candidate of candidates) {
      const drained = this.source.release(candidate);
      if (drained !== undefined) draining.push(drained);
    }
    return draining.length === 0 ? undefined : Promise.all(draining);
  }

  #make(endpoints: readonly Endpoint[], before: SharedList | undefined): SharedList {
    const candidates =
      (before && this.#changed(endpoints, before)) ?? this.#acquireEach(uniqueByKey(endpoints));
    const shared = { endpoints, candidates, users: 0 };
    this.#byEndpoints.set(endpoints, shared);
    this.#byCandidates.set(candidates, shared);
    return shared;
  }

  #acquireEach(endpoints: readonly Endpoint[]): Candidate[] {
    return endpoints.map((endpoint) => this.source.acquire(endpoint));
  }

  /** The candidates of `before`, with those changed that differ; undefined: too many do, or a key is there twice. */
  #changed(endpoints: readonly Endpoint[], before: SharedList): readonly Candidate[] | undefined {
    const { candidates } = before;
    const { from, beforeEnd, afterEnd } = changedSpan(before.endpoints, endpoints);
    const isAligned = candidates.length === before.endpoints.length;
    if (!isAligned || afterEnd - from > maxChanged) return undefined;
    const changed = endpoints.slice(from, afterEnd);
    const isTwice = ({ key }: Endpoint) => endpoints.filter((one) => one.key === key).length > 1;
    if (changed.some(isTwice)) return undefined;
    const next = candidates.toSpliced(from, beforeEnd - from, ...this.#acquireEach(changed));
    for (let at = 0; at < next.length; at += 1)
      if (at < from || at >= afterEnd) this.source.share(next[at] as Candidate);
    return next;
  }
}

/** With more than so many changes a list is looked up as a whole. */
const maxChanged = 16;

/** A provider that two registries list is one: the first wins, and the array is kept when there is nothing to leave out. */
function uniqueByKey(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const keys = new Set<string>();
  for (const { key } of endpoints) keys.add(key);
  if (keys.size === endpoints.length) return endpoints;
  return endpoints.filter(({ key }) => keys.delete(key));
}
