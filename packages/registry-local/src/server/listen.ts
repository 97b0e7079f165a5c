import type { AddressInfo, Server, Socket } from "node:net";
import { ConfigError, type Network } from "@dubbo-ts/core";

/** True for `localhost`, 127.0.0.0/8 and `::1`: what other machines cannot reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Listens, and takes the port for itself alone: that is what elects the serving process.
 *
 * @throws {ConfigError} PORT_IN_USE: somebody else has it; ADDRESS_INVALID: it cannot be had at all.
 */
export async function listen(
  network: Network,
  address: { readonly host: string; readonly port: number },
  onConnection: (socket: Socket) => void,
): Promise<Server> {
  const server = network.createServer({}, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...address, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  }).catch((cause: NodeJS.ErrnoException) => {
    const where = `port ${address.port} of ${address.host}`;
    if (cause.code === "EADDRINUSE") throw new ConfigError("PORT_IN_USE", `${where} is in use`, { cause });
    throw new ConfigError("ADDRESS_INVALID", `${where} cannot be opened: ${cause.message}`, { cause });
  });
  return server;
}

/** The port that `server` really has. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
