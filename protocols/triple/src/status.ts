/** gRPC's status codes by number, and dubbo-go's 17 for errors of the application. */
const statusNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** The name of a gRPC status. */
export type StatusName = (typeof statusNames)[number];

/** gRPC's status codes by name. */
export const Status = Object.freeze(
  Object.fromEntries(statusNames.map((name, code) => [name, code])),
) as Readonly<Record<StatusName, number>>;

/** `NOT_FOUND`; the number itself for codes that gRPC does not have. */
export function statusName(code: number): string {
  return code === bizErrorStatus ? "BIZ_ERROR" : (statusNames[code] ?? String(code));
}

/** dubbo-go's code for an error of the application, which its consumers do not repeat (rpc-protocols 3.2). */
export const bizErrorStatus = 17;
