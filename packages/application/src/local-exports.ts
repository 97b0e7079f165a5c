import { endpointKey, type EndpointAddress, RpcError, type Runtime } from "@dubbo-ts/core";
import {
  type Invocation,
  type Invoker,
  localInvoker,
  type ProtocolInvoker,
  type ServedService,
} from "@dubbo-ts/rpc";

/**
 * The services that this very process serves, by address: a call to one of them takes no socket, with the same
 * copies, time limits and filters.
 */
export class LocalExports {
  readonly #byAddress = new Map<string, Map<string, Invoker>>();

  constructor(private readonly runtime: Runtime) {}

  /** Makes `service` callable at `address` without a socket, until the returned function is called. */
  add(address: EndpointAddress, service: ServedService): () => void {
    const key = endpointKey(address);
    const services = this.#byAddress.get(key) ?? new Map<string, Invoker>();
    this.#byAddress.set(key, services.set(service.key.text, localInvoker(service, this.runtime)));
    return () => {
      services.delete(service.key.text);
      if (services.size === 0 && this.#byAddress.get(key) === services) this.#byAddress.delete(key);
    };
  }

  /** An invoker for what is served at `address`, or undefined when that is not this process. */
  refer(address: EndpointAddress): ProtocolInvoker | undefined {
    const key = endpointKey(address);
    if (!this.#byAddress.has(key)) return undefined;
    const exports = this.#byAddress;
    return {
      get available() {
        return exports.has(key);
      },
      invoke(invocation) {
        const invoker = exports.get(key)?.get(invocation.service.text);
        return invoker === undefined
          ? Promise.reject(notServed(key, invocation))
          : invoker.invoke(invocation);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

function notServed(peer: string, { service }: Invocation): RpcError {
  return new RpcError("SERVICE_NOT_FOUND", `${service.text} is not served here`, { peer, mayHaveRun: false });
}
