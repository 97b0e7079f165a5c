/** The bytes are not what the message's layout says. */
export class JuteError extends Error {
  override readonly name = "JuteError";
}

/**
 * Writes jute, ZooKeeper's serialization: big-endian numbers; a buffer is its length and its bytes, a string the
 * same in UTF-8, a vector its count and its items (registries B3).
 */
export class JuteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 128) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  int(value: number): this {
    this.#length = this.#reserve(4).writeInt32BE(value, this.#length);
    return this;
  }

  long(value: bigint): this {
    this.#length = this.#reserve(8).writeBigInt64BE(value, this.#length);
    return this;
  }

  bool(value: boolean): this {
    this.#length = this.#reserve(1).writeInt8(value ? 1 : 0, this.#length);
    return this;
  }

  buffer(value: Uint8Array): this {
    this.int(value.byteLength);
    this.#reserve(value.byteLength).set(value, this.#length);
    this.#length += value.byteLength;
    return this;
  }

  string(value: string): this {
    return this.buffer(Buffer.from(value, "utf8"));
  }

  vector<T>(items: readonly T[], write: (item: T) => void): this {
    this.int(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** What was written so far. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): Buffer {
    const needed = this.#length + count;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    return this.#bytes;
  }
}

/**
 * Reads jute. Every count is checked against the bytes that are there, before anything is allocated for it.
 * @throws {JuteError} from every method: the bytes end too early, or a length cannot be.
 */
export class JuteReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  get remaining(): number {
    return this.bytes.length - this.#at;
  }

  /** What was not read yet; shared with the frame. */
  get rest(): Buffer {
    return this.bytes.subarray(this.#at);
  }

  skip(count: number): void {
    this.#take(count);
  }

  int(): number {
    return this.bytes.readInt32BE(this.#take(4));
  }

  long(): bigint {
    return this.bytes.readBigInt64BE(this.#take(8));
  }

  bool(): boolean {
    return this.bytes.readInt8(this.#take(1)) !== 0;
  }

  /** A buffer that is null on the wire (length -1) is an empty one. The bytes are shared with the frame. */
  buffer(): Buffer {
    const length = this.int();
    if (length === -1) return Buffer.alloc(0);
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** One that is null on the wire (length -1) is an empty one. */
  string(): string {
    const length = this.int();
    const start = this.#take(length === -1 ? 0 : length);
    return length === -1 ? "" : this.bytes.toString("utf8", start, start + length);
  }

  /** @param itemBytes the fewest bytes that an item has: at least 1. */
  vector<T>(read: () => T, itemBytes: number): T[] {
    const count = this.int();
    if (count === -1) return [];
    if (count < 0 || count * itemBytes > this.remaining)
      throw new JuteError(`a list of ${count} items in ${this.remaining} bytes`);
    const items: T[] = [];
    for (let at = 0; at < count; at += 1) items.push(read());
    return items;
  }

  /**
   * A list of strings. One that stands in `like` too, near the same place, is the object that is there: of a long list
   * that was read before only what is new is made.
   */
  strings(like: readonly string[]): string[] {
    let at = 0;
    return this.vector(() => {
      for (let ahead = at; ahead <= at + 1 && ahead < like.length; ahead += 1) {
        const known = like[ahead] as string;
        if (!this.#skip(known)) continue;
        at = ahead + 1;
        return known;
      }
      return this.string();
    }, 4);
  }

  /** True: `expected` comes next, in ASCII; it is behind the reader then. */
  #skip(expected: string): boolean {
    const { bytes } = this;
    const { length } = expected;
    const start = this.#at + 4;
    if (start + length > bytes.length || bytes.readInt32BE(this.#at) !== length) return false;
    for (let at = 0; at < length; at += 1) {
      const code = expected.charCodeAt(at);
      if (code !== bytes[start + at] || code > 0x7f) return false;
    }
    this.#at = start + length;
    return true;
  }

  #take(count: number): number {
    if (count < 0 || count > this.remaining)
      throw new JuteError(`${count} bytes wanted, ${this.remaining} left`);
    const start = this.#at;
    this.#at += count;
    return start;
  }
}
