// Its own TCP transporter and its default serializer (JSON), nodes known to each other by address.
import { ServiceBroker } from "moleculer";
import { text, users } from "../workload.mjs";
import { freePort } from "./free-port.mjs";

function broker(nodeID, port, urls) {
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: "TCP", options: { port, udpDiscovery: false, urls } },
  });
}

export async function serve() {
  const [port, clientPort] = [await freePort(), await freePort()];
  const urls = [`127.0.0.1:${port}/server`, `127.0.0.1:${clientPort}/client`];
  const server = broker("server", port, urls);
  server.createService({
    name: "bench",
    actions: { echo: ({ params }) => params.text, users: () => users },
  });
  await server.start();
  return { clientPort, urls };
}

export async function connect({ clientPort, urls }) {
  const client = broker("client", clientPort, urls);
  await client.start();
  await client.waitForServices("bench");
  return { echo: () => client.call("bench.echo", { text }), users: () => client.call("bench.users") };
}
