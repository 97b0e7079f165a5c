/** What a {@link ZooKeeperError} can be. A code never changes its meaning. */
export type ZooKeeperErrorCode =
  // ours
  | "ADDRESS_INVALID"
  | "NOT_ZOOKEEPER"
  | "CONNECTION_LOSS"
  | "TIMEOUT"
  | "TOO_LARGE"
  | "CLOSED"
  // the server's
  | "SESSION_EXPIRED"
  | "SESSION_MOVED"
  | "AUTH_FAILED"
  | "NO_AUTH"
  | "INVALID_ACL"
  | "NO_NODE"
  | "NODE_EXISTS"
  | "BAD_VERSION"
  | "NOT_EMPTY"
  | "NO_CHILDREN_FOR_EPHEMERALS"
  | "BAD_ARGUMENTS"
  | "UNIMPLEMENTED"
  | "NOT_READ_ONLY"
  | "SERVER_ERROR";

/** A call, a connection or an address failed. Test `code`, not the class. */
export class ZooKeeperError extends Error {
  override readonly name = "ZooKeeperError";

  constructor(
    /**
     * `CONNECTION_LOSS`: the link broke after the request was sent, so it may have been done. `TIMEOUT`: no answer, or
     * no connection, before the call's deadline. `SESSION_EXPIRED`: nothing was done, ephemeral nodes are gone.
     */
    readonly code: ZooKeeperErrorCode,
    message: string,
    /** The node that it is about, as the caller named it. */
    readonly path?: string,
    options?: ErrorOptions,
  ) {
    super(path === undefined ? message : `${message}: ${path}`, options);
  }
}

/** True when `error` is a {@link ZooKeeperError} with one of `codes`, whichever copy of this package made it. */
export function isZooKeeperError(error: unknown, ...codes: ZooKeeperErrorCode[]): error is ZooKeeperError {
  return (
    error instanceof Error &&
    error.name === "ZooKeeperError" &&
    codes.includes((error as { code?: unknown }).code as ZooKeeperErrorCode)
  );
}

/** `KeeperException.Code` of apache/zookeeper. */
const serverErrors: ReadonlyMap<number, readonly [ZooKeeperErrorCode, string]> = new Map([
  [-4, ["CONNECTION_LOSS", "the server lost its connection to the others"]],
  [-6, ["UNIMPLEMENTED", "the server does not know this operation"]],
  [-8, ["BAD_ARGUMENTS", "the server refused the arguments"]],
  [-101, ["NO_NODE", "no such node"]],
  [-102, ["NO_AUTH", "not allowed by the node's ACL"]],
  [-103, ["BAD_VERSION", "another version is there"]],
  [-108, ["NO_CHILDREN_FOR_EPHEMERALS", "an ephemeral node has no children"]],
  [-110, ["NODE_EXISTS", "the node exists"]],
  [-111, ["NOT_EMPTY", "the node has children"]],
  [-112, ["SESSION_EXPIRED", "the session has expired"]],
  [-114, ["INVALID_ACL", "the ACL is not valid"]],
  [-115, ["AUTH_FAILED", "authentication failed"]],
  [-118, ["SESSION_MOVED", "the session has moved to another server"]],
  [-119, ["NOT_READ_ONLY", "the server only reads at present"]],
]);

/** The error that a server's number stands for. */
export function serverError(number: number, path?: string): ZooKeeperError {
  const [code, message] = serverErrors.get(number) ?? ["SERVER_ERROR", `the server answered error ${number}`];
  return new ZooKeeperError(code, message, path);
}
