import type { HessianLimits } from "./limits.js";
import { Misfit } from "./misfit.js";
import { Kind, Tag } from "./tags.js";
import { type ClassDefinition, type TokenMark, TokenReader } from "./token-reader.js";

/** Whatever reads one value, a reference to an earlier one included. */
export interface ValueReader {
  read(decoder: Decoder): unknown;
}

/** Stands for an object whose value is known only at its end. */
const pending = Symbol("pending");

/** Where a list, map or object starts, and its number. */
interface Mark {
  readonly tokens: TokenMark;
  readonly references: number;
}

/** What reads values that nobody wants. */
const skipper: ValueReader = { read: (decoder) => decoder.skip() };

/**
 * The lists, maps and objects of one stream by number, and the limits. Codecs read the values; they share one
 * decoder and so its tables.
 *
 * A reference may ask for another type than the one that its target was read as: the target stood in a field that
 * nobody declared, for example. Then the target is read once more, as what is asked for.
 */
export class Decoder extends TokenReader {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #limits: Required<HessianLimits>;
  readonly #values: unknown[] = [];
  readonly #readers: ValueReader[] = [];
  #next = 0;
  #depth = 0;
  #elements = 0;
  #asked: Set<number> | undefined;
  #rereads: Map<ValueReader, Map<number, unknown>> | undefined;
  #marks: readonly Mark[] | undefined;

  constructor(bytes: Buffer, start: number, end: number, limits: Required<HessianLimits>) {
    super(bytes, start, end);
    this.#bytes = bytes;
    this.#start = start;
    this.#limits = limits;
  }

  /** Starts a list, map or object: counts it, and one more level. */
  enter(): void {
    if (++this.#depth > this.#limits.maxDepth)
      throw new Misfit(`nested deeper than ${this.#limits.maxDepth} levels`);
    this.countElement();
  }

  leave(): void {
    this.#depth--;
  }

  countElement(): void {
    if (++this.#elements > this.#limits.maxElements)
      throw new Misfit(`more than ${this.#limits.maxElements} lists, maps, objects and entries`);
  }

  /** Reads definitions, if any, and the tag of an object. */
  beginObject(): ClassDefinition {
    while (this.peek() === Tag.definition) this.readDefinition();
    return this.readObjectBegin();
  }

  /** Gives the list, map or object that `reader` has begun its number. */
  register(value: unknown, reader: ValueReader): number {
    const index = this.#next++;
    if (index < this.#values.length) {
      this.#reread(reader).set(index, value);
      return index;
    }
    this.#values.push(value);
    this.#readers.push(reader);
    return index;
  }

  /** For an object whose value is known at its end: `settle` must follow. */
  registerPending(reader: ValueReader): number {
    return this.register(pending, reader);
  }

  /** Sets the value of a number that was registered. */
  settle(index: number, value: unknown, reader: ValueReader): void {
    if (this.#readers[index] === reader && this.#rereads?.get(reader)?.has(index) !== true)
      this.#values[index] = value;
    else this.#reread(reader).set(index, value);
  }

  /** True when a reference to `index` has been read. */
  wasAskedFor(index: number): boolean {
    return this.#asked?.has(index) === true;
  }

  /** True when a reference to an object that is still being read is next; it is read then. */
  takePendingReference(): boolean {
    if (this.peek() !== Tag.reference) return false;
    const start = this.take(1);
    const index = this.readInt();
    if (this.#isPending(index)) return true;
    this.byteBuffer._offset = start;
    return false;
  }

  #isPending(index: number): boolean {
    if (this.#values[index] === pending) return true;
    for (const values of this.#rereads?.values() ?? []) if (values.get(index) === pending) return true;
    return false;
  }

  /** Reads a reference, tag included, and gives its target as `reader` would have read it. */
  readReference(reader: ValueReader): unknown {
    this.take(1);
    const index = this.readInt();
    if (index < 0 || index >= this.#values.length)
      throw new Misfit(`reference ${index} of ${this.#values.length}`);
    this.#asked ??= new Set();
    this.#asked.add(index);
    const value = this.#readers[index] === reader ? this.#values[index] : this.#readAgain(index, reader);
    if (value === pending) throw new Misfit(`reference ${index} to a value that contains it`);
    return value;
  }

  #reread(reader: ValueReader): Map<number, unknown> {
    this.#rereads ??= new Map();
    let values = this.#rereads.get(reader);
    if (values === undefined) this.#rereads.set(reader, (values = new Map()));
    return values;
  }

  #readAgain(index: number, reader: ValueReader): unknown {
    const values = this.#reread(reader);
    if (values.has(index)) return values.get(index);
    this.#marks ??= this.#findMarks();
    const mark = this.#marks[index];
    if (mark === undefined) throw new Misfit(`reference ${index}`);
    const back = this.#mark();
    this.#rewind(mark);
    const value = reader.read(this);
    // References to one thing as many types must not make a small body a long job.
    this.#elements += (this.position - mark.tokens.position) >> 3;
    this.#rewind(back);
    return value;
  }

  #mark(): Mark {
    return { tokens: this.markTokens(), references: this.#next };
  }

  #rewind({ tokens, references }: Mark): void {
    this.rewindTokens(tokens);
    this.#next = references;
  }

  /** Where each list, map and object of the stream starts. */
  #findMarks(): readonly Mark[] {
    const marks: Mark[] = [];
    const scan = new Decoder(this.#bytes, this.#start, this.end, this.#limits);
    try {
      while (scan.position < this.end) scan.skip(marks);
    } catch {
      // what is wrong behind the value that is looked for is told when it is its turn
    }
    return marks;
  }

  /** Reads a value of any type that nobody wants. Its lists, maps and objects keep their numbers. */
  skip(marks?: Mark[]): undefined {
    while (this.peek() === Tag.definition) this.readDefinition();
    switch (this.kind()) {
      case Kind.list:
        return this.#skipList(marks);
      case Kind.map:
        return this.#skipMap(marks);
      case Kind.object:
        return this.#skipObject(marks);
      case Kind.reference:
        this.take(1);
        this.readInt();
        return;
      default:
        return this.#skipScalar();
    }
  }

  #skipScalar(): undefined {
    switch (this.kind()) {
      case Kind.null:
      case Kind.boolean:
        this.take(1);
        return;
      case Kind.date:
        this.take(this.peek() === 0x4a ? 9 : 5);
        return;
      case Kind.bytes:
        this.readBytes();
        return;
      case Kind.string:
        this.readString();
        return;
      default:
        this.readNumber();
    }
  }

  #skipList(marks: Mark[] | undefined): undefined {
    marks?.push(this.#mark());
    const { length } = this.readListBegin();
    this.#begin();
    if (length === undefined) while (!this.takeEnd()) this.skip(marks);
    else for (let i = 0; i < length; i++) this.skip(marks);
    this.leave();
  }

  #skipMap(marks: Mark[] | undefined): undefined {
    marks?.push(this.#mark());
    this.readMapBegin();
    this.#begin();
    while (!this.takeEnd()) {
      this.skip(marks);
      this.skip(marks);
    }
    this.leave();
  }

  #skipObject(marks: Mark[] | undefined): undefined {
    marks?.push(this.#mark());
    const { fields } = this.readObjectBegin();
    this.#begin();
    for (let i = 0; i < fields.length; i++) this.skip(marks);
    this.leave();
  }

  #begin(): void {
    this.register(undefined, skipper);
    this.enter();
  }
}
