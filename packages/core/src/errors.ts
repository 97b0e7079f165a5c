/**
 * Every code that an error of this project can carry. `docs/errors.md` gives cause and cure of each;
 * a test compares the two lists. A code never changes its meaning.
 */
export const errorCodes = [
  // configuration and start
  "CONFIG_INVALID",
  "CONFIG_NOT_FOUND",
  "ADDRESS_INVALID",
  "DEFINITION_INVALID",
  "UNKNOWN_REGISTRY",
  "UNKNOWN_PROTOCOL",
  "PORT_IN_USE",
  "SERVICE_ALREADY_EXPORTED",
  "APPLICATION_CLOSED",
  // registries and metadata
  "REGISTRY_UNAVAILABLE",
  "REGISTRY_REFUSED",
  "REGISTRY_AUTH_FAILED",
  "REGISTRY_SESSION_EXPIRED",
  "REGISTRY_WRONG_SERVER",
  "WATCHER_STOPPED",
  "INSTANCE_INVALID",
  "INSTANCE_METADATA_TOO_LARGE",
  "METADATA_UNAVAILABLE",
  "METADATA_INVALID",
  "MAPPING_CONFLICT",
  // finding a provider
  "NO_PROVIDER",
  "PROVIDERS_PENDING",
  "DISCOVERY_FAILED",
  // calls
  "INVALID_ARGUMENT",
  "INVALID_RESULT",
  "SERVICE_NOT_FOUND",
  "METHOD_NOT_FOUND",
  "CONNECT_FAILED",
  "CONNECTION_LOST",
  "CALL_TIMEOUT",
  "PROVIDER_CLOSING",
  "PROVIDER_ERROR",
  "REMOTE_EXCEPTION",
  // the wire
  "FRAME_INVALID",
  "PAYLOAD_TOO_LARGE",
  "SERIALIZATION_UNKNOWN",
  "ENCODE_FAILED",
  "DECODE_FAILED",
] as const;

/** A stable name for what went wrong: for programs, where the message is for people. */
export type ErrorCode = (typeof errorCodes)[number];

/** The base of every error that this project throws. Test `code`, not the class: two copies of a package may be installed. */
export abstract class DubboError extends Error {
  abstract readonly code: ErrorCode;
}

/** True when `error` carries one of `codes`, whichever copy of this package made it. */
export function hasCode<C extends ErrorCode>(
  error: unknown,
  ...codes: C[]
): error is DubboError & { code: C } {
  return error instanceof Error && codes.includes((error as { code?: unknown }).code as C);
}

/** The codes of a {@link ConfigError}. */
export type ConfigErrorCode =
  | "CONFIG_INVALID"
  | "CONFIG_NOT_FOUND"
  | "ADDRESS_INVALID"
  | "DEFINITION_INVALID"
  | "UNKNOWN_REGISTRY"
  | "UNKNOWN_PROTOCOL"
  | "PORT_IN_USE"
  | "SERVICE_ALREADY_EXPORTED"
  | "APPLICATION_CLOSED";

/** Something the author of the program or of its configuration can mend. The message names file, key or argument. */
export class ConfigError extends DubboError {
  override readonly name = "ConfigError";

  constructor(
    readonly code: ConfigErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The codes of a {@link RegistryError}. */
export type RegistryErrorCode =
  | "REGISTRY_UNAVAILABLE"
  | "REGISTRY_REFUSED"
  | "REGISTRY_AUTH_FAILED"
  | "REGISTRY_SESSION_EXPIRED"
  | "REGISTRY_WRONG_SERVER"
  | "WATCHER_STOPPED"
  | "INSTANCE_INVALID"
  | "INSTANCE_METADATA_TOO_LARGE";

/** A registration center could not be reached, refused, or holds a record that is none. */
export class RegistryError extends DubboError {
  override readonly name = "RegistryError";

  constructor(
    readonly code: RegistryErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Metadata of a revision, or a mapping, could not be had or is malformed. */
export class MetadataError extends DubboError {
  override readonly name = "MetadataError";

  constructor(
    readonly code: "METADATA_UNAVAILABLE" | "METADATA_INVALID" | "MAPPING_CONFLICT",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What is known when no provider can be picked. */
export interface NoProviderDetails {
  /** `group/interface:version` as it was asked for. */
  readonly service: string;
  /** The applications that were asked: by the mapping or by `provided-by`. */
  readonly applications: readonly string[];
  /** The same interface under another version, group or protocol, as `group/interface:version:protocol`. */
  readonly nearMisses: readonly string[];
}

/** No provider can be picked: none exists (`NO_PROVIDER`), none is known yet, or finding one failed. */
export class NoProviderError extends DubboError {
  override readonly name = "NoProviderError";
  readonly service: string;
  readonly applications: readonly string[];
  readonly nearMisses: readonly string[];

  constructor(
    readonly code: "NO_PROVIDER" | "PROVIDERS_PENDING" | "DISCOVERY_FAILED",
    why: string,
    details: NoProviderDetails,
    options?: ErrorOptions,
  ) {
    const near = details.nearMisses.length > 0 ? `; offered instead: ${details.nearMisses.join(", ")}` : "";
    const asked = details.applications.join(", ") || "none mapped";
    super(`no provider of ${details.service}: ${why}; applications asked: ${asked}${near}`, options);
    this.service = details.service;
    this.applications = details.applications;
    this.nearMisses = details.nearMisses;
  }
}

/** A value does not fit its declared type. Nothing was sent, or the method was not run. */
export class InvalidValueError extends DubboError {
  override readonly name = "InvalidValueError";

  /** @param path where the value stands, for example `getUser.args[0].tags[2]`. */
  constructor(
    readonly code: "INVALID_ARGUMENT" | "INVALID_RESULT",
    readonly path: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super(`${path}: ${why}`, options);
  }
}

/** The codes of an {@link RpcError}. */
export type RpcErrorCode =
  | "SERVICE_NOT_FOUND"
  | "METHOD_NOT_FOUND"
  | "CONNECT_FAILED"
  | "CONNECTION_LOST"
  | "CALL_TIMEOUT"
  | "PROVIDER_CLOSING"
  | "PROVIDER_ERROR"
  | "FRAME_INVALID"
  | "PAYLOAD_TOO_LARGE"
  | "SERIALIZATION_UNKNOWN"
  | "ENCODE_FAILED"
  | "DECODE_FAILED";

/** Where a call failed. */
export interface RpcErrorDetails {
  /** `protocol://host:port` of the peer, when one was picked. */
  readonly peer?: string;
  /** False when it is certain that the provider did not run the method. Default true: it may have. */
  readonly mayHaveRun?: boolean;
  readonly cause?: unknown;
}

/** A call failed on the way: not an answer of the method, which is a {@link RemoteException}. */
export class RpcError extends DubboError {
  override readonly name = "RpcError";
  readonly peer: string | undefined;
  readonly mayHaveRun: boolean;

  constructor(
    readonly code: RpcErrorCode,
    message: string,
    { peer, mayHaveRun = true, cause }: RpcErrorDetails = {},
  ) {
    super(peer === undefined ? message : `${message} (${peer})`, cause === undefined ? undefined : { cause });
    this.peer = peer;
    this.mayHaveRun = mayHaveRun;
  }
}

/** An exception that the remote method threw: class, message and fields as the provider sent them. */
export class RemoteException extends DubboError {
  override readonly name: string = "RemoteException";
  readonly code = "REMOTE_EXCEPTION";

  /**
   * @param className the Java class, for example `org.example.NotEnoughStock`.
   * @param detail the exception's own message; null when it has none.
   * @param fields its other fields, without those of `java.lang.Throwable`.
   */
  constructor(
    readonly className: string,
    readonly detail: string | null,
    readonly fields: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(detail ?? className, options);
  }
}
