import type { Endpoint } from "@dubbo-ts/core";
import type { ProtocolInvoker } from "../protocol.js";

interface SharedClient {
  readonly client: ProtocolInvoker;
  handles: number;
}

/** One client for each address, shared by all who refer to it; the last one's disposal closes it. */
export class SharedClients implements AsyncDisposable {
  readonly #shared = new Map<string, SharedClient>();
  readonly #closing = new Set<Promise<void>>();

  constructor(private readonly connect: (endpoint: Endpoint) => ProtocolInvoker) {}

  refer(endpoint: Endpoint): ProtocolInvoker {
    const { key } = endpoint;
    const shared = this.#shared.get(key) ?? { client: this.connect(endpoint), handles: 0 };
    this.#shared.set(key, shared);
    shared.handles += 1;
    const { client } = shared;
    let disposal: Promise<void> | undefined;
    return {
      get available() {
        return disposal === undefined && client.available;
      },
      invoke: (invocation) => client.invoke(invocation),
      [Symbol.asyncDispose]: () => (disposal ??= this.#leave(key, shared)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = [...this.#shared.values()].map(({ client }) => this.#close(client));
    this.#shared.clear();
    await Promise.all([...clients, ...this.#closing]);
  }

  async #leave(key: string, shared: SharedClient): Promise<void> {
    shared.handles -= 1;
    if (shared.handles > 0) return;
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    await this.#close(shared.client);
  }

  #close(client: ProtocolInvoker): Promise<void> {
    const closed = Promise.resolve(client[Symbol.asyncDispose]()).finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
    return closed;
  }
}
