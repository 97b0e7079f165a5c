import { hasCode } from "@dubbo-ts/core";
import type { Cluster } from "../cluster.js";
import { failfast } from "./failfast.js";

/**
 * One attempt; a call that fails on its way is logged and has no result (undefined): for what may be lost, as an
 * audit record. An exception that the method threw still reaches the caller, as in Dubbo, and so does cancelling.
 */
export const failsafe: Cluster = (directory, options) => {
  const once = failfast(directory, options);
  return {
    async invoke(invocation) {
      try {
        return await once.invoke(invocation);
      } catch (error) {
        if (invocation.signal?.aborted === true || hasCode(error, "REMOTE_EXCEPTION")) throw error;
        const { service, method } = invocation;
        options.runtime.log.warn(
          { service: service.text, method, error },
          "a call failed and is ignored (failsafe)",
        );
        return undefined;
      }
    },
  };
};
