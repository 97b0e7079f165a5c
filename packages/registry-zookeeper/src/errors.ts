import { MetadataError, RegistryError, type RegistryErrorCode } from "@dubbo-ts/core";
import { isZooKeeperError, type ZooKeeperClient, type ZooKeeperErrorCode } from "@dubbo-ts/zookeeper-client";
import type { ZooKeeperConnection } from "./zookeeper-connection.js";

const codes: Partial<Record<ZooKeeperErrorCode, RegistryErrorCode>> = {
  CONNECTION_LOSS: "REGISTRY_UNAVAILABLE",
  TIMEOUT: "REGISTRY_UNAVAILABLE",
  CLOSED: "REGISTRY_UNAVAILABLE",
  SESSION_MOVED: "REGISTRY_UNAVAILABLE",
  SERVER_ERROR: "REGISTRY_UNAVAILABLE",
  NOT_READ_ONLY: "REGISTRY_UNAVAILABLE",
  SESSION_EXPIRED: "REGISTRY_SESSION_EXPIRED",
  AUTH_FAILED: "REGISTRY_AUTH_FAILED",
  NO_AUTH: "REGISTRY_AUTH_FAILED",
  INVALID_ACL: "REGISTRY_AUTH_FAILED",
  NOT_ZOOKEEPER: "REGISTRY_WRONG_SERVER",
};

const allCodes = [
  ...(Object.keys(codes) as ZooKeeperErrorCode[]),
  "ADDRESS_INVALID",
  "TOO_LARGE",
  "NO_NODE",
  "NODE_EXISTS",
  "BAD_VERSION",
  "NOT_EMPTY",
  "NO_CHILDREN_FOR_EPHEMERALS",
  "BAD_ARGUMENTS",
  "UNIMPLEMENTED",
] as const;

/** The client's error in the words of the registry at `name`; anything else, a signal's reason, stays what it is. */
export function registryError(name: string, cause: unknown): unknown {
  if (!isZooKeeperError(cause, ...allCodes)) return cause;
  return new RegistryError(codes[cause.code] ?? "REGISTRY_REFUSED", `${name}: ${cause.message}`, { cause });
}

/**
 * Why `what` is not announced. When the caller's patience ended before there was a connection, `signal`'s reason says
 * nothing: then it is told what the server, or its absence, was.
 */
export function registrationError(
  { name, client }: Pick<ZooKeeperConnection, "name" | "client">,
  what: string,
  error: unknown,
  signal: AbortSignal,
): unknown {
  if (isZooKeeperError(error, "TOO_LARGE"))
    return new RegistryError("INSTANCE_METADATA_TOO_LARGE", `${name}: ${what}: ${error.message}`, {
      cause: error,
    });
  if (!signal.aborted || error !== signal.reason || client.connected) return registryError(name, error);
  const why = client.failure?.message ?? "no server has answered";
  return new RegistryError("REGISTRY_UNAVAILABLE", `${name}: ${what} is not registered: ${why}`, {
    cause: error,
  });
}

/** Why there is no connection, in the words of the registry at `name`; undefined when there is one, or none was tried yet. */
export function failureOf(
  name: string,
  { failure }: Pick<ZooKeeperClient, "failure">,
): RegistryError | undefined {
  const error = failure && registryError(name, failure);
  return error instanceof RegistryError ? error : undefined;
}

/** As {@link registryError}, for metadata: what is only away becomes METADATA_UNAVAILABLE. */
export function metadataError(name: string, cause: unknown): unknown {
  const error = registryError(name, cause);
  if (!(error instanceof RegistryError)) return error;
  if (isZooKeeperError(cause, "TOO_LARGE"))
    return new MetadataError("METADATA_INVALID", error.message, { cause });
  if (error.code !== "REGISTRY_UNAVAILABLE" && error.code !== "REGISTRY_SESSION_EXPIRED") return error;
  return new MetadataError("METADATA_UNAVAILABLE", error.message, { cause });
}
