import { MetadataError, RegistryError, type RegistryErrorCode } from "@dubbo-ts/core";
import { type FaultKind, RedisFault } from "./fault.js";
import type { RedisClient } from "./redis-client.js";

/** What faults are to a program that only knows a report or a config center. */
const codes: Readonly<Record<FaultKind, RegistryErrorCode>> = {
  lost: "REGISTRY_UNAVAILABLE",
  busy: "REGISTRY_UNAVAILABLE",
  moved: "REGISTRY_UNAVAILABLE",
  ask: "REGISTRY_UNAVAILABLE",
  auth: "REGISTRY_AUTH_FAILED",
  denied: "REGISTRY_AUTH_FAILED",
  tls: "REGISTRY_AUTH_FAILED",
  "wrong-server": "REGISTRY_WRONG_SERVER",
  refused: "REGISTRY_REFUSED",
};

/** A fault in the words of the store at `name`; anything else, a signal's reason, stays what it is. */
export function registryError(name: string, cause: unknown): unknown {
  if (!(cause instanceof RedisFault)) return cause;
  return new RegistryError(codes[cause.kind], `${name}: ${cause.message}`, { cause });
}

/** Why a server cannot be used at this moment, in the words of the store at `name`; undefined: none is known to be ill. */
export function failureOf(
  name: string,
  { failure }: Pick<RedisClient, "failure">,
): RegistryError | undefined {
  return failure && new RegistryError(codes[failure.kind], `${name}: ${failure.message}`, { cause: failure });
}

/** As {@link registryError}, for metadata: what is only away becomes METADATA_UNAVAILABLE. */
export function metadataError(name: string, cause: unknown): unknown {
  const error = registryError(name, cause);
  if (!(error instanceof RegistryError) || error.code !== "REGISTRY_UNAVAILABLE") return error;
  return new MetadataError("METADATA_UNAVAILABLE", error.message, { cause });
}
