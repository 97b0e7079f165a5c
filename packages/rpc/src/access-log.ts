import { hasCode, type RemoteException, type Runtime, systemRuntime } from "@dubbo-ts/core";
import type { Invocation } from "./invocation.js";
import type { Filter } from "./invoker.js";

/** What {@link accessLog} needs. */
export interface AccessLogOptions {
  readonly runtime?: Pick<Runtime, "clock" | "log">;
  /** Calls that are quicker are not logged, unless they fail. Default 0: all are. */
  readonly slowerThanMs?: number;
}

/**
 * A filter that logs a line for every call, on either side: service, method, who called, how long it took, and
 * the code of its error. Neither arguments nor results nor attachments are logged, since they may hold secrets.
 * Answers and exceptions of the method are `info`, what failed on its way is `warn`.
 */
export function accessLog({ runtime = systemRuntime, slowerThanMs = 0 }: AccessLogOptions = {}): Filter {
  const { clock, log } = runtime;
  return (next) => ({
    async invoke(invocation) {
      const startedMs = clock.monotonicMs();
      const fields = () => ({ ...fieldsOf(invocation), ms: round(clock.monotonicMs() - startedMs) });
      try {
        const result = await next.invoke(invocation);
        if (clock.monotonicMs() - startedMs >= slowerThanMs) log.info(fields(), "call");
        return result;
      } catch (error) {
        const failed = {
          ...fields(),
          code: codeOf(error),
          why: error instanceof Error ? error.message : String(error),
        };
        if (hasCode(error, "REMOTE_EXCEPTION"))
          log.info({ ...failed, exception: (error as RemoteException).className }, "call threw");
        else log.warn(failed, "call failed");
        throw error;
      }
    },
  });
}

function fieldsOf({ service, method, peer, oneway }: Invocation): Record<string, unknown> {
  return {
    service: service.text,
    method,
    ...(peer !== undefined && { peer: peer.address, application: peer.application }),
    ...(oneway && { oneway }),
  };
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
