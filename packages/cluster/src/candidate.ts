import type { Endpoint } from "@dubbo-ts/core";
import type { Invoker } from "@dubbo-ts/rpc";

/**
 * A provider that may get a call: an endpoint as one service sees it (its weight, its tag), over the connection
 * that all services of that endpoint share. One object an {@link Endpoint}, so that it can be compared by identity.
 */
export interface Candidate extends Invoker {
  readonly endpoint: Endpoint;
  /** False when a call had better go elsewhere: not connectable, silent, leaving, or ejected (see `health.ts`). */
  readonly available: boolean;
  /** True when it is avoided only because its calls failed, while its connection seems well. Implies not available. */
  readonly ejected: boolean;
  /** Calls in flight from this process, whatever the service. */
  readonly active: number;
}
