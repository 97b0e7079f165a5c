import { foreignBytes, type Frame, type FrameHeader, headerBytes, isForeign, readHeader } from "./frame.js";

/** Who is told what a {@link FrameParser} finds. */
export interface FrameSink {
  /** The frame's bytes are the socket's: what is kept longer than this call has to be copied. */
  onFrame(frame: Frame): void;
  /** The body is longer than the limit; it is skipped, never held. */
  onOversized(header: FrameHeader): void;
}

/** What an unfinished frame starts with; it doubles, so that memory follows what came and not what was announced. */
const firstHoldBytes = 64;

/**
 * Finds frames in a stream that is cut anywhere. A frame that lies within one chunk is not copied; one that
 * does not is copied once or so, into a buffer that grows with what has really arrived.
 */
export class FrameParser {
  #held: Buffer | undefined;
  #heldBytes = 0;
  /** Bytes of the unfinished frame in all, as far as known: a header's, until there is one. */
  #neededBytes = 0;
  #skipBytes = 0;
  #stopped = false;
  #frames = 0;

  constructor(
    private readonly sink: FrameSink,
    private readonly maxPayloadBytes: number,
  ) {}

  /** How many frames were complete so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Bytes that are missing from an unfinished frame; 0 between frames. */
  get missingBytes(): number {
    return this.#skipBytes > 0 ? this.#skipBytes : this.#neededBytes - this.#heldBytes;
  }

  /** Nothing is reported any more, also not the rest of the chunk that is being read. */
  stop(): void {
    this.#stopped = true;
    this.#release();
  }

  /** @throws {RpcError} FRAME_INVALID: the stream is not made of frames. The parser must not be used any more. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#stopped; ) {
      if (this.#skipBytes > 0) at = this.#skip(chunk, at);
      else if (this.#neededBytes > 0) at = this.#fill(chunk, at);
      else at = this.#take(chunk, at);
    }
  }

  #take(chunk: Buffer, at: number): number {
    if (isForeign(chunk, at)) throw foreignBytes(chunk, at);
    if (chunk.length - at < headerBytes) return this.#hold(chunk, at, headerBytes);
    const header = readHeader(chunk, at);
    const start = at + headerBytes;
    if (header.length > this.maxPayloadBytes) return this.#refuse(header, start);
    const end = start + header.length;
    if (end > chunk.length) return this.#hold(chunk, at, headerBytes + header.length);
    this.#emit(header, chunk, start, end);
    return end;
  }

  #hold(chunk: Buffer, at: number, neededBytes: number): number {
    this.#neededBytes = neededBytes;
    return this.#append(chunk, at, chunk.length);
  }

  /** Adds to the unfinished frame; returns where the next frame starts. */
  #fill(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#neededBytes - this.#heldBytes);
    this.#append(chunk, at, end);
    const held = this.#held as Buffer;
    if (isForeign(held.subarray(0, this.#heldBytes), 0))
      throw foreignBytes(held.subarray(0, this.#heldBytes), 0);
    if (this.#heldBytes < this.#neededBytes) return end;
    const header = readHeader(held, 0);
    if (header.length > this.maxPayloadBytes) {
      this.#release();
      return this.#refuse(header, end);
    }
    this.#neededBytes = headerBytes + header.length;
    if (this.#heldBytes < this.#neededBytes) return end;
    this.#release();
    this.#emit(header, held, headerBytes, headerBytes + header.length);
    return end;
  }

  #append(chunk: Buffer, at: number, end: number): number {
    const total = this.#heldBytes + end - at;
    if (this.#held === undefined || this.#held.length < total) {
      const grown = Buffer.allocUnsafe(Math.min(this.#neededBytes, Math.max(firstHoldBytes, 2 * total)));
      this.#held?.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#heldBytes, at, end);
    this.#heldBytes = total;
    return end;
  }

  #emit(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    this.#frames += 1;
    const { flags, status, idHigh, idLow, length } = header;
    this.sink.onFrame({ flags, status, idHigh, idLow, length, bytes, start, end });
  }

  #refuse(header: FrameHeader, at: number): number {
    this.#frames += 1;
    this.#skipBytes = header.length;
    this.sink.onOversized(header);
    return at;
  }

  #skip(chunk: Buffer, at: number): number {
    const skipped = Math.min(this.#skipBytes, chunk.length - at);
    this.#skipBytes -= skipped;
    return at + skipped;
  }

  #release(): void {
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#neededBytes = 0;
  }
}
