import { type Endpoint, RpcError } from "@dubbo-ts/core";
import type {
  Exporter,
  Invocation,
  ListenOptions,
  Protocol,
  ProtocolInvoker,
  ServedService,
} from "@dubbo-ts/rpc";

/**
 * A protocol that is made with its first use. A consumer can speak all of them, and mostly speaks one: the code of
 * the others, and what that code depends on, is never loaded.
 */
export class LazyProtocol implements Protocol {
  #making: Promise<Protocol> | undefined;
  #made: Protocol | undefined;

  constructor(
    readonly name: string,
    private readonly make: () => Promise<Protocol>,
  ) {}

  /** The protocol itself. One that could not be made is tried again the next time. */
  ready(): Promise<Protocol> {
    this.#making ??= this.#open();
    return this.#making;
  }

  async export(service: ServedService, listen: ListenOptions): Promise<Exporter> {
    return (await this.ready()).export(service, listen);
  }

  refer(endpoint: Endpoint): ProtocolInvoker {
    return this.#made?.refer(endpoint) ?? new LateInvoker(this, endpoint);
  }

  announceClosing(): void {
    this.#made?.announceClosing();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const made = await this.#making?.catch(() => undefined);
    await made?.[Symbol.asyncDispose]();
  }

  async #open(): Promise<Protocol> {
    try {
      this.#made = await this.make();
      return this.#made;
    } catch (error) {
      this.#making = undefined;
      throw error;
    }
  }
}

/** Waits for its protocol with the first call; from then on it adds nothing. */
class LateInvoker implements ProtocolInvoker {
  #opening: Promise<ProtocolInvoker> | undefined;
  #invoker: ProtocolInvoker | undefined;
  #isClosed = false;

  constructor(
    private readonly protocol: LazyProtocol,
    private readonly endpoint: Endpoint,
  ) {}

  get available(): boolean {
    return this.#invoker?.available ?? !this.#isClosed;
  }

  invoke(invocation: Invocation): Promise<unknown> {
    return this.#invoker?.invoke(invocation) ?? this.#open().then((invoker) => invoker.invoke(invocation));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const invoker = await this.#opening?.catch(() => undefined);
    await invoker?.[Symbol.asyncDispose]();
  }

  #open(): Promise<ProtocolInvoker> {
    this.#opening ??= this.#refer().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #refer(): Promise<ProtocolInvoker> {
    const { key } = this.endpoint;
    if (this.#isClosed) throw new RpcError("CONNECTION_LOST", "closed", { peer: key, mayHaveRun: false });
    this.#invoker = (await this.protocol.ready()).refer(this.endpoint);
    return this.#invoker;
  }
}
