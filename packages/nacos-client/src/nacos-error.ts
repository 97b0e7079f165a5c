/**
 * - `UNAVAILABLE`: no server could be reached, or the connection broke on the way.
 * - `TIMEOUT`: a server is connected but did not answer, or a write did not become readable in time.
 * - `NOT_NACOS`: something else listens at the address.
 * - `UNAUTHORIZED`: the server wants other credentials (403).
 * - `INVALID`: a parameter is wrong; found before sending where possible. Trying again does not help.
 * - `UNSUPPORTED`: the server does not know this kind of request (302).
 * - `REFUSED`: the server refused for a reason of its own; see `serverCode`.
 * - `CLOSED`: the client was closed.
 */
export type NacosErrorCode =
  | "UNAVAILABLE"
  | "TIMEOUT"
  | "NOT_NACOS"
  | "UNAUTHORIZED"
  | "INVALID"
  | "UNSUPPORTED"
  | "REFUSED"
  | "CLOSED";

/** The base and only class of the errors of this client. Test `code`, not the class. */
export class NacosError extends Error {
  override readonly name = "NacosError";
  /** The `errorCode` of the server, when it was the server that said no: registries A1.5. */
  readonly serverCode: number | undefined;

  constructor(
    readonly code: NacosErrorCode,
    message: string,
    { serverCode, cause }: { serverCode?: number; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.serverCode = serverCode;
  }
}

/** True when sending the same again, unchanged, is pointless. */
export function isPermanent(error: unknown): boolean {
  if (!(error instanceof NacosError)) return false;
  if (error.code === "REFUSED") return !transientCodes.has(error.serverCode ?? 0);
  return permanentCodes.has(error.code);
}

const permanentCodes: ReadonlySet<NacosErrorCode> = new Set([
  "INVALID",
  "UNSUPPORTED",
  "UNAUTHORIZED",
  "CLOSED",
]);
/** Server starting, not registered, server error, config server error, over threshold. */
const transientCodes: ReadonlySet<number> = new Set([0, 300, 301, 500, 501, 503]);

/**
 * What grpc-js says of a broken call or stream, without what only it understands: its number and name of the status, and
 * its note on how the name was resolved. `14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED
 * 127.0.0.1:9848. Resolution note: ` becomes `connect ECONNREFUSED 127.0.0.1:9848`.
 */
export function plainReason(text: string): string {
  const plain = text
    .replace(/\.?\s*Resolution note:[^]*$/, "")
    .replace(/^\d+ [A-Z_]+: /, "")
    .replace(/^No connection established\. Last error: (?:Error: )?/, "")
    .trim();
  return plain || text.trim();
}
