import { RemoteException } from "@dubbo-ts/core";
import { Status, type StatusName, statusName } from "./status.js";

/** The class that Java has for an error with a gRPC status. */
const statusExceptionClass = "org.apache.dubbo.rpc.StatusRpcException";

/**
 * What a method throws to answer with a gRPC status of its choice, and what a consumer gets for one: a
 * RemoteException of `StatusRpcException` with the fields `status` (`NOT_FOUND`) and `code` (5).
 */
export function statusException(status: StatusName, message: string): RemoteException {
  return statusExceptionOf(Status[status], message);
}

/** The same by number, which may be one that gRPC does not have. */
export function statusExceptionOf(code: number, message: string, className?: string): RemoteException {
  const fields = { status: statusName(code), code };
  return new RemoteException(className ?? statusExceptionClass, message, fields);
}
