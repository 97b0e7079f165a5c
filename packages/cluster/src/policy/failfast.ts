import { attempt, isPending, whenSettled } from "../attempt.js";
import type { Cluster } from "../cluster.js";
import { pick } from "../pick.js";

/** One attempt, and its error as it is: for what must not run twice. */
export const failfast: Cluster = (directory, options) => ({
  async invoke(invocation) {
    if (isPending(directory)) await whenSettled(directory, invocation, options);
    return attempt(pick(directory, invocation, options), invocation, options);
  },
});
