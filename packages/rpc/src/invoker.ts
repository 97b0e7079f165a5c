import type { Invocation } from "./invocation.js";

/** Whatever can perform an {@link Invocation}: one endpoint, a whole cluster, or a method at the provider. */
export interface Invoker {
  /**
   * Resolves with a value of the declared result type.
   * @throws {RemoteException} the method threw.
   * @throws {RpcError} the call failed on its way; `mayHaveRun` tells whether the method may have run.
   * @throws `invocation.signal.reason` the caller cancelled.
   */
  invoke(invocation: Invocation): Promise<unknown>;
}

/** Wraps an {@link Invoker} and is one; the outermost runs first. */
export type Filter = (next: Invoker) => Invoker;

/** `invoker` behind `filters`, the first of which is the outermost. */
export function applyFilters(filters: readonly Filter[], invoker: Invoker): Invoker {
  return filters.reduceRight((next, filter) => filter(next), invoker);
}
