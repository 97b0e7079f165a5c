import { RpcError, type RpcErrorCode } from "@dubbo-ts/core";

/** A request that is answered with an error status instead of being run. */
export class Refusal extends RpcError {
  constructor(
    readonly status: number,
    code: RpcErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(code, message, { mayHaveRun: false, cause });
  }
}

/** A name that came from a stranger, fit for a log line or an answer: no line breaks or escapes, not endless. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}
