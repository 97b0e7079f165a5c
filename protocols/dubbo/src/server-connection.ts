import type { Socket } from "node:net";
import type { Clock, Logger } from "@dubbo-ts/core";
import type { Invocation, Peer } from "@dubbo-ts/rpc";
import { eventResponse, readOnlyEvent } from "./event.js";
import { type Frame, frameFlags, type FrameHeader, frameStatus, hessian2Id } from "./frame.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import { type BatchBuffers, FrameWriter } from "./frame-writer.js";
import type { DubboSettings } from "./options.js";
import { type DecodedRequest, decodeRequest, takesAttachments } from "./request-decoder.js";
import { type ResponseEncoder, type ResponseTarget, tooLong } from "./response-encoder.js";
import type { ServiceTable } from "./service-table.js";
import type { Swept } from "@dubbo-ts/rpc";

/** What the connections of a server share. */
export interface ServerContext {
  readonly settings: DubboSettings;
  readonly services: ServiceTable;
  readonly encoder: ResponseEncoder;
  readonly buffers: BatchBuffers;
  readonly clock: Clock;
  readonly log: Logger;
  /** The provider is leaving: answers say so. */
  isClosing(): boolean;
  /** A call has begun (+1) or was answered (-1). */
  onCalls(change: number): void;
  onClosed(connection: ServerConnection): void;
}

/** A peer that does not read its answers: above this backlog nothing more is read from it. */
const maxBacklogBytes = 4 * 1024 * 1024;
/** An unfinished frame gets a second more for so many missing bytes: 128 kbit/s is slow, less is a trick. */
const slowBytesPerSecond = 16 * 1024;
/** As dubbo-go does while it stops: consumers leave at once (peers G7). */
const closingAttachment: readonly [string, string] = ["closing", "true"];

/** One accepted socket: reads requests, has them run, writes the answers in whatever order they come. */
export class ServerConnection implements FrameSink, Swept {
  readonly #parser: FrameParser;
  readonly #writer: FrameWriter;
  readonly #address: string;
  #calls = 0;
  #heard = true;
  #idleMs = 0;
  #partialMs = 0;
  #framesSeen = 0;
  #eventId = 0;

  constructor(
    private readonly socket: Socket,
    private readonly context: ServerContext,
  ) {
    this.#address = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? 0}`;
    this.#parser = new FrameParser(this, context.settings.maxPayloadBytes);
    this.#writer = new FrameWriter(socket, context.buffers, this.#throttle);
    socket.setNoDelay(true);
    socket.on("error", (error) =>
      context.log.debug({ peer: this.#address, error: error.message }, "dubbo connection broke"),
    );
    socket.on("close", this.#onClose);
    socket.on("end", () => this.close());
    socket.on("drain", this.#throttle);
    socket.on("data", this.#onData);
    if (context.isClosing()) this.announceClosing();
  }

  /** Tells the consumer that this provider is leaving. */
  announceClosing(): void {
    this.#eventId += 1;
    this.#writer.append(readOnlyEvent(0, this.#eventId));
  }

  /** Sends what was written, then closes; answers of calls that still run are lost. */
  close(): void {
    this.#parser.stop();
    this.#writer.flush();
    this.socket.end();
    // What still comes is read and dropped: closing on unread bytes would make the system reset the connection,
    // and the peer would lose answers that it has not read yet.
    this.socket.resume();
  }

  /** Closes without waiting for the peer to take what was written. */
  destroy(): void {
    this.#parser.stop();
    this.socket.destroy();
  }

  /** Closes a consumer that is gone, and one that keeps a frame unfinished. */
  sweep(elapsedMs: number): void {
    const { heartbeatMs, frameTimeoutMs } = this.context.settings;
    this.#idleMs = this.#heard ? 0 : this.#idleMs + elapsedMs;
    this.#heard = false;
    // Three heartbeats, as Java (`heartbeat.timeout`).
    if (this.#idleMs >= 3 * heartbeatMs) {
      this.context.log.info(
        { peer: this.#address },
        "dubbo connection closed: nothing is heard from the consumer",
      );
      return this.destroy();
    }
    const missing = this.#parser.missingBytes;
    const same = missing > 0 && this.#parser.frames === this.#framesSeen;
    this.#framesSeen = this.#parser.frames;
    this.#partialMs = same ? this.#partialMs + elapsedMs : 0;
    if (this.#partialMs > frameTimeoutMs + (missing / slowBytesPerSecond) * 1_000) {
      this.#kill(`a frame stayed unfinished: ${missing} bytes are missing`);
    }
  }

  onFrame(frame: Frame): void {
    const { flags } = frame;
    if ((flags & frameFlags.request) === 0) return; // answers a question that was never asked, or our events
    if ((flags & frameFlags.event) !== 0) {
      if ((flags & frameFlags.twoWay) !== 0) this.#writer.append(eventResponse(frame));
    } else if ((flags & frameFlags.serialization) === hessian2Id) this.#serve(frame);
    else this.#refuseSerialization(frame);
  }

  onOversized(header: FrameHeader): void {
    const { maxPayloadBytes } = this.context.settings;
    // Java's lengths are signed: nobody means this one, and skipping it would take for ever.
    if (header.length > 0x7fff_ffff) return this.#kill(`frame of ${header.length} bytes (FRAME_INVALID)`);
    if ((header.flags & frameFlags.request) === 0) return;
    this.#answer(header, frameStatus.badRequest, tooLong(header.length, maxPayloadBytes));
  }

  readonly #onData = (chunk: Buffer) => {
    this.#heard = true;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#kill(error instanceof Error ? error.message : String(error));
    }
  };

  readonly #onClose = () => {
    this.#parser.stop();
    this.context.onClosed(this);
  };

  /** Reads on only while calls and backlog are bounded. */
  readonly #throttle = () => {
    const full = this.#calls >= this.context.settings.maxCallsPerConnection;
    if (full || this.socket.writableLength > maxBacklogBytes) this.socket.pause();
    else if (this.socket.isPaused()) this.socket.resume();
  };

  #serve(frame: Frame): void {
    let request: DecodedRequest;
    try {
      request = decodeRequest(frame, this.context.services);
    } catch (error) {
      this.context.log.debug(
        { peer: this.#address, error: (error as Error).message },
        "dubbo request refused",
      );
      this.#fail(frame, { ...idOf(frame), withAttachments: false }, error, new Map());
      return;
    }
    this.#run(frame, request);
  }

  #run(frame: Frame, request: DecodedRequest): void {
    const oneway = (frame.flags & frameFlags.twoWay) === 0;
    const invocation = this.#invocation(request, oneway);
    const target = { ...idOf(frame), withAttachments: takesAttachments(request.protocolVersion) };
    this.#calls += 1;
    this.context.onCalls(1);
    if (this.#calls >= this.context.settings.maxCallsPerConnection) this.#throttle();
    invoke(request, invocation).then(
      (value) => {
        this.#done();
        if (!oneway) this.#reply(target, invocation, value);
      },
      (error: unknown) => {
        this.#done();
        this.#fail(frame, target, error, invocation.responseAttachments);
      },
    );
  }

  #invocation(request: DecodedRequest, oneway: boolean): Invocation {
    const { service, method, methodDefinition, args, attachments } = request;
    const peer: Peer = { address: this.#address, application: attachments.get("remote.application") };
    return {
      service: service.key,
      definition: service.definition,
      method,
      methodDefinition,
      args,
      attachments,
      responseAttachments: new Map(),
      deadlineMs: this.#deadline(attachments),
      signal: undefined,
      oneway,
      peer,
    };
  }

  /** dubbo-go sends timeout 0 for "not told" (peers G4); `_TO` is the rest of a budget (rpc-protocols 1.10). */
  #deadline(attachments: ReadonlyMap<string, string>): number {
    const timeoutMs = Number(attachments.get("_TO") ?? attachments.get("_to") ?? attachments.get("timeout"));
    return timeoutMs > 0 ? this.context.clock.monotonicMs() + timeoutMs : Infinity;
  }

  #done(): void {
    this.#calls -= 1;
    this.context.onCalls(-1);
    if (this.socket.isPaused()) this.#throttle();
  }

  #reply(
    target: ResponseTarget,
    { methodDefinition, responseAttachments }: Invocation,
    value: unknown,
  ): void {
    if (this.socket.destroyed) return;
    if (this.context.isClosing()) responseAttachments.set(...closingAttachment);
    const { encoder } = this.context;
    this.#writer.append(encoder.result(target, methodDefinition.result, value, responseAttachments));
  }

  #fail(frame: Frame, target: ResponseTarget, error: unknown, attachments: Map<string, string>): void {
    if (this.socket.destroyed || (frame.flags & frameFlags.twoWay) === 0) return;
    if (this.context.isClosing()) attachments.set(...closingAttachment);
    this.#writer.append(this.context.encoder.failure(target, error, attachments));
  }

  #refuseSerialization(frame: Frame): void {
    const { flags } = frame;
    if ((flags & frameFlags.twoWay) === 0) return;
    const id = flags & frameFlags.serialization;
    this.#answer(
      frame,
      frameStatus.badRequest,
      `serialization ${id} is not known here, only Hessian 2 (${hessian2Id})`,
    );
  }

  #answer(header: FrameHeader, status: number, text: string): void {
    if ((header.flags & frameFlags.twoWay) === 0) return;
    this.#writer.append(this.context.encoder.status(header, status, text));
  }

  /** The one line that a connection leaves behind which is closed for what it did. */
  #kill(why: string): void {
    this.context.log.warn({ peer: this.#address, code: "FRAME_INVALID" }, `dubbo connection closed: ${why}`);
    this.destroy();
  }
}

/** A filter or an implementation that throws at once is as good as one that rejects. */
function invoke({ service }: DecodedRequest, invocation: Invocation): Promise<unknown> {
  try {
    return service.invoker.invoke(invocation);
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

function idOf({ idHigh, idLow }: FrameHeader): { idHigh: number; idLow: number } {
  return { idHigh, idLow };
}
