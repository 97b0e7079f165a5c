import type { Endpoint } from "@dubbo-ts/core";
import type { Candidate } from "./candidate.js";

/** What takes and gives back single candidates. */
export interface CandidateSource {
  acquire(endpoint: Endpoint): Candidate;
  release(candidate: Candidate): Promise<void>;
}

interface SharedList {
  readonly endpoints: readonly Endpoint[];
  readonly candidates: readonly Candidate[];
  users: number;
}

/**
 * The candidates of whole lists of endpoints. Discovery gives the services of one application the same list, so
 * a change of one provider costs once what the list costs, however many services there are, and so does keeping it.
 */
export class CandidateLists {
  readonly #byEndpoints = new Map<readonly Endpoint[], SharedList>();
  readonly #byCandidates = new Map<readonly Candidate[], SharedList>();

  constructor(private readonly source: CandidateSource) {}

  /** One candidate for each key, in their order; the same list of endpoints gives the same array. */
  acquire(endpoints: readonly Endpoint[]): readonly Candidate[] {
    const shared = this.#byEndpoints.get(endpoints) ?? this.#make(endpoints);
    shared.users += 1;
    return shared.candidates;
  }

  /** Gives a share of a list back. Resolves when all connections that nobody needs any more have drained. */
  async release(candidates: readonly Candidate[]): Promise<void> {
    const shared = this.#byCandidates.get(candidates);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#byEndpoints.delete(shared.endpoints);
    this.#byCandidates.delete(candidates);
    await Promise.all(candidates.map((candidate) => this.source.release(candidate)));
  }

  #make(endpoints: readonly Endpoint[]): SharedList {
    const candidates = uniqueByKey(endpoints).map((endpoint) => this.source.acquire(endpoint));
    const shared = { endpoints, candidates, users: 0 };
    this.#byEndpoints.set(endpoints, shared);
    this.#byCandidates.set(candidates, shared);
    return shared;
  }
}

/** A provider that two registries list is one: the first wins, and the array is kept when there is nothing to leave out. */
function uniqueByKey(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const keys = new Set<string>();
  for (const { key } of endpoints) keys.add(key);
  if (keys.size === endpoints.length) return endpoints;
  return endpoints.filter(({ key }) => keys.delete(key));
}
