import { hasCode, RpcError } from "@dubbo-ts/core";
import { type Invocation, isAsyncIterable } from "@dubbo-ts/rpc";
import type { Channel, InterceptingListener, Metadata, StatusObject } from "@grpc/grpc-js";
import { readAttachments } from "./attachment-headers.js";
import { errorOfStatus } from "./call-errors.js";
import { codecOf, decodeException, type MethodCodec } from "./method-codec.js";
import type { RunningCall } from "./running-calls.js";
import { Status } from "./status.js";

/** A call of grpc-js, below its client stubs: those make an error with a stack, and emitters, for every call. */
export type GrpcCall = ReturnType<Channel["createCall"]>;

/** Who is told of what a call meets. */
export interface CallOwner {
  readonly peer: string;
  /** Something came from the provider. */
  onHeard(): void;
  /** The call is over; nothing more comes of it. */
  onOver(call: ClientCall): void;
}

/** Says that the answer is an exception: 3 for what the method threw (rpc-protocols 3.3). */
const exceptionHeader = "tri-exception-code";

/** A call on its way: what unary calls and streams have in common. */
export abstract class ClientCall implements InterceptingListener, RunningCall {
  place = -1;
  protected readonly codec: MethodCodec;
  #exceptional = false;
  #over = false;
  #onAbort: (() => void) | undefined;

  constructor(
    protected readonly owner: CallOwner,
    protected readonly call: GrpcCall,
    protected readonly invocation: Invocation,
  ) {
    this.codec = codecOf(invocation.methodDefinition);
  }

  /** Sends the request: the first message, unless messages stream out. */
  abstract begin(metadata: Metadata, request: Buffer | undefined): void;
  protected abstract onMessage(value: unknown): void;
  /** The call has ended; with undefined it ended well. */
  protected abstract onEnd(error: unknown): void;

  /** Ends the call here, with this error, and tells the provider. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#finish();
    this.call.cancelWithStatus(Status.CANCELLED, "cancelled by the consumer");
    this.onEnd(error);
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.owner.onHeard();
    const [code] = metadata.get(exceptionHeader);
    this.#exceptional = code !== undefined && code !== "0";
  }

  onReceiveMessage(message: unknown): void {
    this.owner.onHeard();
    if (this.#over || !Buffer.isBuffer(message)) return;
    try {
      if (this.#exceptional) this.fail(asTimeout(decodeException(message), this.owner.peer));
      else this.onMessage(this.codec.decodeResponse(message));
    } catch (error) {
      this.fail(error);
    }
  }

  onReceiveStatus(status: StatusObject): void {
    const { metadata } = status;
    if (this.#over) return;
    this.#finish();
    const { responseAttachments } = this.invocation;
    for (const [name, text] of readAttachments(metadata)) responseAttachments.set(name, text);
    if (status.code === Status.OK) {
      this.owner.onHeard();
      this.onEnd(undefined);
    } else this.onEnd(errorOfStatus(status, this.owner.peer));
  }

  /** Listens to the caller's signal until the call is over. */
  protected listen(): void {
    const { signal } = this.invocation;
    if (signal === undefined) return;
    this.#onAbort = () => this.fail(signal.reason);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  protected get over(): boolean {
    return this.#over;
  }

  #finish(): void {
    this.#over = true;
    if (this.#onAbort !== undefined) this.invocation.signal?.removeEventListener("abort", this.#onAbort);
    this.owner.onOver(this);
  }
}

/** A provider's own timeout is told as an exception by Java (recorded: wrapped-timeout). */
function asTimeout(error: unknown, peer: string): unknown {
  if (!hasCode(error, "REMOTE_EXCEPTION")) return error;
  const { className = "" } = error as { className?: string };
  if (!className.endsWith(".HttpRequestTimeout")) return error;
  return new RpcError("CALL_TIMEOUT", "the provider stopped waiting for its method", { peer, cause: error });
}

/** One request, one answer. */
export class UnaryCall extends ClientCall {
  #value: unknown;
  #answered = false;

  constructor(
    owner: CallOwner,
    call: GrpcCall,
    invocation: Invocation,
    private readonly resolve: (value: unknown) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    super(owner, call, invocation);
  }

  begin(metadata: Metadata, request: Buffer): void {
    this.call.start(metadata, this);
    this.call.startRead();
    this.call.sendMessageWithContext({}, request);
    this.call.halfClose();
    this.listen();
  }

  protected onMessage(value: unknown): void {
    if (this.#answered)
      throw new RpcError("DECODE_FAILED", "more than one answer", { peer: this.owner.peer });
    this.#value = value;
    this.#answered = true;
    this.call.startRead();
  }

  protected onEnd(error: unknown): void {
    if (error !== undefined) this.reject(error);
    else if (this.#answered) this.resolve(this.#value);
    else this.reject(new RpcError("DECODE_FAILED", "the answer is empty", { peer: this.owner.peer }));
  }
}

/** Messages that the program gave are gone, whether the provider saw them or not. */
function begun(error: unknown): unknown {
  if (!(error instanceof RpcError) || error.mayHaveRun) return error;
  return new RpcError(error.code, error.message, { cause: error });
}

/** Any number of messages to the provider, from it, or both. */
export class StreamCall extends ClientCall implements AsyncIterableIterator<unknown, void> {
  readonly #streamsIn: boolean;
  /** Messages that nobody asked for yet: at most one, since each is asked of the wire by a reader. */
  readonly #received: unknown[] = [];
  #waiting:
    | { resolve(result: IteratorResult<unknown, void>): void; reject(error: unknown): void }
    | undefined;
  #ended: { readonly error: unknown } | undefined;
  #reading = false;
  #settled = false;
  /** The program was asked for a message: the call cannot be made again elsewhere. */
  #pulled = false;
  #outgoing: AsyncIterator<unknown> | undefined;
  #onWritten: (() => void) | undefined;

  constructor(
    owner: CallOwner,
    call: GrpcCall,
    invocation: Invocation,
    private readonly resolve: (value: unknown) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    super(owner, call, invocation);
    const { kind } = invocation.methodDefinition;
    this.#streamsIn = kind === "serverStream" || kind === "bidiStream";
  }

  begin(metadata: Metadata, request: Buffer | undefined): void {
    this.call.start(metadata, this);
    this.#read();
    this.listen();
    if (request === undefined) void this.#pump(this.invocation.args[0]);
    else {
      this.call.sendMessageWithContext({}, request);
      this.call.halfClose();
    }
  }

  override onReceiveMetadata(metadata: Metadata): void {
    super.onReceiveMetadata(metadata);
    if (this.#streamsIn && metadata.get(exceptionHeader).length === 0) this.#settle();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, void>> {
    if (this.#received.length > 0) {
      const value = this.#received.shift();
      return Promise.resolve({ value, done: false });
    }
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      this.#ended = { error: undefined };
      return error === undefined
        ? Promise.resolve({ value: undefined, done: true })
        : Promise.reject(error as Error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#read();
    });
  }

  /** The reader has had enough: the provider is told. */
  return(): Promise<IteratorResult<unknown, void>> {
    this.fail(undefined);
    this.#received.length = 0;
    this.#ended = { error: undefined };
    return Promise.resolve({ value: undefined, done: true });
  }

  protected onMessage(value: unknown): void {
    this.#reading = false;
    this.#settle();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) waiting.resolve({ value, done: false });
    else this.#received.push(value);
    // A single answer is complete with the status behind it.
    if (!this.#streamsIn) this.#read();
  }

  protected onEnd(failure: unknown): void {
    const error = this.#pulled ? begun(failure) : failure;
    this.#onWritten?.();
    this.#stopOutgoing();
    if (!this.#settled) this.#settleEnded(error);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#ended = { error };
    else {
      this.#ended = { error: undefined };
      if (error === undefined) waiting.resolve({ value: undefined, done: true });
      else waiting.reject(error);
    }
  }

  /** The provider has begun to answer: from here on what happens is the stream's. */
  #settle(): void {
    if (this.#settled || !this.#streamsIn) return;
    this.#settled = true;
    this.resolve(this);
  }

  #settleEnded(error: unknown): void {
    this.#settled = true;
    if (error !== undefined) this.reject(error);
    else if (this.#streamsIn) this.resolve(this);
    else if (this.#received.length === 1) this.resolve(this.#received[0]);
    else this.reject(new RpcError("DECODE_FAILED", "not one answer", { peer: this.owner.peer }));
  }

  #read(): void {
    if (this.#reading || this.over) return;
    this.#reading = true;
    this.call.startRead();
  }

  /** Sends what the program gives, each message when the one before it was taken by the wire. */
  async #pump(messages: unknown): Promise<void> {
    if (!isAsyncIterable(messages)) return this.fail(new TypeError("expected an async iterable of messages"));
    try {
      this.#outgoing = messages[Symbol.asyncIterator]();
      for (;;) {
        this.#pulled = true;
        const { value, done } = await this.#outgoing.next();
        if (this.over) return this.#stopOutgoing();
        if (done === true) break;
        await this.#send(this.codec.encodeRequest([value]));
      }
      this.#outgoing = undefined;
      this.call.halfClose();
    } catch (error) {
      this.#outgoing = undefined;
      this.fail(error);
    }
  }

  #send(message: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#onWritten = resolve;
      this.call.sendMessageWithContext({ callback: () => resolve() }, message);
    });
  }

  #stopOutgoing(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = undefined;
    // Its own errors are its own: nobody listens any more.
    outgoing?.return?.().then(
      () => {},
      () => {},
    );
  }
}
