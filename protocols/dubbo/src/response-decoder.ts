import { type RemoteException, RpcError } from "@dubbo-ts/core";
import { HessianReader } from "@dubbo-ts/hessian2";
import { type JavaType, unwrapGenericException } from "@dubbo-ts/rpc";
import { type Frame, frameFlags, frameStatus, hessian2Id } from "./frame.js";
import { resultFlags } from "./response-encoder.js";
import { statusError } from "./status-error.js";

/** What a provider answered. */
export interface DecodedResponse {
  /** The value, unless there is an error. */
  readonly value: unknown;
  /** A {@link RemoteException}, or the {@link RpcError} of a status other than 20. */
  readonly error: RemoteException | RpcError | undefined;
  /** Without `dubbo`, which Java puts into every answer. */
  readonly attachments: ReadonlyMap<string, string>;
}

const noAttachments: ReadonlyMap<string, string> = new Map();
const nullValue = Buffer.from([0x4e]);
/** The map `{dubbo: 2.0.2}`: all the attachments that most answers have. */
const plainAttachments = Buffer.from("H\x05dubbo\x052.0.2Z", "latin1");

/**
 * Reads an answer (rpc-protocols 1.3, 1.4; DecodeableRpcResult.java).
 * @throws {RpcError} DECODE_FAILED; SERIALIZATION_UNKNOWN: written by another than Hessian 2.
 */
export function decodeResponse(frame: Frame, type: JavaType, peer: string): DecodedResponse {
  const serialization = frame.flags & frameFlags.serialization;
  if (serialization !== hessian2Id) {
    const what = `answer in serialization ${serialization}, only Hessian 2 (${hessian2Id}) is known`;
    throw new RpcError("SERIALIZATION_UNKNOWN", what, { peer });
  }
  try {
    return frame.status === frameStatus.ok ? readResult(frame, type) : readStatus(frame, peer);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RpcError("DECODE_FAILED", `answer cannot be decoded: ${why}`, { peer, cause });
  }
}

function readStatus(frame: Frame, peer: string): DecodedResponse {
  const reader = new HessianReader(frame.bytes, { offset: frame.start, end: frame.end });
  const text = frame.start === frame.end ? "" : (reader.readString() ?? "");
  return { value: undefined, error: statusError(frame.status, text, peer), attachments: noAttachments };
}

function readResult(frame: Frame, type: JavaType): DecodedResponse {
  const reader = new HessianReader(frame.bytes, { offset: frame.start, end: frame.end });
  const flag = reader.readInt();
  const withAttachments = flag >= resultFlags.withAttachments;
  const content = withAttachments ? flag - resultFlags.withAttachments : flag;
  let value: unknown;
  let error: RemoteException | undefined;
  if (content === resultFlags.value) value = reader.read(type);
  else if (content === resultFlags.nullValue) value = type.kind === "void" ? undefined : readNull(type);
  else if (content === resultFlags.exception) error = readException(reader);
  else throw new RpcError("DECODE_FAILED", `unknown result flag ${flag}`);
  return { value, error, attachments: withAttachments ? readAttachments(reader, frame) : noAttachments };
}

/** What a null is worth for a type that may not be null, is the serializer's to say. */
function readNull(type: JavaType): unknown {
  return type.kind === "nullable" ? null : new HessianReader(nullValue).read(type);
}

function readAttachments(reader: HessianReader, { bytes, end }: Frame): ReadonlyMap<string, string> {
  const at = reader.position;
  const plainEnd = at + plainAttachments.length;
  if (plainEnd <= end && bytes.compare(plainAttachments, 0, plainAttachments.length, at, plainEnd) === 0) {
    return noAttachments;
  }
  const attachments = reader.readStringMap();
  attachments.delete("dubbo");
  return attachments;
}

/** Providers wrap exceptions for generic consumers (rpc-protocols 1.11): the one within is what was thrown. */
function readException(reader: HessianReader): RemoteException {
  return unwrapGenericException(reader.readThrowable()) as RemoteException;
}
