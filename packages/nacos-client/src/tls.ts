import { createSecureContext, type SecureContext } from "node:tls";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import { NacosError } from "./nacos-error.js";

/** How to speak TLS with a server, over gRPC and, where an address says `https://`, over HTTP. All PEM. */
export interface NacosTls {
  /** Who signed the server's certificate. Default: those that Node trusts. */
  readonly ca?: string | Buffer;
  /** The client's own certificate, where the server asks for one; with `key`. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Of `key`. */
  readonly passphrase?: string;
  /** The name that the server's certificate must have. Default: the host of its address. */
  readonly serverName?: string;
  /** True: any certificate will do. Only for tests: whoever sits between can read all. Default false. */
  readonly trustAll?: boolean;
}

/** @throws {NacosError} INVALID: a certificate or key cannot be read. */
export function channelCredentials(tls: NacosTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const verify = { rejectUnauthorized: tls.trustAll !== true };
  return credentials.createFromSecureContext(secureContext(tls), verify);
}

/** The same for `node:https`. */
export function httpsOptions(tls: NacosTls | undefined) {
  if (tls === undefined) return {};
  const { ca, cert, key, passphrase, serverName, trustAll } = tls;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized: trustAll !== true,
  };
}

/** Checked once, where the options come in, so that a bad file is not found at some reconnect. */
export function checkTls(tls: NacosTls | undefined): void {
  if (tls !== undefined) secureContext(tls);
}

function secureContext({ ca, cert, key, passphrase }: NacosTls): SecureContext {
  try {
    return createSecureContext({
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(passphrase !== undefined && { passphrase }),
    });
  } catch (cause) {
    const text = `tls: a certificate or key cannot be read: ${cause instanceof Error ? cause.message : "?"}`;
    throw new NacosError("INVALID", text, { cause });
  }
}
