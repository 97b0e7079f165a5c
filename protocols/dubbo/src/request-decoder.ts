import { hasCode } from "@dubbo-ts/core";
import { HessianReader } from "@dubbo-ts/hessian2";
import {
  findMethod,
  type FoundMethod,
  type MethodDefinition,
  type ServedService,
  type ServiceDefinition,
} from "@dubbo-ts/rpc";
import { descriptorArity } from "./descriptor.js";
import { type Frame, frameStatus } from "./frame.js";
import { quoted, Refusal } from "./refusal.js";
import type { ServiceTable } from "./service-table.js";

/** A request as it came in. */
export interface DecodedRequest {
  /** The protocol version of the consumer, which decides about response attachments. */
  readonly protocolVersion: string;
  readonly service: ServedService;
  /** As the definition has it. */
  readonly method: string;
  readonly methodDefinition: MethodDefinition;
  readonly args: readonly unknown[];
  readonly attachments: ReadonlyMap<string, string>;
}

/** The strings in front of the arguments. */
interface RequestHead {
  readonly protocolVersion: string;
  readonly path: string;
  readonly version: string;
  readonly method: string;
  readonly descriptor: string;
}

/**
 * Reads a request (rpc-protocols 1.2; DecodeableRpcInvocation.java). What is not served is refused before an
 * argument is looked at.
 * @throws {Refusal} with the status that Java answers: 40 for what cannot be decoded or is not known, 70 when only
 * the group is another.
 */
export function decodeRequest(frame: Frame, services: ServiceTable): DecodedRequest {
  const reader = new HessianReader(frame.bytes, { offset: frame.start, end: frame.end });
  const head = readHead(reader);
  const candidates = services.find(head.path, head.version);
  const first = candidates[0];
  if (first === undefined) throw unknownService(head, services);
  const argsAt = reader.position;
  const { name: method, definition: methodDefinition } = pickMethod(first.definition, head);
  const args = readArguments(reader, methodDefinition, head);
  const attachments = decoding(head.method, () => reader.readStringMap());
  const service = inGroup(candidates, attachments.get("group") ?? "");
  if (service === undefined) throw wrongGroup(head, attachments.get("group") ?? "", services);
  const { protocolVersion } = head;
  if (service.definition === first.definition) {
    return { protocolVersion, service, method, methodDefinition, args, attachments };
  }
  return { protocolVersion, service, attachments, ...readAgain(frame, argsAt, head, service) };
}

/** The consumer's version string allows attachments in the answer: 2.0.2 to 2.0.99 (rpc-protocols 1.3). */
export function takesAttachments(version: string): boolean {
  if (version === "2.0.2") return true;
  const patch = /^2\.0\.(\d{1,2})$/.exec(version)?.[1];
  return patch !== undefined && Number(patch) >= 2;
}

function readHead(reader: HessianReader): RequestHead {
  return decoding("?", () => ({
    protocolVersion: reader.readString() ?? "",
    path: reader.readString() ?? "",
    version: reader.readString() ?? "",
    method: reader.readString() ?? "",
    descriptor: reader.readString() ?? "",
  }));
}

/** By name, then by descriptor: dubbo-go guesses descriptors from values (peers G4), so the count may be enough. */
function pickMethod(definition: ServiceDefinition, { method, descriptor }: RequestHead): FoundMethod {
  const found = findMethod(definition, method);
  if (found === undefined) {
    throw notFound(method, `No such method ${quoted(method)} in ${definition.serviceInterface}`);
  }
  const { descriptor: declared, params } = found.definition;
  if (declared === descriptor || descriptorArity(descriptor) === params.length) return found;
  const offered = `${method}(${declared})`;
  throw notFound(method, `No such method ${quoted(`${method}(${descriptor})`)}, there is ${quoted(offered)}`);
}

function readArguments(
  reader: HessianReader,
  { params }: MethodDefinition,
  { method }: RequestHead,
): readonly unknown[] {
  const args: unknown[] = [];
  for (let index = 0; index < params.length; index += 1) {
    try {
      args.push(reader.read(params[index] as (typeof params)[number]));
    } catch (cause) {
      throw undecodable(method, cause, `argument ${index}: `);
    }
  }
  return args;
}

/** Another group may offer another definition under the same name: then the arguments are read by that one. */
function readAgain(frame: Frame, argsAt: number, head: RequestHead, { definition }: ServedService) {
  const { name: method, definition: methodDefinition } = pickMethod(definition, head);
  const reader = new HessianReader(frame.bytes, { offset: argsAt, end: frame.end });
  return { method, methodDefinition, args: readArguments(reader, methodDefinition, head) };
}

function inGroup(candidates: readonly ServedService[], group: string): ServedService | undefined {
  return candidates.find((service) => service.key.group === group);
}

function decoding<T>(method: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw undecodable(method, cause);
  }
}

/** Begins as Java's answer does: consumers show it, and know it by its start. */
function refused(method: string): string {
  const name = quoted(method).slice(1, -1);
  return `Fail to decode request due to: RpcInvocation [methodName=${name}, parameterTypes=null]`;
}

function undecodable(method: string, cause: unknown, where = ""): Refusal {
  const why = cause instanceof Error ? cause.message : String(cause);
  const code = hasCode(cause, "PAYLOAD_TOO_LARGE") ? "PAYLOAD_TOO_LARGE" : "DECODE_FAILED";
  return new Refusal(frameStatus.badRequest, code, `${refused(method)}: ${where}${why}`, cause);
}

function notFound(method: string, why: string): Refusal {
  return new Refusal(frameStatus.badRequest, "METHOD_NOT_FOUND", `${refused(method)}: ${why}`);
}

function unknownService({ path, version, method }: RequestHead, services: ServiceTable): Refusal {
  const offers = services.offers(path).join(", ") || "nothing of this interface";
  const why = `Not found exported service: ${quoted(`${path}:${version}`)}; offered: ${offers}`;
  return new Refusal(frameStatus.badRequest, "SERVICE_NOT_FOUND", `${refused(method)}: ${why}`);
}

function wrongGroup({ path, version }: RequestHead, group: string, services: ServiceTable): Refusal {
  const asked = quoted(`${group === "" ? "" : `${group}/`}${path}:${version}`);
  const offers = services.offers(path).join(", ");
  const why = `Not found exported service: ${asked} in [${offers}], may be version or group mismatch`;
  return new Refusal(
    frameStatus.serviceError,
    "SERVICE_NOT_FOUND",
    `org.apache.dubbo.remoting.RemotingException: ${why}`,
  );
}
