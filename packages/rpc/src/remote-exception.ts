import { hasCode, InvalidValueError, RemoteException, RpcError } from "@dubbo-ts/core";
import { describeValue } from "./text-forms.js";

/** What a served call may reject with: its method threw, its values do not fit, or it could not be run. */
export type CallError = RemoteException | InvalidValueError | RpcError;

/** True for a {@link RemoteException}, whichever copy of the package made it. */
export function isRemoteException(value: unknown): value is RemoteException {
  return value instanceof RemoteException || hasCode(value, "REMOTE_EXCEPTION");
}

/**
 * What a method threw, as its caller shall see it: a {@link RemoteException} is meant for the caller and stays;
 * everything else becomes a `java.lang.RuntimeException`, the class that every consumer can read, with the
 * message and the error as its cause. That goes for failures of the method's own calls too, an {@link RpcError}
 * for example: passed as they are, the caller would take them for failures of its own call, and repeat it.
 */
export function toRemoteException(error: unknown): RemoteException {
  if (isRemoteException(error)) return error;
  const message = error instanceof Error ? error.message : `thrown: ${describeValue(error)}`;
  return new RemoteException("java.lang.RuntimeException", message, {}, { cause: error });
}

/** What a filter or a protocol met while it served a call: framework errors stay what they are. */
export function asCallError(error: unknown): CallError {
  if (error instanceof InvalidValueError || error instanceof RpcError) return error;
  return toRemoteException(error);
}
