import { NoProviderError } from "@dubbo-ts/core";
import type { Invocation } from "@dubbo-ts/rpc";
import type { Candidate } from "./candidate.js";
import type { ClusterOptions } from "./cluster.js";
import type { Directory } from "./directory.js";

const nobody: readonly Candidate[] = [];

/**
 * The candidates that a call may go to, best ones only: usable and not tried yet, else usable unless they failed this call
 * twice, else not tried yet, else all (panic: a call that may succeed is better than one that is refused). Gives `candidates` itself
 * when none is left out, which is the usual case.
 *
 * Of those that are avoided only for their failures, at most a tenth and at least one are left out: when many
 * fail, the cause is likely elsewhere, and the rest must not carry everything.
 */
export function usable(candidates: readonly Candidate[], tried = nobody): readonly Candidate[] {
  const kept = withoutAvoided(candidates);
  if (tried.length === 0) return orElse(kept, candidates);
  const untried = another(candidates, tried);
  const again = isExhausted(kept, tried) ? orElse(untried, kept) : orElse(kept, untried);
  return orElse(another(kept, tried), orElse(again, candidates));
}

/**
 * True when each has failed this call twice: that may be a provider that leaves and answers nothing any more, while the one
 * that takes its place was slow to accept its first connection.
 */
function isExhausted(kept: readonly Candidate[], tried: readonly Candidate[]): boolean {
  const times = (key: string) => tried.filter(({ endpoint }) => endpoint.key === key).length;
  return kept.every(({ endpoint }) => times(endpoint.key) > 1);
}

/** Those not tried yet; one that shall have no traffic is no alternative to one that shall. */
function another(candidates: readonly Candidate[], tried: readonly Candidate[]): readonly Candidate[] {
  const untried = ({ endpoint: { key } }: Candidate) => !tried.some(({ endpoint }) => endpoint.key === key);
  return orElse(
    candidates.filter(({ endpoint }) => endpoint.weight > 0),
    candidates,
  ).filter(untried);
}

/** The list itself when all stay, else a new one. */
function withoutAvoided(candidates: readonly Candidate[]): readonly Candidate[] {
  let kept: Candidate[] | undefined;
  let ejectable = Math.max(1, Math.floor(candidates.length / 10));
  for (let index = 0; index < candidates.length; index += 1) {
    const candidate = candidates[index] as Candidate;
    const stays = candidate.available || (candidate.ejected && ejectable-- <= 0);
    if (!stays) kept ??= candidates.slice(0, index);
    else kept?.push(candidate);
  }
  return kept ?? candidates;
}

function orElse(some: readonly Candidate[], others: readonly Candidate[]): readonly Candidate[] {
  return some.length > 0 ? some : others;
}

/**
 * Routers, then the load balancer, on one immutable list; health last, and only when the one that was picked is not
 * well: while all is well, a pick costs the same for ten thousand as for ten. Picking again among the usable ones
 * gives each of them the share that it would have had, had the others not been in the list.
 * @throws {NoProviderError} why there is nobody: the resolution's own error, or that the routers left none.
 */
export function pick(
  directory: Directory,
  invocation: Invocation,
  options: ClusterOptions,
  tried: readonly Candidate[] = nobody,
): Candidate {
  const candidates = routed(directory, invocation, options);
  if (tried.length > 0) return balanced(usable(candidates, tried), invocation, options);
  const first = balanced(candidates, invocation, options);
  if (first.available) return first;
  const others = usable(candidates);
  return others === candidates ? first : balanced(others, invocation, options);
}

function balanced(
  candidates: readonly Candidate[],
  invocation: Invocation,
  { loadBalancer }: ClusterOptions,
): Candidate {
  return candidates.length === 1 ? (candidates[0] as Candidate) : loadBalancer(candidates, invocation);
}

/** What the routers leave of the directory's candidates. @throws {NoProviderError} as {@link pick} does. */
export function routed(
  directory: Directory,
  invocation: Invocation,
  { routers }: ClusterOptions,
): readonly Candidate[] {
  let candidates = directory.invokers;
  if (candidates.length === 0) throw whyNobody(directory);
  if (routers === undefined) return candidates;
  for (const router of routers) candidates = router(candidates, invocation);
  if (candidates.length === 0) throw nobodyBecause(directory, "the routers leave none");
  return candidates;
}

function whyNobody(directory: Directory): NoProviderError {
  const { resolution } = directory;
  if (resolution.state === "resolved") return nobodyBecause(directory, "it was resolved to no endpoint");
  return resolution.error;
}

function nobodyBecause({ service }: Directory, why: string): NoProviderError {
  return new NoProviderError("NO_PROVIDER", why, { service: service.text, applications: [], nearMisses: [] });
}
