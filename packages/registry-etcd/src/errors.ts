import { MetadataError, RegistryError, type RegistryErrorCode } from "@dubbo-ts/core";
import { type EtcdClient, type EtcdErrorCode, isEtcdError } from "@dubbo-ts/etcd-client";
import type { EtcdConnection } from "./etcd-connection.js";

/** What the codes of the client are to a program that only knows a registry. */
const codes: Readonly<Record<EtcdErrorCode, RegistryErrorCode>> = {
  UNAVAILABLE: "REGISTRY_UNAVAILABLE",
  TIMEOUT: "REGISTRY_UNAVAILABLE",
  CLOSED: "REGISTRY_UNAVAILABLE",
  SERVER_ERROR: "REGISTRY_UNAVAILABLE",
  COMPACTED: "REGISTRY_UNAVAILABLE",
  LEASE_NOT_FOUND: "REGISTRY_SESSION_EXPIRED",
  AUTH_FAILED: "REGISTRY_AUTH_FAILED",
  PERMISSION_DENIED: "REGISTRY_AUTH_FAILED",
  TLS_FAILED: "REGISTRY_AUTH_FAILED",
  NOT_ETCD: "REGISTRY_WRONG_SERVER",
  SERVER_TOO_OLD: "REGISTRY_WRONG_SERVER",
  ADDRESS_INVALID: "REGISTRY_REFUSED",
  INVALID_ARGUMENT: "REGISTRY_REFUSED",
  TOO_LARGE: "REGISTRY_REFUSED",
  NO_SPACE: "REGISTRY_REFUSED",
};

const allCodes = Object.keys(codes) as EtcdErrorCode[];

/** The client's error in the words of the registry at `name`; anything else, a signal's reason, stays what it is. */
export function registryError(name: string, cause: unknown): unknown {
  if (!isEtcdError(cause, ...allCodes)) return cause;
  return new RegistryError(codes[cause.code], `${name}: ${cause.message}`, { cause });
}

/**
 * Why `what` is not announced. When the caller's patience ended before there was a lease, `signal`'s reason says nothing:
 * then it is told what the server, or its absence, was.
 */
export function registrationError(
  { name, client, lease }: Pick<EtcdConnection, "name" | "client" | "lease">,
  what: string,
  error: unknown,
  signal: AbortSignal,
): unknown {
  if (isEtcdError(error, "TOO_LARGE"))
    return new RegistryError("INSTANCE_METADATA_TOO_LARGE", `${name}: ${what}: ${error.message}`, {
      cause: error,
    });
  if (!signal.aborted || error !== signal.reason || lease.id !== undefined) return registryError(name, error);
  const why = (client.failure ?? lease.failure)?.message ?? "no server has answered";
  return new RegistryError("REGISTRY_UNAVAILABLE", `${name}: ${what} is not registered: ${why}`, {
    cause: error,
  });
}

/** Why there is no connection, in the words of the registry at `name`; undefined when there is one, or none was tried yet. */
export function failureOf(name: string, { failure }: Pick<EtcdClient, "failure">): RegistryError | undefined {
  const error = failure && registryError(name, failure);
  return error instanceof RegistryError ? error : undefined;
}

/** As {@link registryError}, for metadata: what is only away becomes METADATA_UNAVAILABLE. */
export function metadataError(name: string, cause: unknown): unknown {
  const error = registryError(name, cause);
  if (!(error instanceof RegistryError)) return error;
  if (isEtcdError(cause, "TOO_LARGE")) return new MetadataError("METADATA_INVALID", error.message, { cause });
  if (error.code !== "REGISTRY_UNAVAILABLE" && error.code !== "REGISTRY_SESSION_EXPIRED") return error;
  return new MetadataError("METADATA_UNAVAILABLE", error.message, { cause });
}
