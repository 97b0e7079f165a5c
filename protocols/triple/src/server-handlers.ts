import { hasCode, type RemoteException } from "@dubbo-ts/core";
import { asCallError, isAsyncIterable, type MethodKind } from "@dubbo-ts/rpc";
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { writeAttachments } from "./attachment-headers.js";
import { statusOfError } from "./call-errors.js";
import { codecOf, encodeException, type MethodCodec } from "./method-codec.js";
import {
  headerOf,
  type IncomingCall,
  type ServeContext,
  ServedCall,
  type Target,
  targetOf,
} from "./served-call.js";
import { bizErrorStatus, Status } from "./status.js";
import { detailsHeader, encodeDetails } from "./status-details.js";
import { textField } from "./wrapper.js";

/** Says that the answer is an exception of the method (rpc-protocols 3.3). */
const exceptional = new Metadata();
exceptional.set("tri-exception-code", "3");

/** What grpc-js calls the kinds of methods. */
export const handlerTypes = {
  unary: "unary",
  serverStream: "serverStream",
  clientStream: "clientStream",
  bidiStream: "bidi",
} as const satisfies Record<MethodKind, string>;

/** The status with which a call fails. */
interface Failure {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** The handlers of one path. Which service and method it is, headers say: versions and groups share paths. */
export class MethodHandlers {
  constructor(
    private readonly serviceInterface: string,
    private readonly method: string,
    private readonly context: ServeContext,
  ) {}

  readonly unary: handleUnaryCall<Buffer, Buffer> = (call, answer) => {
    let target: Target;
    let codec: MethodCodec;
    let serializeType: string;
    let served: ServedCall;
    try {
      target = this.#target(call);
      codec = codecOf(target.found.definition);
      const request = codec.decodeRequest(call.request);
      serializeType = request.serializeType;
      served = new ServedCall(target, request.args, call, this.context);
    } catch (error) {
      return answer(failureOf(error, call, undefined));
    }
    call.on("cancelled", () => served.cancel());
    served.run(target.service).then(
      (value) => {
        served.end();
        reply(call, answer, served, () => encodeResult(call, codec, value, serializeType));
      },
      (error: unknown) => {
        served.end();
        if (isException(error) && codec.wrapped && !isGo(call)) {
          call.sendMetadata(exceptional);
          reply(call, answer, served, () => encodeException(codec, error, serializeType));
        } else fail(answer, failureOf(error, call, served));
      },
    );
  };

  readonly clientStream: handleClientStreamingCall<Buffer, Buffer> = (call, answer) => {
    let target: Target;
    try {
      target = this.#target(call);
    } catch (error) {
      return answer(failureOf(error, call, undefined));
    }
    const codec = codecOf(target.found.definition);
    const incoming = new IncomingMessages(call, codec);
    const served = new ServedCall(target, [incoming.read()], call, this.context);
    call.on("cancelled", () => served.cancel());
    served.run(target.service).then(
      (value) => {
        served.end();
        reply(call, answer, served, () => codec.encodeResponse(value, incoming.serializeType));
      },
      (error: unknown) => {
        served.end();
        fail(answer, failureOf(error, call, served));
      },
    );
  };

  readonly serverStream: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    let target: Target;
    let served: ServedCall;
    let serializeType: string;
    try {
      target = this.#target(call);
      const request = codecOf(target.found.definition).decodeRequest(call.request);
      serializeType = request.serializeType;
      served = new ServedCall(target, request.args, call, this.context);
    } catch (error) {
      return void call.emit("error", failureOf(error, call, undefined));
    }
    this.#stream(call, target, served, () => serializeType);
  };

  readonly bidiStream: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    let target: Target;
    try {
      target = this.#target(call);
    } catch (error) {
      return void call.emit("error", failureOf(error, call, undefined));
    }
    const incoming = new IncomingMessages(call, codecOf(target.found.definition));
    const served = new ServedCall(target, [incoming.read()], call, this.context);
    this.#stream(call, target, served, () => incoming.serializeType);
  };

  #stream(call: OutgoingStream, target: Target, served: ServedCall, serializeType: () => string): void {
    const codec = codecOf(target.found.definition);
    call.on("cancelled", () => served.cancel());
    const encode = (value: unknown) => codec.encodeResponse(value, serializeType());
    sendAll(call, target, served, encode).then(
      () => {
        served.end();
        call.end(trailersOf(served));
      },
      (error: unknown) => {
        served.end();
        call.emit("error", failureOf(error, call, served));
      },
    );
  }

  #target(call: IncomingCall): Target {
    const header = (name: string) => headerOf(call.metadata, name);
    return targetOf(this.context.services, this.serviceInterface, this.method, header);
  }
}

/** What both kinds of answering streams have. */
interface OutgoingStream extends IncomingCall {
  write(message: Buffer): boolean;
  end(trailers?: Metadata): unknown;
  emit(event: "error", failure: Failure): boolean;
  on(event: "cancelled", listener: () => void): unknown;
  once(event: "drain", listener: () => void): unknown;
  off(event: "drain", listener: () => void): unknown;
}

/** What both kinds of streams from consumers have. */
interface IncomingStream {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<Buffer>;
}

/** The messages of a consumer, decoded as they are read. */
class IncomingMessages {
  /** As the first message had it. */
  serializeType = "hessian4";

  constructor(
    private readonly messages: IncomingStream,
    private readonly codec: MethodCodec,
  ) {}

  async *read(): AsyncGenerator<unknown, void, undefined> {
    // By itself Node would close both directions when one has been read to its end.
    for await (const message of this.messages.iterator({ destroyOnReturn: false })) {
      const { args, serializeType } = this.codec.decodeRequest(message);
      this.serializeType = serializeType;
      yield args[0];
    }
  }
}

/** Sends what the method gives, as fast as the consumer reads; a cancelled call ends the method's stream. */
async function sendAll(
  call: OutgoingStream,
  { service }: Target,
  served: ServedCall,
  encode: (value: unknown) => Buffer,
): Promise<void> {
  const stream = await served.run(service);
  if (!isAsyncIterable(stream)) throw new TypeError("the method gave no stream");
  const signal = served.invocation.signal as AbortSignal;
  const iterator = stream[Symbol.asyncIterator]();
  const stop = () => end(iterator);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true || signal.aborted) return;
      if (!call.write(encode(next.value))) await drained(call, signal);
    }
  } catch (error) {
    end(iterator);
    throw asCallError(error);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function end(iterator: AsyncIterator<unknown>): void {
  // A generator that is waiting ends when it goes on, and nobody waits for that.
  iterator.return?.().then(
    () => {},
    () => {},
  );
}

/** Resolves when the consumer has read on, or is gone. */
function drained(call: OutgoingStream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    call.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}

function reply(
  call: IncomingCall,
  callback: sendUnaryData<Buffer>,
  served: ServedCall,
  encode: () => Buffer,
): void {
  let bytes: Buffer;
  try {
    bytes = encode();
  } catch (error) {
    return callback(failureOf(error, call, served));
  }
  callback(null, bytes, trailersOf(served));
}

function fail(answer: sendUnaryData<Buffer>, failure: Failure): void {
  answer(failure);
}

/** Response attachments travel in the trailers, as Java has them. */
function trailersOf({ invocation }: ServedCall): Metadata | undefined {
  const { responseAttachments } = invocation;
  if (responseAttachments.size === 0) return undefined;
  const trailers = new Metadata();
  writeAttachments(responseAttachments, trailers, () => {});
  return trailers;
}

function isException(error: unknown): error is RemoteException {
  return hasCode(error, "REMOTE_EXCEPTION");
}

/** dubbo-go reads no null in a wrapper (peers GB4), but takes one without data for null, void included. */
function encodeResult(call: IncomingCall, codec: MethodCodec, value: unknown, serializeType: string): Buffer {
  const isNull = codec.wrapped && (value === null || value === undefined);
  return isNull && isGo(call) ? textField(1, serializeType) : codec.encodeResponse(value, serializeType);
}

/** dubbo-go hands an exception out as the value (peers GB4): it is told by a status. */
function isGo(call: IncomingCall): boolean {
  return headerOf(call.metadata, "user-agent").startsWith("grpc-go-triple");
}

function failureOf(error: unknown, call: IncomingCall, served: ServedCall | undefined): Failure {
  const callError = asCallError(error);
  const trailers = served === undefined ? undefined : trailersOf(served);
  const metadata = trailers ?? new Metadata();
  const code = statusFor(callError, call);
  const details = printable(
    isException(callError) ? (callError.detail ?? callError.className) : callError.message,
  );
  if (isException(callError)) {
    metadata.set(detailsHeader, encodeDetails(code, details, callError.className));
  }
  return { code, details, metadata };
}

/** 17 means to dubbo-go that a call is not to be repeated; Java cannot read it. */
function statusFor(error: unknown, call: IncomingCall): number {
  const code = statusOfError(error);
  if (code !== Status.UNKNOWN && code !== bizErrorStatus) return code;
  return isException(error) && isGo(call) ? bizErrorStatus : Status.UNKNOWN;
}

const maxDetails = 8_000;
const maxEncodedDetails = 16_000;

/** Percent-encoding refuses half surrogates, and headers must not be endless. */
function printable(text: string): string {
  const whole = text.slice(0, maxDetails).replace(/\p{Surrogate}/gu, "\ufffd");
  return encodeURI(whole).length > maxEncodedDetails
    ? whole.slice(0, 1_700).replace(/\p{Surrogate}/gu, "")
    : whole;
}
