import { isIPv4 } from "node:net";
import type { Runtime } from "@dubbo-ts/core";

/** A peer that goes on trying is told of once in this time. */
const quietMs = 60_000;

/** No more peers are remembered: a scan of the network must not grow the program. */
const maxTold = 1_000;

/** Tells the programs of this machine from others, by the address that a connection comes from. */
export class OwnMachine {
  readonly #told = new Map<string, number>();

  constructor(private readonly runtime: Pick<Runtime, "clock" | "network">) {}

  /**
   * Whether a peer is on this machine. Its addresses are asked for each time: they come and go.
   * @param peer as `socket.remoteAddress` has it; undefined, when the peer is gone: false.
   */
  has(peer: string | undefined): boolean {
    if (peer === undefined) return false;
    const address = plainAddress(peer);
    const isLoopback = address === "::1" || (isIPv4(address) && address.startsWith("127."));
    return (
      isLoopback || this.runtime.network.addresses().some((own) => plainAddress(own.address) === address)
    );
  }

  /** Whether a warning about a peer is due: at most once a minute for each address. */
  mayTellOf(peer: string | undefined): boolean {
    if (peer === undefined) return false;
    const nowMs = this.runtime.clock.monotonicMs();
    for (const [other, sinceMs] of this.#told) if (nowMs - sinceMs >= quietMs) this.#told.delete(other);
    if (this.#told.has(peer) || this.#told.size >= maxTold) return false;
    this.#told.set(peer, nowMs);
    return true;
  }
}

/** Without a zone, and IPv4 as itself where a socket of IPv6 says `::ffff:10.0.0.7`. */
function plainAddress(address: string): string {
  const mapped = address.toLowerCase().replace(/^::ffff:/, "");
  return isIPv4(mapped) ? mapped : address.toLowerCase().replace(/%.*$/, "");
}
