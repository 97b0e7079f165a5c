import type { Socket } from "node:net";
import { createServer } from "node:tls";
import { begun, type ServerTls } from "./tls.js";

/** Who hears what became of a connection at a {@link TlsGate}. */
export interface TlsGateEvents {
  /** The longest handshake. */
  readonly handshakeMs: number;
  /** The decrypted connection. */
  readonly onSecure: (socket: Socket) => void;
  /** The connection could not be secured and is closed. */
  readonly onFailure: (error: Error, socket: Socket) => void;
}

/** Where encrypted connections go in, with their first bytes still to be read. */
export interface TlsGate {
  readonly tls: ServerTls;
  accept(socket: Socket): void;
}

/**
 * Decrypts connections of a port that is shared with plain ones. Never by wrapping the socket: HTTP/2 ends the
 * process on such a one (rpc-protocols 4).
 *
 * @throws {ConfigError} CONFIG_INVALID: certificate, key or authority cannot be used.
 */
export function tlsGate(tls: ServerTls, { handshakeMs, onSecure, onFailure }: TlsGateEvents): TlsGate {
  const { certificate: cert, privateKey: key, clientAuthority: ca } = tls;
  const asking = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  const server = begun(() =>
    createServer(
      { cert, key, ...asking, ALPNProtocols: ["h2", "http/1.1"], handshakeTimeout: handshakeMs },
      (socket) => {
        socket.on("error", () => {}); // whoever takes the socket over hears of it too
        onSecure(socket);
      },
    ),
  );
  server.on("tlsClientError", (error, socket) => {
    socket.destroy();
    onFailure(error, socket);
  });
  return { tls, accept: (socket) => void server.emit("connection", socket) };
}
