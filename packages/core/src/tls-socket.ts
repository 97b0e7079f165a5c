import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { TlsParameters } from "./tls-parameters.js";

/** {@link TlsParameters}, of which any may be left out, and PEM may be text. */
export interface TlsSocketOptions {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly serverName?: TlsParameters["serverName"];
}

/**
 * TLS over `plain`, which may be connecting still. What goes wrong below ends it with the same error; destroying it
 * ends `plain`.
 * @param host what was connected to: the name in the server's certificate, unless `serverName` is another.
 */
export function tlsSocket(
  plain: Socket,
  host: string,
  { ca, cert, key, serverName }: TlsSocketOptions,
): TLSSocket {
  const name = serverName ?? host;
  // A number is compared with the certificate, but cannot be asked for.
  const servername = isIP(name) === 0 ? { servername: name } : {};
  const socket = connect({ socket: plain, host: name, ca, cert, key, ...servername });
  plain.on("error", (error) => socket.destroy(error));
  return socket;
}
