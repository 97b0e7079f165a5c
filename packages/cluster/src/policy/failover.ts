import { hasCode, RpcError, type RpcErrorCode } from "@dubbo-ts/core";
import { type Invocation, isStreamIn } from "@dubbo-ts/rpc";
import { attempt, isPending, whenSettled } from "../attempt.js";
import type { Candidate } from "../candidate.js";
import type { Cluster, ClusterOptions } from "../cluster.js";
import type { Directory } from "../directory.js";
import { pick } from "../pick.js";
import { RetryBudget } from "./retry-budget.js";

/** As in Dubbo: three attempts in all. */
const defaultRetries = 2;

/**
 * Repeats a call that failed on its way, on another provider when there is one, up to `retries` times: not sent
 * or connection lost, no answer in the attempt's time, the provider is leaving, or it refused before it ran the
 * method. Never an exception of the method, never a call that is wrong by itself, never after the call's deadline.
 */
export const failover: Cluster = (directory, options) => {
  const budget = new RetryBudget(options.runtime.clock);
  return {
    async invoke(invocation) {
      if (isPending(directory)) await whenSettled(directory, invocation, options);
      budget.earn();
      const first = pick(directory, invocation, options);
      try {
        return await attempt(first, invocation, options);
      } catch (error) {
        return await repeat(directory, invocation, options, budget, first, error);
      }
    },
  };
};

async function repeat(
  directory: Directory,
  invocation: Invocation,
  options: ClusterOptions,
  budget: RetryBudget,
  first: Candidate,
  firstError: unknown,
): Promise<unknown> {
  const { retries = defaultRetries } = options;
  const attempts = 1 + (typeof retries === "number" ? retries : retries(invocation));
  const tried = [first];
  const errors = [firstError];
  while (tried.length < attempts && mayRepeat(errors.at(-1), invocation, options, budget)) {
    const candidate = pickAnother(directory, invocation, options, tried);
    if (candidate === undefined) break;
    tried.push(candidate);
    invocation.responseAttachments.clear();
    try {
      return await attempt(candidate, invocation, options);
    } catch (error) {
      errors.push(error);
    }
  }
  throw summary(errors, tried, invocation);
}

function mayRepeat(
  error: unknown,
  { signal, deadlineMs, methodDefinition }: Invocation,
  { runtime }: ClusterOptions,
  budget: RetryBudget,
): boolean {
  if (signal?.aborted === true || !isRepeatable(error)) return false;
  // Messages of a stream that were sent are gone: nobody can send them again.
  if (isStreamIn(methodDefinition) && !neverRan(error)) return false;
  if (runtime.clock.monotonicMs() >= deadlineMs) return false;
  // A call that never ran puts no load on anyone by being repeated.
  return neverRan(error) || budget.spend();
}

/** What Dubbo repeats, and only that. */
function isRepeatable(error: unknown): boolean {
  if (hasCode(error, "CONNECT_FAILED", "CONNECTION_LOST", "CALL_TIMEOUT", "PROVIDER_CLOSING")) return true;
  return hasCode(error, "PROVIDER_ERROR", "SERVICE_NOT_FOUND") && neverRan(error);
}

function neverRan(error: unknown): boolean {
  return (error as { mayHaveRun?: unknown }).mayHaveRun === false;
}

/** Undefined when all providers went away meanwhile: the failure of the attempt says more than that. */
function pickAnother(
  directory: Directory,
  invocation: Invocation,
  options: ClusterOptions,
  tried: readonly Candidate[],
): Candidate | undefined {
  try {
    return pick(directory, invocation, options, tried);
  } catch (error) {
    if (hasCode(error, "NO_PROVIDER", "PROVIDERS_PENDING", "DISCOVERY_FAILED")) return undefined;
    throw error;
  }
}

/** The last error; after several attempts one of the same code that names them all. */
function summary(
  errors: readonly unknown[],
  tried: readonly Candidate[],
  { service, method }: Invocation,
): unknown {
  const last = errors.at(-1);
  if (errors.length === 1 || !isRepeatable(last)) return last;
  const { code, message } = last as { code: RpcErrorCode; message: string };
  const peers = tried.map(({ endpoint }) => endpoint.key).join(", ");
  return new RpcError(
    code,
    `${service.text} ${method}: tried ${errors.length} times (${peers}), last: ${message}`,
    {
      mayHaveRun: !errors.every(neverRan),
      cause: last,
    },
  );
}
