import { JuteError } from "./jute.js";

/** A frame that is longer than the reader takes. */
export class FrameTooLargeError extends JuteError {}

/** Cuts a stream of bytes into frames: a 4-byte length, then so many bytes. Each byte is copied at most once. */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #buffered = 0;

  /** @param maxBytes a longer frame is refused as soon as its length is read. */
  constructor(private readonly maxBytes: number) {}

  /**
   * The frames that `chunk` completes.
   * @throws {JuteError} a length is negative; {@link FrameTooLargeError}: or over the limit.
   */
  *push(chunk: Buffer): Generator<Buffer, void, undefined> {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    for (;;) {
      if (this.#buffered < 4) return;
      const length = this.#peekLength();
      if (this.#buffered < 4 + length) return;
      const joined = this.#join();
      this.#chunks = [joined.subarray(4 + length)];
      this.#buffered -= 4 + length;
      yield joined.subarray(4, 4 + length);
    }
  }

  #peekLength(): number {
    const first = this.#chunks[0];
    const length = (first !== undefined && first.length >= 4 ? first : this.#join()).readInt32BE(0);
    if (length < 0) throw new JuteError(`a frame of ${length} bytes`);
    if (length > this.maxBytes)
      throw new FrameTooLargeError(`a frame of ${length} bytes, at most ${this.maxBytes}`);
    return length;
  }

  #join(): Buffer {
    const [first] = this.#chunks;
    const joined = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

/** `body` with its length before it. */
export function frame(body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + body.byteLength);
  bytes.writeInt32BE(body.byteLength, 0);
  bytes.set(body, 4);
  return bytes;
}
