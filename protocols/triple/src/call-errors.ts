import {
  hasCode,
  InvalidValueError,
  type RemoteException,
  RpcError,
  type RpcErrorCode,
} from "@dubbo-ts/core";
import type { Metadata } from "@grpc/grpc-js";
import { bizErrorStatus, Status, statusName } from "./status.js";
import { classInDetails, detailsHeader } from "./status-details.js";
import { statusExceptionOf } from "./status-exception.js";

/** How a call ended, as grpc-js tells it. */
export interface CallStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Statuses that say something about the way, not about what the method did. */
const failures: Readonly<Record<number, RpcErrorCode>> = {
  [Status.CANCELLED]: "PROVIDER_ERROR",
  [Status.DEADLINE_EXCEEDED]: "CALL_TIMEOUT",
  [Status.RESOURCE_EXHAUSTED]: "PROVIDER_ERROR",
  [Status.UNIMPLEMENTED]: "METHOD_NOT_FOUND",
  [Status.INTERNAL]: "PROVIDER_ERROR",
  [Status.UNAVAILABLE]: "PROVIDER_ERROR",
};

/**
 * The error of a call that ended with a status other than OK. Statuses of the way become an {@link RpcError}, all
 * others are an answer of the method: a {@link RemoteException}, which nobody repeats.
 */
export function errorOfStatus(status: CallStatus, peer: string): RpcError | RemoteException {
  const { code, details } = status;
  const known = ofKnownText(code, details);
  const failure = known?.code ?? failures[code];
  if (failure !== undefined) {
    const mayHaveRun = known?.mayHaveRun ?? code !== Status.UNIMPLEMENTED;
    const message = `${statusName(code)}: ${details || "no reason given"}${hintOf(details)}`;
    return new RpcError(failure, message, { peer, mayHaveRun });
  }
  const [encoded] = status.metadata.get(detailsHeader);
  const className = Buffer.isBuffer(encoded) ? classInDetails(encoded) : undefined;
  return statusExceptionOf(code, withoutName(code, details), className);
}

/** grpc-js does not say why a connection was closed before HTTP/2 began on it. */
function hintOf(details: string): string {
  const isClosedEarly =
    /^No connection established\. Last error: (?:Failed to connect \(|Protocol error|.*ECONNRESET)/;
  if (!isClosedEarly.test(details)) return "";
  return "; the provider closed the connection: it may want TLS, or a certificate that it trusts, or speak no TLS";
}

interface Known {
  readonly code: RpcErrorCode;
  readonly mayHaveRun: boolean;
}

const notSent = { mayHaveRun: false } as const;
const sent = { mayHaveRun: true } as const;

/** Sentences of grpc-js (who else could tell), of Java and of dubbo-go, where the status alone says too little. */
const texts: readonly (readonly [status: number, text: RegExp, known: Known])[] = [
  [Status.UNAVAILABLE, /^No connection established/, { code: "CONNECT_FAILED", ...notSent }],
  [Status.UNAVAILABLE, /^(?:Name resolution|Failed to connect)/, { code: "CONNECT_FAILED", ...notSent }],
  [Status.UNAVAILABLE, /^Stream refused by server/, { code: "PROVIDER_CLOSING", ...notSent }],
  [
    Status.UNAVAILABLE,
    /^(?:Connection dropped|Write (?:error|failed)|read E|write E|.*ECONNRESET)/,
    { code: "CONNECTION_LOST", ...sent },
  ],
  [Status.UNAVAILABLE, /^the provider is closing/, { code: "PROVIDER_CLOSING", ...sent }],
  [Status.UNAVAILABLE, /[Cc]hannel has been shut ?down/, { code: "CONNECTION_LOST", ...notSent }],
  [
    Status.DEADLINE_EXCEEDED,
    /Waiting for LB pick|waiting for name resolution|waiting for metadata/,
    { code: "CALL_TIMEOUT", ...notSent },
  ],
  [Status.INTERNAL, /^Failed to start HTTP\/2 stream/, { code: "CONNECTION_LOST", ...notSent }],
  [Status.INTERNAL, /[Dd]ecompress|zlib/, { code: "DECODE_FAILED", ...sent }],
  [Status.RESOURCE_EXHAUSTED, /^Attempted to send message/, { code: "PAYLOAD_TOO_LARGE", ...notSent }],
  [
    Status.RESOURCE_EXHAUSTED,
    /larger than|exceeds? maximum|too large/i,
    { code: "PAYLOAD_TOO_LARGE", ...sent },
  ],
  [
    Status.UNIMPLEMENTED,
    /^[Ii]nvoker for gRPC not found|no implementation found for service|^SERVICE_NOT_FOUND/,
    { code: "SERVICE_NOT_FOUND", ...notSent },
  ],
  // Java: a method that a protobuf service does not have, and a deadline that passed (peers JB4, JB5).
  [
    Status.UNKNOWN,
    /because .{0,20}methodDescriptors.{0,4} is null/,
    { code: "METHOD_NOT_FOUND", ...notSent },
  ],
  [Status.UNKNOWN, /^(?:UNKNOWN : )?Request Timeout$/, { code: "CALL_TIMEOUT", ...sent }],
];

function ofKnownText(code: number, details: string): Known | undefined {
  return texts.find(([status, text]) => status === code && text.test(details))?.[2];
}

/** Java puts the status's name in front: `INVALID_ARGUMENT : bad argument` (peers JB2). */
function withoutName(code: number, details: string): string {
  const prefix = `${statusName(code)} : `;
  return details.startsWith(prefix) ? details.slice(prefix.length) : details;
}

/** The status that answers a call which failed at the provider's framework (rpc-protocols 3.2, TriRpcStatus). */
const statuses: Readonly<Record<RpcErrorCode, number>> = {
  SERVICE_NOT_FOUND: Status.UNIMPLEMENTED,
  METHOD_NOT_FOUND: Status.UNIMPLEMENTED,
  CALL_TIMEOUT: Status.DEADLINE_EXCEEDED,
  CONNECT_FAILED: Status.UNAVAILABLE,
  CONNECTION_LOST: Status.UNAVAILABLE,
  PROVIDER_CLOSING: Status.UNAVAILABLE,
  PROVIDER_ERROR: Status.UNKNOWN,
  PAYLOAD_TOO_LARGE: Status.RESOURCE_EXHAUSTED,
  FRAME_INVALID: Status.INTERNAL,
  SERIALIZATION_UNKNOWN: Status.INTERNAL,
  ENCODE_FAILED: Status.INTERNAL,
  DECODE_FAILED: Status.INTERNAL,
};

/** The gRPC status that tells of an error. */
export function statusOfError(error: unknown): number {
  if (error instanceof InvalidValueError) {
    return error.code === "INVALID_ARGUMENT" ? Status.INVALID_ARGUMENT : Status.INTERNAL;
  }
  if (error instanceof RpcError) return statuses[error.code];
  if (hasCode(error, "REMOTE_EXCEPTION")) return statusOfFields((error as RemoteException).fields);
  return Status.UNKNOWN;
}

function statusOfFields({ code }: Readonly<Record<string, unknown>>): number {
  const isStatus = Number.isInteger(code) && (code as number) > 0;
  return isStatus && (code as number) <= bizErrorStatus ? (code as number) : Status.UNKNOWN;
}
