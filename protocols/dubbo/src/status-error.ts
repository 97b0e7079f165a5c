import { RpcError, type RpcErrorCode } from "@dubbo-ts/core";
import { frameStatus } from "./frame.js";

/**
 * The error of an answer whose status is not 20 (rpc-protocols 1.4). Java tells little by the status (an unknown
 * service comes as 40 or 70), so known sentences are looked for.
 */
export function statusError(status: number, text: string, peer: string): RpcError {
  const { code, mayHaveRun } = classify(status, text.split("\n", 1)[0] ?? "");
  return new RpcError(code, `provider answered status ${status}: ${text || "no reason given"}`, {
    peer,
    mayHaveRun,
  });
}

function classify(status: number, text: string): { code: RpcErrorCode; mayHaveRun: boolean } {
  const mayHaveRun = status !== frameStatus.badRequest && status !== frameStatus.threadPoolExhausted;
  if (status === frameStatus.serviceNotFound || text.includes("Not found exported service")) {
    return { code: "SERVICE_NOT_FOUND", mayHaveRun: false };
  }
  if (isUnknownMethod(status, text)) return { code: "METHOD_NOT_FOUND", mayHaveRun: false };
  if (text.includes("Data length too large")) return { code: "PAYLOAD_TOO_LARGE", mayHaveRun };
  switch (status) {
    case frameStatus.clientTimeout:
    case frameStatus.serverTimeout:
      return { code: "CALL_TIMEOUT", mayHaveRun };
    case frameStatus.channelInactive:
      return { code: "CONNECTION_LOST", mayHaveRun };
    default:
      return { code: "PROVIDER_ERROR", mayHaveRun };
  }
}

/** "No such method" by a provider that looked for it: 40 here, 70 by Java's GenericFilter. */
function isUnknownMethod(status: number, text: string): boolean {
  if (status !== frameStatus.badRequest && status !== frameStatus.serviceError) return false;
  return text.includes("No such method");
}
