import type { Socket } from "node:net";
import { type Network, tlsSocket } from "@dubbo-ts/core";
import { RedisFault, socketFault } from "./fault.js";
import type { RedisNode } from "./redis-address.js";
import type { RedisTls } from "./redis-tls.js";

/**
 * A connection to `node`, encrypted when `tls` is given. Rejects with the reason of `signal`, and then leaves nothing open.
 * @throws {RedisFault} `lost`, `tls`, `wrong-server`.
 */
export function openSocket(
  node: RedisNode,
  tls: RedisTls | undefined,
  network: Network,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const plain = network.connect({ host: node.host, port: node.port, noDelay: true, keepAlive: true });
    const socket = tls === undefined ? plain : tlsSocket(plain, node.host, tls);
    const settle = (act: () => void) => {
      for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const fail = (error: unknown) =>
      settle(() => {
        for (const one of [socket, plain]) one.on("error", () => {}).destroy();
        reject(error);
      });
    const onAbort = () => {
      const isMute = tls !== undefined && !plain.connecting && signal.reason instanceof RedisFault;
      fail(isMute ? new RedisFault("lost", `${signal.reason.message}: no answer in TLS`) : signal.reason);
    };
    const listeners = {
      [tls === undefined ? "connect" : "secureConnect"]: () => settle(() => resolve(socket)),
      error: (error: Error) => fail(socketFault(error, tls !== undefined)),
      close: () => fail(socketFault(new Error("the connection was closed"), false)),
    };
    for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
