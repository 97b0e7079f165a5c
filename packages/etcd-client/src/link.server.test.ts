import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { setTimeout as elapsed } from "node:timers/promises";
import { environmentOf } from "./environment.js";
import { isEtcdError } from "./errors.js";
import { Link } from "./link.js";
import { methods } from "./wire.js";

async function listening(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

test("a link that has ended does not come back when its server does", async () => {
  const { port } = (await listening(0).then(async (server) => {
    const address = server.address();
    await close(server);
    return address;
  })) as AddressInfo;
  const settings = {
    tls: undefined,
    keepaliveMs: 10_000,
    keepaliveTimeoutMs: 3_000,
    maxResponseBytes: 1_000,
  };
  const link = new Link({ host: "127.0.0.1", port }, settings, environmentOf({}));
  const { signal } = new AbortController();
  const failure = await link
    .unary(methods.status, {}, { signal, token: undefined })
    .catch((error: unknown) => error);
  if (!isEtcdError(failure, "UNAVAILABLE")) throw failure;
  link.end(failure);
  const server = await listening(port);
  let connections = 0;
  server.on("connection", () => (connections += 1));
  // gRPC's own wait before it connects again is a second.
  await elapsed(1_500);
  await close(server);
  expect(connections).toBe(0);
});
