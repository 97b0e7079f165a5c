import { type Runtime, systemRuntime } from "@dubbo-ts/core";
import { type Protocol, SharedClients, SharedPorts } from "@dubbo-ts/rpc";
import { HttpClient } from "./http-client.js";
import { HttpPort } from "./http-port.js";

/** Calls as HTTP requests whose bodies are Hessian 2. */
export function httpProtocol(runtime: Runtime = systemRuntime): Protocol {
  const ports = new SharedPorts((listen) => HttpPort.open(listen, runtime));
  const clients = new SharedClients((endpoint) => new HttpClient(endpoint, runtime));
  return {
    name: "http",
    async export(service, listen) {
      const used = await ports.use(listen, (port) => port.add(service));
      let left: Promise<void> | undefined;
      const withdraw = () => {
        used.port.remove(service);
        return used.leave();
      };
      return {
        address: { protocol: "http", host: listen.host ?? "0.0.0.0", port: used.port.port },
        [Symbol.asyncDispose]: () => (left ??= withdraw()),
      };
    },
    refer: (endpoint) => clients.refer(endpoint),
    announceClosing: () => ports.forEach((port) => port.announceClosing()),
    async [Symbol.asyncDispose]() {
      await Promise.all([clients[Symbol.asyncDispose](), ports[Symbol.asyncDispose]()]);
    },
  };
}
