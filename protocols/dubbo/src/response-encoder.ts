import { hasCode, RpcError } from "@dubbo-ts/core";
import { HessianWriter } from "@dubbo-ts/hessian2";
import type { JavaType } from "@dubbo-ts/rpc";
import { frameStatus, headerBytes, hessian2Id, writeHeader } from "./frame.js";
import { Refusal } from "./refusal.js";
import { protocolVersion } from "./request-encoder.js";

/** What stands in front of a response's content; 3 more when attachments follow (rpc-protocols 1.3). */
export const resultFlags = { exception: 0, value: 1, nullValue: 2, withAttachments: 3 } as const;

/** Texts of error answers are cut: a stack or an echoed name must not fill the line. */
const maxTextUnits = 8_000;

/** Where an answer goes, and in which form. */
export interface ResponseTarget {
  readonly idHigh: number;
  readonly idLow: number;
  /** The consumer's protocol version allows attachments. */
  readonly withAttachments: boolean;
}

/** What travels beside every answer; Java adds it too. */
const standardAttachments: readonly [string, string][] = [["dubbo", protocolVersion]];

/** Writes answers as frames (rpc-protocols 1.3, 1.4). One at a time: a frame is valid until the next one is asked for. */
export class ResponseEncoder {
  readonly #writer = new HessianWriter({ headroom: headerBytes });

  constructor(private readonly maxPayloadBytes: number) {}

  /** The frame of a result; or, where it cannot be encoded or is too long, of status 25. */
  result(
    target: ResponseTarget,
    type: JavaType,
    value: unknown,
    attachments: ReadonlyMap<string, string>,
  ): Buffer {
    const writer = this.#writer;
    const absent = value === null || value === undefined;
    const flag = absent ? resultFlags.nullValue : resultFlags.value;
    try {
      writer.reset();
      writer.writeInt(target.withAttachments ? flag + resultFlags.withAttachments : flag);
      if (!absent) writer.write(type, value);
      if (target.withAttachments) writer.writeStringMap(entriesOf(attachments));
      return this.#ok(target);
    } catch (error) {
      return this.status(
        target,
        frameStatus.serializationError,
        `Fail to encode response: ${messageOf(error)}`,
      );
    }
  }

  /** The frame of whatever a call ended with: an exception of the method, or an error status. */
  failure(target: ResponseTarget, error: unknown, attachments: ReadonlyMap<string, string>): Buffer {
    const status = statusOf(error);
    if (status !== undefined) return this.status(target, status, statusText(error));
    try {
      return this.#exception(target, error instanceof Error ? error : new Error(String(error)), attachments);
    } catch {
      // Its fields cannot be encoded: the message is what matters.
      return this.#exception(target, new Error(messageOf(error).slice(0, maxTextUnits)), attachments);
    }
  }

  /** The frame of an error status: its body is always a string, dubbo-go panics at anything else. */
  status(target: Pick<ResponseTarget, "idHigh" | "idLow">, status: number, text: string): Buffer {
    const writer = this.#writer;
    writer.reset();
    writer.writeString(text.slice(0, maxTextUnits));
    const frame = writer.finish();
    writeHeader(frame, hessian2Id, status, target.idHigh, target.idLow);
    return frame;
  }

  #exception(target: ResponseTarget, error: Error, attachments: ReadonlyMap<string, string>): Buffer {
    const writer = this.#writer;
    const flag = resultFlags.exception;
    writer.reset();
    writer.writeInt(target.withAttachments ? flag + resultFlags.withAttachments : flag);
    writer.writeThrowable(error);
    if (target.withAttachments) writer.writeStringMap(entriesOf(attachments));
    return this.#ok(target);
  }

  #ok(target: ResponseTarget): Buffer {
    const frame = this.#writer.finish();
    const length = frame.length - headerBytes;
    if (length > this.maxPayloadBytes)
      throw new RpcError("PAYLOAD_TOO_LARGE", tooLong(length, this.maxPayloadBytes));
    writeHeader(frame, hessian2Id, frameStatus.ok, target.idHigh, target.idLow);
    return frame;
  }
}

/** The words of Java's ExceedPayloadLimitException, which consumers know it by. */
export function tooLong(length: number, maxPayloadBytes: number): string {
  return `Data length too large: ${length}, max payload: ${maxPayloadBytes}`;
}

function entriesOf(attachments: ReadonlyMap<string, string>): Iterable<readonly [string, string]> {
  return attachments.size === 0 ? standardAttachments : [...standardAttachments, ...attachments];
}

/** Undefined: it is an exception of the method. An error with a peer comes from a call that the method made itself. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof Refusal) return error.status;
  if (hasCode(error, "INVALID_ARGUMENT")) return frameStatus.badRequest;
  if (hasCode(error, "INVALID_RESULT")) return frameStatus.serializationError;
  if (!isOwn(error)) return undefined;
  if (hasCode(error, "SERVICE_NOT_FOUND", "METHOD_NOT_FOUND")) return frameStatus.badRequest;
  return hasCode(error, "CALL_TIMEOUT") ? frameStatus.serverTimeout : undefined;
}

/** The sentences that consumers know: a status says too little. */
function statusText(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  if (hasCode(error, "METHOD_NOT_FOUND")) return `No such method: ${error.message}`;
  if (hasCode(error, "SERVICE_NOT_FOUND")) return `Not found exported service: ${error.message}`;
  return messageOf(error);
}

function isOwn(error: unknown): boolean {
  return error instanceof Error && (error as { peer?: unknown }).peer === undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
