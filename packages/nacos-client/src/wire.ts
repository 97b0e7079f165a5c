import { Metadata, type MethodDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs";

/**
 * The envelope of Nacos' gRPC protocol: `nacos_grpc_service.proto` of alibaba/nacos, which has no package, so the
 * paths have no prefix. The body is UTF-8 JSON; its `type` is the simple Java class name of the message.
 */
const proto = `
syntax = "proto3";
message Any { string type_url = 1; bytes value = 2; }
message Metadata { string type = 3; string clientIp = 8; map<string, string> headers = 7; }
message Payload { Metadata metadata = 2; Any body = 3; }
`;

const payloadType = protobuf.parse(proto, { keepCase: true }).root.lookupType("Payload");

/** A message as it travels: its type, what stands in the envelope, and the body before JSON. */
export interface Payload {
  /** `InstanceRequest`, `QueryServiceResponse` ... */
  readonly type: string;
  /** Authorization and the like; they travel in the envelope, not in the body. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined when the body was no JSON object: Nacos answers error code 502 to that. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/** The bytes of `payload`. */
export function encodePayload({ type, headers, body }: Payload): Buffer {
  const value = Buffer.from(JSON.stringify(body ?? {}), "utf8");
  const message = { metadata: { type, headers, clientIp: "127.0.0.1" }, body: { value } };
  return Buffer.from(payloadType.encode(message).finish());
}

/** The inverse of {@link encodePayload}. Throws when the bytes are no protobuf message. */
export function decodePayload(bytes: Uint8Array): Payload {
  const message = payloadType.decode(bytes) as unknown as {
    metadata?: { type?: string; headers?: Record<string, string> };
    body?: { value?: Uint8Array };
  };
  return {
    type: message.metadata?.type ?? "",
    headers: message.metadata?.headers ?? {},
    body: parseBody(message.body?.value),
  };
}

function parseBody(value: Uint8Array | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const body: unknown = JSON.parse(Buffer.from(value ?? []).toString("utf8"));
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function method<S extends boolean>(path: string, stream: S): MethodDefinition<Payload, Payload> {
  return {
    path,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: encodePayload,
    requestDeserialize: decodePayload,
    responseSerialize: encodePayload,
    responseDeserialize: decodePayload,
  };
}

/** The two methods that servers from 2.0 on have, as `@grpc/grpc-js` takes them, for a client and for a server. */
export const nacosService = {
  /** Unary: every request of the client. */
  request: method("/Request/request", false),
  /** Both ways: the set-up and answers to pushes go up, pushes come down. */
  stream: method("/BiRequestStream/requestBiStream", true),
} as const;

/** No gRPC metadata: Nacos has its headers in the envelope. */
export const noMetadata = new Metadata();
