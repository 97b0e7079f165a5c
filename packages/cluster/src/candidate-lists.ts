import { type ChangedSpan, changedSpan, type Endpoint } from "@dubbo-ts/core";
import type { Candidate } from "./candidate.js";

/** What takes and gives back single candidates. */
export interface CandidateSource {
  acquire(endpoint: Endpoint): Candidate;
  /** One more share of a candidate that is held. */
  share(candidate: Candidate): void;
  /** Undefined: others still use it, so there is nothing to wait for. */
  release(candidate: Candidate): Promise<void> | undefined;
  /** True when there is a candidate of this key. */
  holds(key: string): boolean;
}

interface SharedList {
  readonly endpoints: readonly Endpoint[];
  readonly candidates: readonly Candidate[];
  users: number;
  /** What it has of another list; undefined: it has a share of each of its candidates itself. */
  loan: Loan | undefined;
  readonly borrowers: Set<SharedList>;
}

/** Of what is the same in both lists, the shares are the lender's. The lender has users, else they are handed over. */
interface Loan {
  readonly lender: SharedList;
  readonly span: ChangedSpan;
}

/**
 * The candidates of whole lists of endpoints. Discovery gives the services of one application the same list, so
 * a change of one provider costs once what the list costs, however many services there are, and so does keeping it.
 * Of a list that differs little from the one before it, only that little is looked up: the shares of the rest are lent
 * to it, and are its own when the list before it is given back.
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
    return this.#releaseEach(this.#handOver(shared));
  }

  /** What nobody has a share of any more when `list` ends; its other shares go to one that counts on them. */
  #handOver(list: SharedList): readonly Candidate[] {
    if (list.loan !== undefined && list.borrowers.size > 0) this.#own(list);
    if (list.loan !== undefined) {
      const { lender, span } = list.loan;
      lender.borrowers.delete(list);
      return list.candidates.slice(span.from, span.afterEnd);
    }
    const [heir, ...others] = list.borrowers;
    list.borrowers.clear(); // else each list that ended would hold the next in the collector's eyes
    if (heir?.loan === undefined) return list.candidates;
    for (const other of others) this.#own(other);
    const { from, beforeEnd } = heir.loan.span;
    heir.loan = undefined;
    return list.candidates.slice(from, beforeEnd);
  }

  /** It counts on no other list after this. */
  #own(list: SharedList): void {
    if (list.loan === undefined) return;
    const { from, afterEnd } = list.loan.span;
    for (const [at, candidate] of list.candidates.entries())
      if (at < from || at >= afterEnd) this.source.share(candidate);
    list.loan.lender.borrowers.delete(list);
    list.loan = undefined;
  }

  #releaseEach(candidates: readonly Candidate[]): Promise<unknown> | undefined {
    const draining: Promise<void>[] = [];
    for (const candidate of candidates) {
      const drained = this.source.release(candidate);
      if (drained !== undefined) draining.push(drained);
    }
    return draining.length === 0 ? undefined : Promise.all(draining);
  }

  #make(endpoints: readonly Endpoint[], before: SharedList | undefined): SharedList {
    const span = before && smallSpan(endpoints, before);
    const isPatch = before !== undefined && span !== undefined && !this.#isTwice(endpoints, before, span);
    const shared: SharedList = {
      endpoints,
      candidates: isPatch
        ? this.#patched(endpoints, before, span)
        : this.#acquireEach(uniqueByKey(endpoints)),
      users: 0,
      loan: isPatch ? { lender: before, span } : undefined,
      borrowers: new Set(),
    };
    if (isPatch) before.borrowers.add(shared);
    this.#byEndpoints.set(endpoints, shared);
    this.#byCandidates.set(shared.candidates, shared);
    return shared;
  }

  #acquireEach(endpoints: readonly Endpoint[]): Candidate[] {
    return endpoints.map((endpoint) => this.source.acquire(endpoint));
  }

  /** The candidates of `before`, with those changed that differ. */
  #patched(endpoints: readonly Endpoint[], before: SharedList, span: ChangedSpan): readonly Candidate[] {
    const { from, beforeEnd, afterEnd } = span;
    const come = this.#acquireEach(endpoints.slice(from, afterEnd));
    return before.candidates.toSpliced(from, beforeEnd - from, ...come);
  }

  /** True when a key of what changed is in the list once more. In `before` there is none twice. */
  #isTwice(endpoints: readonly Endpoint[], before: SharedList, span: ChangedSpan): boolean {
    const { from, beforeEnd, afterEnd } = span;
    const gone = new Set(before.endpoints.slice(from, beforeEnd).map(({ key }) => key));
    const come = new Set(endpoints.slice(from, afterEnd).map(({ key }) => key));
    if (come.size < afterEnd - from) return true;
    return [...come].some(
      (key) =>
        !gone.has(key) &&
        this.source.holds(key) &&
        endpoints.filter((endpoint) => endpoint.key === key).length > 1,
    );
  }
}

/** With more than so many changes a list is looked up as a whole. */
const maxChanged = 16;

/** Where the lists differ; undefined: that is much, or `before` names a key twice. */
function smallSpan(endpoints: readonly Endpoint[], before: SharedList): ChangedSpan | undefined {
  if (before.candidates.length !== before.endpoints.length) return undefined;
  const span = changedSpan(before.endpoints, endpoints);
  return span.afterEnd - span.from > maxChanged ? undefined : span;
}

/** A provider that two registries list is one: the first wins, and the array is kept when there is nothing to leave out. */
function uniqueByKey(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const keys = new Set<string>();
  for (const { key } of endpoints) keys.add(key);
  if (keys.size === endpoints.length) return endpoints;
  return endpoints.filter(({ key }) => keys.delete(key));
}
