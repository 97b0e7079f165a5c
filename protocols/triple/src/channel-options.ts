import { createSecureContext } from "node:tls";
import { begun, type ClientTls } from "@dubbo-ts/rpc";
import { ChannelCredentials, compressionAlgorithms, type ChannelOptions } from "@grpc/grpc-js";
import type { TripleSettings } from "./options.js";

/**
 * One address and nothing else: retries, balancing and names are the cluster's business, and each link has its own
 * connection (rpc-protocols 3.7).
 */
export function channelOptions(settings: TripleSettings): ChannelOptions {
  const { maxMessageBytes, flowControlWindowBytes, compression, tls } = settings;
  const serverName = tls.client?.serverName;
  return {
    "grpc.enable_channelz": 0,
    "grpc.enable_retries": 0,
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 5_000,
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc-node.flow_control_window": flowControlWindowBytes,
    ...keepAlive(settings),
    ...(compression === "gzip" && { "grpc.default_compression_algorithm": compressionAlgorithms.gzip }),
    ...(serverName !== undefined && {
      "grpc.ssl_target_name_override": serverName,
      "grpc.default_authority": serverName,
    }),
  };
}

/** The options of PINGs, the same on both sides. */
export function keepAlive({ keepAliveMs, keepAliveTimeoutMs }: TripleSettings): ChannelOptions {
  if (keepAliveMs === Infinity) return {};
  return { "grpc.keepalive_time_ms": keepAliveMs, "grpc.keepalive_timeout_ms": keepAliveTimeoutMs };
}

/**
 * How connections are opened: plain unless the settings say otherwise.
 * @throws {ConfigError} CONFIG_INVALID: certificate, key or authority cannot be used.
 */
export function channelCredentials(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { authority: ca, certificate: cert, privateKey: key } = tls;
  return ChannelCredentials.createFromSecureContext(begun(() => createSecureContext({ ca, cert, key })));
}
