import { type ServiceError, status } from "@grpc/grpc-js";

/** What an {@link EtcdError} can be. A code never changes its meaning. */
export type EtcdErrorCode =
  // ours
  | "ADDRESS_INVALID"
  | "INVALID_ARGUMENT"
  | "NOT_ETCD"
  | "SERVER_TOO_OLD"
  | "TLS_FAILED"
  | "TIMEOUT"
  | "CLOSED"
  // the server's, or those of the way to it
  | "UNAVAILABLE"
  | "AUTH_FAILED"
  | "PERMISSION_DENIED"
  | "LEASE_NOT_FOUND"
  | "COMPACTED"
  | "TOO_LARGE"
  | "NO_SPACE"
  | "SERVER_ERROR";

/** A call, a connection or an address failed. Test `code`, not the class. */
export class EtcdError extends Error {
  override readonly name = "EtcdError";

  constructor(
    /**
     * `UNAVAILABLE`: the server is away, stopping or without a leader; what was asked for may have been done.
     * `TIMEOUT`: no answer, or no connection, before the call's deadline; it may have been done. `COMPACTED`: that
     * revision is no longer kept. `NO_SPACE`: the store is full. `NOT_ETCD`: something else answers at all addresses,
     * or an answer lacks what every etcd puts into it; what was asked for may have been done.
     */
    readonly code: EtcdErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** True when `error` is an {@link EtcdError} with one of `codes`, whichever copy of this package made it. */
export function isEtcdError(error: unknown, ...codes: EtcdErrorCode[]): error is EtcdError {
  return (
    error instanceof Error &&
    error.name === "EtcdError" &&
    codes.includes((error as { code?: unknown }).code as EtcdErrorCode)
  );
}

/** Errors that pass by themselves: trying again later may help. */
export const passingCodes = [
  "UNAVAILABLE",
  "TIMEOUT",
  "SERVER_ERROR",
  "LEASE_NOT_FOUND",
  "COMPACTED",
] as const;

/** Errors of a connection that only somebody's hand can mend. */
export const finalCodes = ["NOT_ETCD", "SERVER_TOO_OLD", "TLS_FAILED", "AUTH_FAILED"] as const;

/** The first line that fits says what it is: gRPC's status, and words of etcd's `rpctypes/error.go` or of Node. */
const meanings: readonly (readonly [status | undefined, RegExp, EtcdErrorCode])[] = [
  // Node, before gRPC is spoken.
  [status.UNAVAILABLE, /certificate|altname|EPROTO|wrong version number|ssl|tls alert/i, "TLS_FAILED"],
  [status.UNAVAILABLE, /protocol error|parse error|NGHTTP2/i, "NOT_ETCD"],
  [status.UNIMPLEMENTED, /./, "NOT_ETCD"],
  // What Authenticate says, and every call with a token that the server does not know.
  [status.UNAUTHENTICATED, /./, "AUTH_FAILED"],
  [
    undefined,
    /authentication failed|invalid auth token|user name is empty|auth store is old/i,
    "AUTH_FAILED",
  ],
  [status.PERMISSION_DENIED, /./, "PERMISSION_DENIED"],
  [status.NOT_FOUND, /lease not found/i, "LEASE_NOT_FOUND"],
  [status.OUT_OF_RANGE, /compacted/i, "COMPACTED"],
  [undefined, /request is too large|larger than max/i, "TOO_LARGE"],
  [status.RESOURCE_EXHAUSTED, /space exceeded/i, "NO_SPACE"],
  [status.RESOURCE_EXHAUSTED, /./, "UNAVAILABLE"],
  [status.UNAVAILABLE, /./, "UNAVAILABLE"],
  [status.CANCELLED, /./, "UNAVAILABLE"],
  [status.DEADLINE_EXCEEDED, /./, "UNAVAILABLE"],
  [undefined, /no leader|leader changed|server stopped|request timed out/i, "UNAVAILABLE"],
  [status.INVALID_ARGUMENT, /./, "INVALID_ARGUMENT"],
  [status.FAILED_PRECONDITION, /./, "INVALID_ARGUMENT"],
];

/** What gRPC says, in this client's words. */
export function callError(endpoint: string, cause: ServiceError): EtcdError {
  const details = plain(cause.details || cause.message || "no reason given");
  const code = meaningOf(cause.code, details);
  return new EtcdError(
    code,
    `${endpoint}${code === "NOT_ETCD" ? " is no etcd server" : ""}: ${told(details)}`,
    { cause },
  );
}

/** grpc-js says no more where a server takes a connection and closes it before a word: one that is stopping does, too. */
function told(details: string): string {
  return details === "Failed to connect"
    ? "the connection was closed at once: perhaps no etcd server"
    : details;
}

/** Why a watch was ended by the server, which says so in words alone. */
export function canceledError(endpoint: string, reason: string): EtcdError {
  const code = /permission denied/i.test(reason) ? "PERMISSION_DENIED" : meaningOf(undefined, reason || " ");
  return new EtcdError(code, `${endpoint}: the watch was ended: ${reason || "no reason given"}`);
}

/** What Node said, without what grpc-js puts around it: a time, which makes every message another one. */
function plain(details: string): string {
  const match =
    /^No connection established\. Last error: (?:Error: )?(.*?)\.?(?: \(\d{4}-[^)]*\))?\.? Resolution note:/s.exec(
      details,
    );
  return match?.[1] ?? details;
}

function meaningOf(code: status | undefined, text: string): EtcdErrorCode {
  const found = meanings.find(([of, words]) => (of === undefined || of === code) && words.test(text));
  return found?.[2] ?? "SERVER_ERROR";
}
