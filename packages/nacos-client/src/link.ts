import type { Body } from "./body.js";
import { openGrpcLink } from "./grpc-link.js";
import { httpApi } from "./http/http-api.js";
import { openHttpLink } from "./http/http-link.js";
import { serverState, versionText } from "./http/server-state.js";
import { NacosError } from "./nacos-error.js";
import type { ServerAddress, Settings } from "./options.js";
import type { PushHandler } from "./push-stream.js";
import type { CallOptions } from "./transport.js";
import type { Payload } from "./wire.js";

/** The part of the server that a client uses: each has a connection of its own (registries A1.3). */
export type NacosModule = "naming" | "config";

/** One way to one server, set up: messages of the gRPC protocol go over it, whatever they become on the way. */
export interface Link {
  readonly protocol: "grpc" | "http";
  readonly server: ServerAddress;
  /** Assigned by the server, or made up where HTTP knows no connections. */
  readonly connectionId: string;
  /** One try. @throws {NacosError} UNAVAILABLE, TIMEOUT, NOT_NACOS, INVALID (too large). @throws `signal.reason`. */
  call(type: string, body: Body, options?: CallOptions): Promise<Payload>;
  /** From now on what the server pushes goes to `handler`, and what came already. */
  attach(handler: PushHandler): void;
  /** Ends the sockets. A second time does nothing. */
  close(): void;
  /** Resolves when nothing of it runs any more; close it first. */
  ended(): Promise<void>;
}

/**
 * Connects by gRPC or HTTP, as the settings say; `auto` asks the server: HTTP only where no gRPC port is open (a
 * Nacos 1.x) or what is there knows no Nacos.
 * @throws {NacosError} UNAVAILABLE, TIMEOUT, NOT_NACOS, UNSUPPORTED: too old for gRPC; REFUSED (300: starting). @throws `signal.reason`.
 */
export async function openLink(
  server: ServerAddress,
  module: NacosModule,
  settings: Settings,
  signal: AbortSignal,
): Promise<Link> {
  if (settings.transport === "http") return await openHttpLink(server, module, settings, signal);
  try {
    return await openGrpcLink(server, module, settings, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!hasNoGrpc(error)) throw error;
    return await openOther(error, server, module, settings, signal);
  }
}

/** Whether gRPC answers at `server` by now; for clients that had to take HTTP. */
export async function speaksGrpc(
  server: ServerAddress,
  module: NacosModule,
  settings: Settings,
  signal: AbortSignal,
) {
  try {
    (await openGrpcLink(server, module, settings, signal)).close();
    return true;
  } catch {
    return false;
  }
}

/** Nobody listens there, or someone who knows no Nacos. A port that is silent is a fault, not an old server. */
function hasNoGrpc(error: unknown): error is NacosError {
  if (!(error instanceof NacosError)) return false;
  return error.code === "NOT_NACOS" || (error.code === "UNAVAILABLE" && /ECONNREFUSED/.test(error.message));
}

async function openOther(
  error: NacosError,
  server: ServerAddress,
  module: NacosModule,
  settings: Settings,
  signal: AbortSignal,
): Promise<Link> {
  const { tls, environment, transport } = settings;
  const http = httpApi(server, tls, environment);
  const found = await serverState(http, settings.healthTimeoutMs, signal);
  if (found.kind === "silent") throw error;
  if (found.kind === "stranger")
    throw new NacosError("NOT_NACOS", `${server.name} is no Nacos: ${found.why}`, { cause: error });
  const version = await versionText(http, settings.healthTimeoutMs, signal);
  const missing = `Nacos${version} at ${server.name} has no gRPC at port ${server.grpcPort}`;
  const mayBePlain = tls === undefined || server.httpBase.startsWith("https:");
  if (transport === "grpc" || !mayBePlain) {
    // One of 2.0 or newer starts, or its port is kept from us: it is away, which may pass.
    if (isBefore2(version))
      throw new NacosError("UNSUPPORTED", `${missing}: it is older than 2.0`, { cause: error });
    throw new NacosError("UNAVAILABLE", `${missing}: it starts, or the port is closed`, { cause: error });
  }
  environment.log.warn({ server: server.name, module }, `${missing}: using HTTP`);
  return await openHttpLink(server, module, settings, signal);
}

/** Every 1.x says its version. */
function isBefore2(version: string): boolean {
  return /^ [01]\./.test(version);
}
