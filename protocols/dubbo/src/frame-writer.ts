import type { Socket } from "node:net";

/** What one batch holds; a frame that is longer is written by itself. */
const batchBytes = 64 * 1024;

/** How many idle buffers are kept: as many as sockets that are written to in one tick. */
const keptBuffers = 64;

/** Buffers that batches are gathered in: lent for a tick, so that an idle connection holds none. */
export class BatchBuffers {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(batchBytes);
  }

  giveBack(buffer: Buffer): void {
    if (this.#free.length < keptBuffers) this.#free.push(buffer);
  }
}

/**
 * Joins the frames of one tick of the event loop into one write: with many calls at once a write per frame is
 * what costs most (rpc-protocols 8, P39).
 */
export class FrameWriter {
  #buffer: Buffer | undefined;
  #used = 0;
  #batch = 0;
  #scheduled = false;

  constructor(
    private readonly socket: Socket,
    private readonly buffers: BatchBuffers,
    /** Told after each write: the batch that was handed to the socket. */
    private readonly onWritten?: () => void,
  ) {}

  /** The number of the batch that frames are being added to; smaller numbers were handed to the socket. */
  get batch(): number {
    return this.#batch;
  }

  /** Copies `frame` into the batch of this tick, and returns that batch's number. */
  append(frame: Buffer): number {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flushInTime);
    }
    if (frame.length > batchBytes) {
      this.flush();
      this.#write(Buffer.from(frame));
      return this.#batch - 1;
    }
    if (this.#used + frame.length > batchBytes) this.flush();
    this.#buffer ??= this.buffers.take();
    this.#buffer.set(frame, this.#used);
    this.#used += frame.length;
    return this.#batch;
  }

  /** Writes what was gathered, now. */
  flush(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    // A copy of the right size: a peer that does not read must not hold a whole batch for each small frame.
    const bytes = Buffer.from(buffer.subarray(0, this.#used));
    this.buffers.giveBack(buffer);
    this.#buffer = undefined;
    this.#used = 0;
    this.#write(bytes);
  }

  readonly #flushInTime = () => {
    this.#scheduled = false;
    this.flush();
  };

  #write(bytes: Buffer): void {
    this.#batch += 1;
    if (this.socket.destroyed || this.socket.writableEnded) return;
    this.socket.write(bytes);
    this.onWritten?.();
  }
}
