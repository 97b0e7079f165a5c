import { deadline } from "@dubbo-ts/core";
import type { Invocation } from "@dubbo-ts/rpc";
import type { Candidate } from "./candidate.js";
import type { ClusterOptions } from "./cluster.js";
import type { Directory } from "./directory.js";

/** Longer timers fire at once in Node. */
const maxTimerMs = 2 ** 31 - 1;

/** One attempt: the same call, over by the earlier of its own deadline and the attempt's. */
export function attempt(
  candidate: Candidate,
  invocation: Invocation,
  { attemptTimeoutMs, runtime }: ClusterOptions,
): Promise<unknown> {
  const timeoutMs = attemptTimeoutMs?.(invocation);
  if (timeoutMs === undefined) return candidate.invoke(invocation);
  const deadlineMs = runtime.clock.monotonicMs() + timeoutMs;
  return candidate.invoke(deadlineMs < invocation.deadlineMs ? { ...invocation, deadlineMs } : invocation);
}

/** True when there is nobody to call yet, but may be in a moment: see {@link whenSettled}. */
export function isPending({ invokers, resolution }: Directory): boolean {
  return invokers.length === 0 && resolution.state === "pending";
}

/**
 * Waits while the directory is pending, as long as the call may take.
 * @throws {NoProviderError} PROVIDERS_PENDING: nothing was heard in time.
 * @throws `invocation.signal.reason` the caller cancelled.
 */
export async function whenSettled(
  directory: Directory,
  { deadlineMs, signal }: Invocation,
  { runtime: { clock } }: ClusterOptions,
): Promise<void> {
  const pending = directory.resolution;
  if (pending.state !== "pending") return;
  const leftMs = deadlineMs - clock.monotonicMs();
  if (leftMs <= 0) throw pending.error;
  const why = () => (directory.resolution.state === "pending" ? directory.resolution.error : pending.error);
  const bound = deadline(clock, Math.min(leftMs, maxTimerMs), why, signal);
  try {
    await directory.whenSettled(bound.signal);
  } finally {
    bound[Symbol.dispose]();
  }
}
