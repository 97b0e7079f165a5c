import { RpcError, type ServiceKey } from "@dubbo-ts/core";
import { HessianWriter } from "@dubbo-ts/hessian2";
import type { Invocation } from "@dubbo-ts/rpc";
import { frameFlags, headerBytes, hessian2Id, writeHeader } from "./frame.js";

/**
 * The version of the protocol, not of a release: it decides whether a provider sends attachments back
 * (rpc-protocols 1.3; Version.java `getProtocolVersion`).
 */
export const protocolVersion = "2.0.2";

/** What identifies the service, or is written from elsewhere: not for users to set. */
const ownAttachments: ReadonlySet<string> = new Set(["path", "interface", "version", "group", "timeout"]);

/** Writes calls as frames (rpc-protocols 1.2; DubboCodec.java). One at a time: the writer is used again. */
export class RequestEncoder {
  /** Out while it is used: a user's mapping of a value may itself make a call. */
  #idle: HessianWriter | undefined;
  readonly #identity = new WeakMap<ServiceKey, readonly [string, string][]>();

  constructor(
    private readonly application: string,
    private readonly maxPayloadBytes: number,
  ) {}

  /**
   * A whole frame, which is valid until the next one is asked for.
   * @param remainingMs what is left for the call; Infinity: no limit is told.
   * @throws {RpcError} ENCODE_FAILED, PAYLOAD_TOO_LARGE: nothing was sent.
   */
  encode(invocation: Invocation, idHigh: number, idLow: number, remainingMs: number): Buffer {
    const writer = this.#idle ?? new HessianWriter({ headroom: headerBytes });
    this.#idle = undefined;
    writer.reset();
    try {
      this.#writeBody(writer, invocation, remainingMs);
    } catch (cause) {
      throw encodeFailure(invocation, cause);
    } finally {
      this.#idle = writer;
    }
    const frame = writer.finish();
    this.#limit(frame, invocation);
    const twoWay = invocation.oneway ? 0 : frameFlags.twoWay;
    writeHeader(frame, frameFlags.request | twoWay | hessian2Id, 0, idHigh, idLow);
    return frame;
  }

  #writeBody(writer: HessianWriter, invocation: Invocation, remainingMs: number): void {
    const { service, method, methodDefinition, args } = invocation;
    writer.writeString(protocolVersion);
    writer.writeString(service.serviceInterface);
    writer.writeString(service.version === "" ? "0.0.0" : service.version);
    writer.writeString(method);
    writer.writeString(methodDefinition.descriptor);
    const { params, kind } = methodDefinition;
    if (kind !== "unary") throw new TypeError("streams need a protocol that has them, such as triple");
    for (let index = 0; index < params.length; index += 1) {
      writer.write(params[index] as (typeof params)[number], args[index]);
    }
    writer.writeStringMap(this.#attachments(invocation, remainingMs));
  }

  #attachments(invocation: Invocation, remainingMs: number): Iterable<[string, string]> {
    const identity = this.#identityOf(invocation.service);
    const entries = identity.slice();
    for (const entry of invocation.attachments) {
      if (!ownAttachments.has(entry[0])) entries.push(entry);
    }
    if (remainingMs !== Infinity) entries.push(["timeout", String(Math.max(1, Math.ceil(remainingMs)))]);
    return entries;
  }

  #identityOf(service: ServiceKey): readonly [string, string][] {
    const known = this.#identity.get(service);
    if (known !== undefined) return known;
    const { serviceInterface, version, group } = service;
    const entries: [string, string][] = [["path", serviceInterface]];
    if (this.application !== "") entries.push(["remote.application", this.application]);
    entries.push(["interface", serviceInterface], ["version", version === "" ? "0.0.0" : version]);
    if (group !== "") entries.push(["group", group]);
    this.#identity.set(service, entries);
    return entries;
  }

  #limit(frame: Buffer, { service, method }: Invocation): void {
    const length = frame.length - headerBytes;
    if (length <= this.maxPayloadBytes) return;
    const what = `request of ${service.text}.${method} has ${length} bytes, the limit is ${this.maxPayloadBytes}`;
    throw new RpcError("PAYLOAD_TOO_LARGE", what, { mayHaveRun: false });
  }
}

function encodeFailure({ service, method }: Invocation, cause: unknown): RpcError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `request of ${service.text}.${method} cannot be encoded: ${why}`;
  return new RpcError("ENCODE_FAILED", message, { mayHaveRun: false, cause });
}
