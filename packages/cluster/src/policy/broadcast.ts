import { attempt, isPending, whenSettled } from "../attempt.js";
import type { Cluster } from "../cluster.js";
import { routed } from "../pick.js";

/**
 * Every provider, all at the same time, so that one that is silent delays no other; even those that seem dead.
 * Resolves with one of the results, or rejects with one of the errors after all have settled.
 */
export const broadcast: Cluster = (directory, options) => ({
  async invoke(invocation) {
    if (isPending(directory)) await whenSettled(directory, invocation, options);
    const candidates = routed(directory, invocation, options);
    const outcomes = await Promise.allSettled(
      candidates.map((candidate) =>
        attempt(candidate, { ...invocation, responseAttachments: new Map() }, options),
      ),
    );
    let result: unknown;
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") throw outcome.reason;
      result = outcome.value;
    }
    return result;
  },
});
