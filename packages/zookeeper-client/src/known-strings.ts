import { JuteReader } from "./jute.js";

/** Where more came than this, the list is read item by item. */
const maxCome = 16;

/**
 * Reads a list of strings again and again. Strings that were there before are the same objects; where of a long list only
 * some neighbours came or went, these alone are looked at, and the rest is compared as bytes.
 */
export class KnownStrings {
  #strings: readonly string[] = [];
  /** Begins with the items as they were on the wire, without their count. */
  #room: Buffer = Buffer.alloc(0);
  #bytes: Buffer = this.#room;

  /**
   * Reads the list that comes next.
   * @throws {JuteError} see {@link JuteReader}.
   */
  read(reader: JuteReader): readonly string[] {
    const { rest } = reader;
    const patched = this.#patched(rest);
    if (patched === undefined) this.#strings = reader.strings(this.#strings);
    else {
      reader.skip(patched.bytes);
      this.#strings = patched.strings;
    }
    this.#keep(rest.subarray(4, rest.length - reader.remaining));
    return this.#strings;
  }

  /**
   * Copied, since the frame holds more than the list; and to where the last ones were, since what is allocated outside of
   * the heap for each change of a long list makes the collector go through the whole heap much more often.
   */
  #keep(bytes: Buffer): void {
    if (bytes.length > this.#room.length || bytes.length < this.#room.length / 4)
      this.#room = Buffer.allocUnsafeSlow(Math.ceil(bytes.length * 1.25));
    bytes.copy(this.#room);
    this.#bytes = this.#room.subarray(0, bytes.length);
  }

  /** Undefined: there is more to it than that some neighbours came, or that some went. */
  #patched(rest: Buffer): { readonly strings: readonly string[]; readonly bytes: number } | undefined {
    const known = this.#strings;
    const ahead = new JuteReader(rest);
    const count = ahead.int();
    const come = Math.max(0, count - known.length);
    const gone = Math.max(0, known.length - count);
    if (known.length === 0 || count < 0 || come > maxCome) return undefined;
    const same = sameLength(this.#bytes, rest.subarray(4));
    const { index, end } = this.#itemsWithin(same, Math.min(count, known.length));
    ahead.skip(end);
    const added = Array.from({ length: come }, () => ahead.string());
    const tail = this.#bytes.subarray(this.#behind(end, gone));
    if (tail.compare(ahead.rest.subarray(0, tail.length)) !== 0) return undefined;
    const strings = come + gone === 0 ? known : known.toSpliced(index, gone, ...added);
    return { strings, bytes: rest.length - ahead.remaining + tail.length };
  }

  /** How many of the first items lie within so many bytes, at most `most`, and where the last of them ends. */
  #itemsWithin(bytes: number, most: number): { readonly index: number; readonly end: number } {
    let index = 0;
    let end = 0;
    while (index < most) {
      const next = this.#behind(end, 1);
      if (next > bytes) break;
      end = next;
      index += 1;
    }
    return { index, end };
  }

  /** Where the item ends that is the `count`th from `start` on. */
  #behind(start: number, count: number): number {
    let end = start;
    for (let at = 0; at < count; at += 1) end += 4 + Math.max(0, this.#bytes.readInt32BE(end));
    return end;
  }
}

/** How many bytes are the same at the beginning of both. */
function sameLength(a: Buffer, b: Buffer): number {
  let from = 0;
  let to = Math.min(a.length, b.length);
  while (from < to) {
    const middle = (from + to + 1) >> 1;
    if (a.compare(b, from, middle, from, middle) === 0) from = middle;
    else to = middle - 1;
  }
  return from;
}
