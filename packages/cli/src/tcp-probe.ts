import { deadline, instanceId, type Runtime } from "@dubbo-ts/core";

/**
 * Opens a TCP connection and closes it again: whether anything listens there.
 * @throws an error that names the address: what the socket said, or that there was no answer in time;
 *   `signal.reason`.
 */
export async function tcpProbe(
  { host, port }: { readonly host: string; readonly port: number },
  timeoutMs: number,
  { clock, network }: Pick<Runtime, "clock" | "network">,
  signal: AbortSignal,
): Promise<void> {
  const at = instanceId(host, port);
  using limit = deadline(clock, timeoutMs, () => new Error(`${at}: no answer in ${timeoutMs} ms`), signal);
  const socket = network.connect({ host, port });
  try {
    await new Promise<void>((resolve, reject) => {
      limit.signal.addEventListener("abort", () => reject(limit.signal.reason), { once: true });
      if (limit.signal.aborted) reject(limit.signal.reason);
      // A name with several addresses fails with an AggregateError that has no message.
      socket.on("error", (error: NodeJS.ErrnoException) =>
        reject(new Error(`${at}: ${error.code ?? error.message}`)),
      );
      socket.once("connect", () => resolve());
    });
  } finally {
    socket.destroy();
  }
}
