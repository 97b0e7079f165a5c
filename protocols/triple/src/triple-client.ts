import { type EndpointAddress, endpointKey } from "@dubbo-ts/core";
import type { Invocation, ProtocolInvoker } from "@dubbo-ts/rpc";
import { ClientLink, type LinkContext } from "./client-link.js";

/** The connections to one endpoint, used in turn. */
export class TripleClient implements ProtocolInvoker {
  readonly #links: readonly ClientLink[];
  #next = 0;

  constructor(address: EndpointAddress, context: LinkContext) {
    const peer = endpointKey(address);
    const count = Math.max(1, context.settings.connections);
    this.#links = Array.from({ length: count }, () => new ClientLink(address, peer, context));
  }

  get available(): boolean {
    return this.#links.some((link) => link.available);
  }

  invoke(invocation: Invocation): Promise<unknown> {
    return this.#pick().invoke(invocation);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#links.map((link) => link[Symbol.asyncDispose]()));
  }

  /** The next link that is available; where none is, the next one, which says why. */
  #pick(): ClientLink {
    const count = this.#links.length;
    for (let tried = 0; tried < count; tried += 1) {
      const link = this.#links[(this.#next + tried) % count] as ClientLink;
      if (!link.available) continue;
      this.#next = (this.#next + tried + 1) % count;
      return link;
    }
    return this.#links[this.#next] as ClientLink;
  }
}
