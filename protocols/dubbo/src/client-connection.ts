import type { Socket } from "node:net";
import { type Clock, type Logger, RpcError } from "@dubbo-ts/core";
import { type Invocation, isTlsAlert } from "@dubbo-ts/rpc";
import { CallTable } from "./call-table.js";
import type { DeadlineWheel } from "./deadline-wheel.js";
import { eventResponse, heartbeatRequest, readEvent } from "./event.js";
import { type Frame, frameFlags, type FrameHeader, frameStatus } from "./frame.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import { type BatchBuffers, FrameWriter } from "./frame-writer.js";
import type { DubboSettings } from "./options.js";
import { type CallOwner, PendingCall } from "./pending-call.js";
import type { RequestEncoder } from "./request-encoder.js";
import { decodeResponse } from "./response-decoder.js";
import { type ResponseEncoder, tooLong } from "./response-encoder.js";
import { Silence } from "@dubbo-ts/rpc";
import type { Sweep, Swept } from "@dubbo-ts/rpc";

/** What the connections of a protocol's consumer side share. */
export interface ClientContext {
  readonly settings: DubboSettings;
  readonly encoder: RequestEncoder;
  /** For providers that call back, which is refused. */
  readonly refusals: ResponseEncoder;
  readonly buffers: BatchBuffers;
  readonly wheel: DeadlineWheel;
  readonly sweep: Sweep;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/**
 * One open connection to a provider, with any number of calls on it. Ids: the first half is drawn once, the last
 * counts, so an answer is found by a number and checked by both (rpc-protocols 1.1).
 */
export class ClientConnection implements FrameSink, CallOwner, Swept {
  readonly #parser: FrameParser;
  readonly #writer: FrameWriter;
  readonly #silence: Silence;
  readonly #calls: CallTable;
  /** One-way calls in the batch that is not written yet. */
  #oneways: PendingCall[] = [];
  readonly #idHigh: number;
  #leaving = false;
  #lost = false;
  #onDrained: (() => void) | undefined;
  #onHeard: (() => void) | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly peer: string,
    private readonly context: ClientContext,
    private readonly onLost: (error: RpcError) => void,
  ) {
    const { settings, random, buffers } = context;
    this.#idHigh = (random() * 0x7fff_ffff) | 0;
    this.#calls = new CallTable((random() * 0x7fff_ffff) | 0);
    this.#parser = new FrameParser(this, settings.maxPayloadBytes);
    this.#writer = new FrameWriter(socket, buffers, this.#onWritten);
    this.#silence = new Silence(settings);
    socket.on("data", this.#onData);
    socket.on("error", (error) => this.lose(`connection broke: ${error.message}`, error));
    socket.on("end", () => this.lose("connection closed by the provider"));
    socket.on("close", () => this.lose("connection closed"));
    context.sweep.add(this);
  }

  /** False when the provider said that it is leaving, or is silent: calls should go elsewhere, for now at least. */
  get willing(): boolean {
    return !this.#leaving && !this.#silence.suspicious;
  }

  /** Sends a call and waits for its answer. */
  call(invocation: Invocation): Promise<unknown> {
    return new Promise((resolve, reject) => this.#send(invocation, resolve, reject));
  }

  /** Resolves when the provider has given a sign of life, or the connection is lost. */
  probe(): Promise<void> {
    if (this.#lost) return Promise.resolve();
    this.#heartbeat();
    return new Promise((resolve) => {
      this.#onHeard = resolve;
    });
  }

  /** Resolves when no call is in flight any more. */
  drained(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onDrained = resolve;
    });
  }

  /** The connection is of no use any more: all its calls fail, at once. */
  lose(why: string, cause?: unknown, code: "CONNECTION_LOST" | "CONNECT_FAILED" = "CONNECTION_LOST"): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#parser.stop();
    this.context.sweep.delete(this);
    const written = this.#writer.batch;
    this.socket.destroy();
    const wasOpen = code === "CONNECTION_LOST";
    this.onLost(new RpcError(code, why, { peer: this.peer, mayHaveRun: wasOpen, cause }));
    for (const call of [...this.#calls, ...this.#oneways]) {
      const mayHaveRun = wasOpen && call.batch < written;
      this.#reject(call, new RpcError(code, why, { peer: this.peer, mayHaveRun, cause }));
    }
    this.#oneways = [];
    this.#onHeard?.();
  }

  /** Writes what is left, then closes. */
  close(): void {
    this.#writer.flush();
    this.socket.end();
    this.lose("connection closed by this side");
  }

  sweep(elapsedMs: number): void {
    const verdict = this.#silence.sweep(elapsedMs, this.#calls.size > 0);
    if (verdict === "dead") this.lose(`nothing was heard for ${this.context.settings.silenceMs} ms`);
    else if (verdict === "ask") this.#heartbeat();
  }

  onFrame(frame: Frame): void {
    if ((frame.flags & frameFlags.request) !== 0) this.#onRequest(frame);
    else if ((frame.flags & frameFlags.event) === 0) this.#onResponse(frame);
  }

  onOversized(header: FrameHeader): void {
    const { maxPayloadBytes } = this.context.settings;
    if ((header.flags & frameFlags.request) !== 0) return;
    const call = this.#take(header);
    if (call === undefined) return;
    this.#reject(
      call,
      new RpcError("PAYLOAD_TOO_LARGE", tooLong(header.length, maxPayloadBytes), { peer: this.peer }),
    );
  }

  onExpired(call: PendingCall): void {
    const mayHaveRun = call.batch < this.#writer.batch;
    this.#calls.take(call.idLow);
    this.#reject(call, timeout(call.invocation, this.peer, mayHaveRun));
  }

  onAborted(call: PendingCall): void {
    this.#calls.take(call.idLow);
    this.#reject(call, call.invocation.signal?.reason);
  }

  #send(invocation: Invocation, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    const { wheel, encoder, clock } = this.context;
    const { signal, deadlineMs } = invocation;
    const remainingMs = deadlineMs === Infinity ? Infinity : deadlineMs - clock.monotonicMs();
    if (signal?.aborted) return reject(signal.reason);
    if (remainingMs <= 0) return reject(timeout(invocation, this.peer, false));
    const idLow = this.#calls.nextId();
    let frame: Buffer;
    try {
      frame = encoder.encode(invocation, this.#idHigh, idLow, remainingMs);
    } catch (error) {
      return reject(error);
    }
    const batch = this.#writer.append(frame);
    if (invocation.oneway && batch < this.#writer.batch) return resolve(undefined);
    const call = new PendingCall(this, invocation, idLow, batch, resolve, reject);
    if (invocation.oneway) {
      this.#oneways.push(call);
      return;
    }
    this.#silence.asked();
    this.#calls.add(call);
    wheel.add(call);
    if (signal !== undefined) call.listen(signal);
  }

  #heartbeat(): void {
    this.#silence.asked();
    this.#writer.append(heartbeatRequest(this.#idHigh, this.#calls.nextId()));
  }

  readonly #onData = (chunk: Buffer) => {
    this.#silence.heard();
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#onMalformed(chunk, error);
    }
    this.#onHeard?.();
    this.#onHeard = undefined;
  };

  /** A provider that wants TLS says so in the only bytes that ever come from it: it has read no call. */
  #onMalformed(chunk: Buffer, error: unknown): void {
    if (this.#parser.frames === 0 && isTlsAlert(chunk))
      return this.lose("no connection: the provider wants TLS", error, "CONNECT_FAILED");
    const why = error instanceof Error ? error.message : String(error);
    this.context.log.warn({ peer: this.peer, code: "FRAME_INVALID" }, `dubbo connection closed: ${why}`);
    this.lose(why, error);
  }

  readonly #onWritten = () => {
    if (this.#oneways.length === 0) return;
    const written = this.#oneways;
    this.#oneways = [];
    for (const call of written) call.resolve(undefined);
  };

  #onRequest(frame: Frame): void {
    const { flags } = frame;
    if ((flags & frameFlags.event) === 0) return this.#refuseCallback(frame);
    const event = readEvent(frame);
    if (event === "readOnly") this.#leaving = true;
    else if (event === "writable") this.#leaving = false;
    if ((flags & frameFlags.twoWay) !== 0) this.#writer.append(eventResponse(frame));
  }

  /** A provider calls an argument that is a callback (rpc-protocols 1.12): nobody sends such arguments from here. */
  #refuseCallback(frame: Frame): void {
    if ((frame.flags & frameFlags.twoWay) === 0) return;
    const text = "this consumer exports no callbacks";
    this.#writer.append(this.context.refusals.status(frame, frameStatus.badRequest, text));
  }

  #onResponse(frame: Frame): void {
    const call = this.#take(frame);
    if (call === undefined) return; // came after its deadline
    try {
      this.#settle(call, frame);
    } catch (error) {
      this.#reject(call, error);
    }
  }

  #settle(call: PendingCall, frame: Frame): void {
    const { methodDefinition, responseAttachments } = call.invocation;
    const { value, error, attachments } = decodeResponse(frame, methodDefinition.result, this.peer);
    if (attachments.size > 0) {
      for (const [name, text] of attachments) responseAttachments.set(name, text);
      // dubbo-go says so in its answers, and only there (rpc-protocols 1.10).
      if (attachments.get("closing") === "true") this.#leaving = true;
    }
    if (error !== undefined) return this.#reject(call, error);
    this.#finish(call);
    call.resolve(value);
  }

  #take({ idHigh, idLow }: FrameHeader): PendingCall | undefined {
    return idHigh === this.#idHigh ? this.#calls.take(idLow) : undefined;
  }

  #reject(call: PendingCall, error: unknown): void {
    this.#calls.take(call.idLow);
    this.#finish(call);
    call.reject(error);
  }

  /** The call was taken from the map; its deadline and its signal are of no interest any more. */
  #finish(call: PendingCall): void {
    this.context.wheel.remove(call);
    call.unlisten();
    if (this.#calls.size === 0) this.#onDrained?.();
  }
}

/** The error of a call that took too long. */
export function timeout({ service, method }: Invocation, peer: string, mayHaveRun: boolean): RpcError {
  const what = `${service.text}.${method} was not answered within its deadline`;
  return new RpcError("CALL_TIMEOUT", what, { peer, mayHaveRun });
}
