import type { ZooKeeperClient } from "./client.js";

/** A server that lags behind the one asked before may show what was: keeps the newer value of one session. */
export class Floor<T> {
  #session = 0n;
  #known: { readonly value: T; readonly zxid: bigint } | undefined;

  constructor(private readonly client: ZooKeeperClient) {}

  /** The newer of `value` and what was kept; `undefined`, a node that is missing, passes. */
  keep(value: T | undefined, zxidOf: (value: T) => bigint): T | undefined {
    if (this.#session !== this.client.sessionId) this.#known = undefined;
    this.#session = this.client.sessionId;
    if (value === undefined) return undefined;
    const zxid = zxidOf(value);
    if (this.#known !== undefined && zxid < this.#known.zxid) return this.#known.value;
    this.#known = { value, zxid };
    return value;
  }
}
