import { isIP, type Socket } from "node:net";
import { ConfigError } from "@dubbo-ts/core";

/** What a provider's port needs to take encrypted connections. PEM, as a text or as the bytes of a file. */
export interface ServerTls {
  /** The port's certificate, followed by those that lead to its authority. */
  readonly certificate: string | Buffer;
  readonly privateKey: string | Buffer;
  /** Who signs consumers' certificates. Given, a consumer must show one. Default: none is asked for. */
  readonly clientAuthority?: string | Buffer | undefined;
  /**
   * Whether connections that are not encrypted are taken beside those that are. Default: they are, as in Java, but
   * not where consumers have to show certificates.
   */
  readonly plainText?: "accept" | "refuse" | undefined;
}

/** What a consumer needs to call providers over TLS, and nothing else than TLS. PEM, as {@link ServerTls}. */
export interface ClientTls {
  /** Who signs providers' certificates. Default: those that Node trusts. */
  readonly authority?: string | Buffer | undefined;
  /** This application's own certificate and key, where providers ask for them. */
  readonly certificate?: string | Buffer | undefined;
  readonly privateKey?: string | Buffer | undefined;
  /** The name in the provider's certificate, where addresses are numbers. Default: the endpoint's host. */
  readonly serverName?: string | undefined;
}

/** Whether a port with these certificates turns plain connections away. */
export function refusesPlainText({ plainText, clientAuthority }: ServerTls): boolean {
  return (plainText ?? (clientAuthority === undefined ? "accept" : "refuse")) === "refuse";
}

/** The head of a TLS record that holds a handshake: 22, version 3. */
export function detectTls(prefix: Buffer): boolean | undefined {
  if (prefix[0] !== 0x16) return prefix.length === 0 ? undefined : false;
  return prefix.length < 2 ? undefined : prefix[1] === 3;
}

/**
 * What a port that wants TLS says to who does not speak it: a TLS alert (21, version 3.3), fatal (2), of a wrong
 * protocol version (70), as OpenSSL's servers do. Our consumers know it.
 */
export const tlsWanted: Buffer = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]);

/** Whether a provider's first bytes are a TLS alert: it wants TLS, or dislikes how TLS was begun. */
export function isTlsAlert(prefix: Buffer): boolean {
  return prefix[0] === 0x15 && prefix[1] === 0x03;
}

/**
 * Encrypts a connection that was just opened, and checks who is there: certificate, authority, name, dates.
 *
 * @param host of the endpoint.
 * @throws {Error} saying what is wrong with the provider's certificate, or with the connection; the socket is closed.
 *   `signal.reason` when that aborts first.
 * @throws {ConfigError} CONFIG_INVALID: this side's certificate, key or authority is none.
 */
export async function secureSocket(
  socket: Socket,
  host: string,
  tls: ClientTls,
  signal: AbortSignal,
): Promise<Socket> {
  // Loaded when needed: most programs start without TLS, and loading it takes longer than all of this package.
  const { connect } = await import("node:tls");
  const { authority: ca, certificate: cert, privateKey: key, serverName } = tls;
  const servername = serverName ?? (isIP(host) === 0 ? host : undefined);
  const secure = begun(() => connect({ socket, host, ca, cert, key, ...(servername && { servername }) }));
  return new Promise((resolve, reject) => {
    const settle = () => {
      signal.removeEventListener("abort", onAbort);
      socket.off("close", onClose);
    };
    const fail = (error: unknown) => {
      settle();
      secure.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const onAbort = () => fail(signal.reason);
    const onClose = () => fail(new Error("TLS: the provider closed the connection during the handshake"));
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("close", onClose);
    // Stays: an error may follow the first one, and there must be somebody to hear it.
    secure.on("error", (error) => fail(tlsFailure(error)));
    secure.once("secureConnect", () => {
      settle();
      resolve(secure);
    });
  });
}

/**
 * Looks at certificate, key and authority before somebody needs them.
 * @throws {ConfigError} CONFIG_INVALID: they cannot be used.
 */
export async function requireUsableTls(pem: {
  readonly cert: string | Buffer | undefined;
  readonly key: string | Buffer | undefined;
  readonly ca: string | Buffer | undefined;
}): Promise<void> {
  const { createSecureContext } = await import("node:tls");
  begun(() => createSecureContext(pem));
}

/** @throws {ConfigError} CONFIG_INVALID: what certificates and keys are given cannot be used. */
export function begun<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError("CONFIG_INVALID", `TLS: certificate, key or authority cannot be used: ${why}`, {
      cause,
    });
  }
}

const distrusted = "the provider's certificate is not signed by an authority that is trusted here";

/** Sentences for what OpenSSL and Node say when a connection cannot be secured. */
const reasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the provider's certificate has expired",
  CERT_NOT_YET_VALID: "the provider's certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: distrusted,
  SELF_SIGNED_CERT_IN_CHAIN: distrusted,
  UNABLE_TO_GET_ISSUER_CERT: distrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: distrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: distrusted,
  CERT_SIGNATURE_FAILURE: distrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: "the provider's certificate is for another name",
  ERR_SSL_WRONG_VERSION_NUMBER: "the provider does not speak TLS on this port",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "the provider does not speak TLS on this port",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "the provider asks for a certificate of this consumer",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the provider does not trust this consumer's certificate",
};

/** An error of TLS in words that say whose fault it is; others stay as they are. */
export function tlsFailure(error: unknown): Error {
  const failure = error instanceof Error ? error : new Error(String(error));
  const { code, message } = failure as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : reasons[code];
  return new Error(`TLS: ${reason === undefined ? message : `${reason} (${message})`}`, { cause: failure });
}
