import { type RemoteException, RpcError } from "@dubbo-ts/core";
import { HessianReader, HessianWriter } from "@dubbo-ts/hessian2";
import { type JavaType, javaTypeName, type MessageNode, type MethodDefinition } from "@dubbo-ts/rpc";
import { hessian4, readRequest, readResponse, requireHessian, textField, wrap } from "./wrapper.js";

/** A request as it came in: its arguments, and how the answer is to be written. */
interface DecodedRequest {
  readonly args: readonly unknown[];
  /** The wrapper's `serializeType`, which is echoed; empty for protobuf. */
  readonly serializeType: string;
}

/**
 * How the messages of one method are written and read. All that write throw an RpcError ENCODE_FAILED, all that read
 * DECODE_FAILED.
 */
export interface MethodCodec {
  /** True where requests and answers are wrappers around Hessian 2: then exceptions can be answered as values. */
  readonly wrapped: boolean;
  /** All arguments, or the one message of a stream. */
  encodeRequest(args: readonly unknown[]): Buffer;
  decodeRequest(message: Buffer): DecodedRequest;
  encodeResponse(value: unknown, serializeType: string): Buffer;
  decodeResponse(message: Buffer): unknown;
}

const codecs = new WeakMap<MethodDefinition, MethodCodec>();

/** The codec of `method`: protobuf when its types are messages, else the wrapper (rpc-protocols 3.3). */
export function codecOf(method: MethodDefinition): MethodCodec {
  let codec = codecs.get(method);
  if (codec === undefined)
    codecs.set(method, (codec = isProtobuf(method) ? protobufCodec(method) : new WrapperCodec(method)));
  return codec;
}

function isProtobuf({ params, result }: MethodDefinition): boolean {
  return result.kind === "message" && params.length === 1 && params[0]?.kind === "message";
}

function protobufCodec({ params, result }: MethodDefinition): MethodCodec {
  const request = params[0] as JavaType & MessageNode;
  const response = result as JavaType & MessageNode;
  return {
    wrapped: false,
    encodeRequest: ([message]) => encoding(request, message),
    decodeRequest: (bytes) => ({ args: [decoding(request, bytes)], serializeType: "" }),
    encodeResponse: (message) => encoding(response, message),
    decodeResponse: (bytes) => decoding(response, bytes),
  };
}

function encoding(type: JavaType & MessageNode, value: unknown): Buffer {
  try {
    const bytes = type.encode(value);
    return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch (cause) {
    throw new RpcError("ENCODE_FAILED", `${type.className}: ${messageOf(cause)}`, {
      mayHaveRun: false,
      cause,
    });
  }
}

function decoding(type: JavaType & MessageNode, bytes: Buffer): unknown {
  try {
    return type.decode(bytes);
  } catch (cause) {
    throw new RpcError("DECODE_FAILED", `${type.className}: ${messageOf(cause)}`, { cause });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The serialize type and whatever else is the same in all answers of a method. */
type ResponseEnds = readonly [head: Buffer, tail: Buffer];

class WrapperCodec implements MethodCodec {
  readonly wrapped = true;
  readonly #returnsNothing: boolean;
  readonly #params: readonly JavaType[];
  readonly #result: JavaType;
  readonly #requestHead = textField(1, hessian4);
  readonly #requestTail: Buffer;
  readonly #responseTail: Buffer;
  readonly #responseEnds = new Map<string, ResponseEnds>();
  /** Out while it is used: a user's mapping of a value may itself make a call. */
  #idle: HessianWriter | undefined;

  constructor(method: MethodDefinition) {
    this.#params = method.params;
    this.#result = method.result;
    this.#requestTail = Buffer.concat(method.parameterTypes.map((name) => textField(3, name)));
    // Java names Object where nothing is returned.
    this.#returnsNothing = method.result.kind === "void";
    this.#responseTail = textField(
      3,
      this.#returnsNothing ? "java.lang.Object" : javaTypeName(method.result),
    );
  }

  encodeRequest(args: readonly unknown[]): Buffer {
    const streams = this.#writing((writer) =>
      this.#params.map((type, index) => {
        writer.reset();
        writer.write(type, args[index]);
        return writer.finish();
      }),
    );
    return wrap(this.#requestHead, streams, this.#requestTail);
  }

  decodeRequest(message: Buffer): DecodedRequest {
    const { serializeType, args } = readRequest(message);
    requireHessian(serializeType);
    return {
      args: args.map((stream, index) => {
        const type = this.#params[index];
        const reader = new HessianReader(stream);
        return type === undefined ? reader.readAny() : reader.read(type);
      }),
      serializeType,
    };
  }

  encodeResponse(value: unknown, serializeType: string): Buffer {
    const stream = this.#writing((writer) => {
      writer.reset();
      if (value === null || value === undefined) writer.writeNull();
      else writer.write(this.#result, value);
      return writer.finish();
    });
    return this.#response(stream, serializeType);
  }

  /** An answer whose data is an exception: the header `tri-exception-code` goes in front of it. */
  encodeException(error: RemoteException, serializeType: string): Buffer {
    const stream = this.#writing((writer) => {
      writer.reset();
      writer.writeThrowable(error);
      return writer.finish();
    });
    return this.#response(stream, serializeType);
  }

  decodeResponse(message: Buffer): unknown {
    const data = readResponse(message);
    if (this.#returnsNothing) return undefined;
    return data === undefined || data.length === 0 ? null : new HessianReader(data).read(this.#result);
  }

  #response(stream: Buffer, serializeType: string): Buffer {
    let ends = this.#responseEnds.get(serializeType);
    if (ends === undefined) {
      ends = [textField(1, serializeType), this.#responseTail];
      this.#responseEnds.set(serializeType, ends);
    }
    return wrap(ends[0], [stream], ends[1]);
  }

  #writing<T>(write: (writer: HessianWriter) => T): T {
    const writer = this.#idle ?? new HessianWriter();
    this.#idle = undefined;
    try {
      return write(writer);
    } finally {
      this.#idle = writer;
    }
  }
}

/** An exception as the answer of a wrapped method. */
export function encodeException(codec: MethodCodec, error: RemoteException, serializeType: string): Buffer {
  if (codec instanceof WrapperCodec) return codec.encodeException(error, serializeType);
  throw new TypeError("a protobuf method answers an exception with a status");
}

/** The exception in an answer that came with `tri-exception-code`. */
export function decodeException(message: Buffer): RemoteException {
  const data = readResponse(message);
  return new HessianReader(data ?? Buffer.from([0x4e])).readThrowable();
}
