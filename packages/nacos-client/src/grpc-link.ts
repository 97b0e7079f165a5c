import { type Body, flagOf, textOf } from "./body.js";
import type { Link, NacosModule } from "./link.js";
import { NacosError } from "./nacos-error.js";
import type { ServerAddress, Settings } from "./options.js";
import { PushStream } from "./push-stream.js";
import { refusal, toReply } from "./reply.js";
import { Transport } from "./transport.js";

/**
 * Connects and sets up: registries A1.4.
 * @throws {NacosError} UNAVAILABLE, TIMEOUT, NOT_NACOS, REFUSED (300: starting). @throws `signal.reason` when that aborts.
 */
export async function openGrpcLink(
  server: ServerAddress,
  module: NacosModule,
  settings: Settings,
  signal: AbortSignal,
): Promise<Link> {
  const transport = new Transport(server, settings);
  try {
    const check = await serverCheck(transport, signal);
    const stream = new PushStream(transport, settings);
    await stream.setUp(module, flagOf(check, "supportAbilityNegotiation"), signal);
    return {
      protocol: "grpc",
      server,
      connectionId: textOf(check, "connectionId"),
      call: (type, body, options) => transport.call(type, body, options),
      attach: (handler) => stream.attach(handler),
      close: () => transport.close(),
      ended: () => Promise.resolve(),
    };
  } catch (error) {
    transport.close();
    throw error;
  }
}

async function serverCheck(transport: Transport, signal: AbortSignal): Promise<Body> {
  const reply = toReply(await transport.call("ServerCheckRequest", { module: "internal" }, { signal }));
  const what = `connecting to ${transport.server.name}`;
  if (reply.ok) return reply.body;
  // Only a Nacos server that starts has a reason to refuse this; a foreign service answers something else.
  if (reply.errorCode === 300) throw refusal(reply, what);
  throw new NacosError("NOT_NACOS", `${what}: ${reply.message || reply.type}`, {
    serverCode: reply.errorCode,
  });
}
