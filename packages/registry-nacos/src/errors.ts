import { MetadataError, RegistryError, type RegistryErrorCode } from "@dubbo-ts/core";
import { NacosError, type NacosErrorCode, type NacosState } from "@dubbo-ts/nacos-client";

const codes: Readonly<Record<NacosErrorCode, RegistryErrorCode>> = {
  UNAVAILABLE: "REGISTRY_UNAVAILABLE",
  TIMEOUT: "REGISTRY_UNAVAILABLE",
  CLOSED: "REGISTRY_UNAVAILABLE",
  NOT_NACOS: "REGISTRY_WRONG_SERVER",
  UNAUTHORIZED: "REGISTRY_AUTH_FAILED",
  INVALID: "REGISTRY_REFUSED",
  UNSUPPORTED: "REGISTRY_REFUSED",
  REFUSED: "REGISTRY_REFUSED",
};

/** Starting, connection not known, overloaded: the server is as good as away (registries A1.5). */
const awayCodes: ReadonlySet<number | undefined> = new Set([300, 301, 503]);

/** The client's error in the words of the registry at `name`; anything else, a signal's reason, stays what it is. */
export function registryError(name: string, cause: unknown): unknown {
  if (!(cause instanceof NacosError)) return cause;
  return new RegistryError(codeOf(cause), `${name}: ${cause.message}`, { cause });
}

/** Why there is no connection, in the words of the registry at `name`; undefined when there is one, or none was tried yet. */
export function failureOf(name: string, { lastError }: NacosState): RegistryError | undefined {
  return (
    lastError && new RegistryError(codeOf(lastError), `${name}: ${lastError.message}`, { cause: lastError })
  );
}

/** As {@link registryError}, for metadata: what is only away becomes METADATA_UNAVAILABLE. */
export function metadataError(name: string, cause: unknown): unknown {
  const error = registryError(name, cause);
  if (!(error instanceof RegistryError)) return error;
  if (cause instanceof NacosError && cause.code === "INVALID")
    return new MetadataError("METADATA_INVALID", error.message, { cause });
  if (error.code !== "REGISTRY_UNAVAILABLE") return error;
  return new MetadataError("METADATA_UNAVAILABLE", error.message, { cause });
}

// A client that waited in vain says so, and why in the cause: a wrong server is worth more than "unavailable".
function codeOf(error: NacosError): RegistryErrorCode {
  if (error.cause instanceof NacosError && error.code === "UNAVAILABLE") return codeOf(error.cause);
  return awayCodes.has(error.serverCode) ? "REGISTRY_UNAVAILABLE" : codes[error.code];
}
