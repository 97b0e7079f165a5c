// sofa-rpc-node with dubbo-remoting: the dubbo protocol, provider given by address.
import { createRequire } from "node:module";
import { text, users } from "../workload.mjs";
import { freePort } from "./free-port.mjs";

const require = createRequire(import.meta.url);
const protocol = require("dubbo-remoting");
const silent = { info() {}, warn() {}, error() {}, debug() {} };
const interfaceName = "org.example.bench.BenchService";

export async function serve() {
  const { RpcServer } = require("sofa-rpc-node").server;
  const port = await freePort();
  const server = new RpcServer({ logger: silent, port, protocol });
  const list = users.map((user) => ({ $class: "org.example.bench.User", $: user }));
  server.addService({ interfaceName }, { echo: async (value) => value, users: async () => list });
  await server.start();
  return { port };
}

export async function connect({ port }) {
  const { RpcClient } = require("sofa-rpc-node").client;
  const client = new RpcClient({ logger: silent, protocol });
  const consumer = client.createConsumer({ interfaceName, serverHost: `dubbo://127.0.0.1:${port}` });
  await consumer.ready();
  const args = [{ $class: "java.lang.String", $: text }];
  return { echo: () => consumer.invoke("echo", args), users: () => consumer.invoke("users", []) };
}
