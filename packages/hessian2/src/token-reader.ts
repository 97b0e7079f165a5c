import { isAscii } from "node:buffer";
import { DecoderV2 } from "./hessian-js.js";
import { Misfit } from "./misfit.js";
import { maxShortText, shortAscii } from "./short-text.js";
import { Kind, kindOfTag, nameOfKind, Tag } from "./tags.js";
import { readUtf8 } from "./text.js";

/** Java allows 65,535 constants in all; a definition with more fields than this is none of Java's. */
const maxFields = 16_384;

/** Pieces of one string or binary: 65,536 of them would be 2 GB, if they were full. */
const maxChunks = 65_536;

/** A class as a stream has announced it. */
export interface ClassDefinition {
  readonly className: string;
  readonly fields: readonly string[];
}

/** A definition with the bytes that it was read from, which live as long as the frame. */
export interface ReadDefinition {
  readonly definition: ClassDefinition;
  readonly bytes: Buffer;
}

/** Where reading stands, and what has been numbered so far. */
export interface TokenMark {
  readonly position: number;
  readonly definitions: number;
  readonly types: number;
}

/**
 * hessian.js's decoder with every read replaced by one that checks (rpc-protocols 2.6): the end of the input,
 * lengths against what is left, indexes. Every failure is a {@link Misfit}.
 */
export class TokenReader extends DecoderV2 {
  readonly end: number;
  readonly #bytes: Buffer;
  readonly #definitions: ClassDefinition[] = [];
  #definitionCount = 0;
  #typeCount = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    super(bytes);
    this.#bytes = bytes;
    this.byteBuffer._offset = start;
    this.end = end;
  }

  get position(): number {
    return this.byteBuffer._offset;
  }

  /** The next byte; it stays the next. */
  peek(): number {
    const at = this.byteBuffer._offset;
    if (at >= this.end) throw new Misfit(`the bytes end at ${this.end}, where a value should be`);
    return this.#bytes[at] as number;
  }

  /** The {@link Kind} of the next value. */
  kind(): number {
    return kindOfTag[this.peek()] as number;
  }

  /** Goes over `count` bytes and gives where they were. */
  take(count: number): number {
    const at = this.byteBuffer._offset;
    if (at + count > this.end) throw new Misfit(`${count} bytes expected, ${this.end - at} left`);
    this.byteBuffer._offset = at + count;
    return at;
  }

  takeByte(): number {
    return this.#bytes[this.take(1)] as number;
  }

  expected(what: string): Misfit {
    return new Misfit(`expected ${what}, got ${nameOfKind(this.kind())}`);
  }

  /** True when null is next; it is read then. */
  takeNull(): boolean {
    if (this.peek() !== Tag.null) return false;
    this.byteBuffer._offset++;
    return true;
  }

  /** @throws {Misfit} the next value is no int. */
  readInt(): number {
    const tag = this.peek();
    if (tag >= 0x80 && tag <= 0xbf) {
      this.byteBuffer._offset++;
      return tag - 0x90;
    }
    if (tag >= 0xc0 && tag <= 0xcf) return ((tag - 0xc8) << 8) + (this.#bytes[this.take(2) + 1] as number);
    if (tag >= 0xd0 && tag <= 0xd7) return ((tag - 0xd4) << 16) + this.#bytes.readUInt16BE(this.take(3) + 1);
    if (tag === 0x49) return this.#bytes.readInt32BE(this.take(5) + 1);
    throw this.expected("int");
  }

  /** A number for the forms of up to 32 bits, a bigint for the one of 64. */
  readLong(): number | bigint {
    const tag = this.peek();
    if (tag >= 0xd8 && tag <= 0xef) {
      this.byteBuffer._offset++;
      return tag - 0xe0;
    }
    if (tag >= 0xf0) return ((tag - 0xf8) << 8) + (this.#bytes[this.take(2) + 1] as number);
    if (tag >= 0x38 && tag <= 0x3f) return ((tag - 0x3c) << 16) + this.#bytes.readUInt16BE(this.take(3) + 1);
    if (tag === 0x59) return this.#bytes.readInt32BE(this.take(5) + 1);
    if (tag === 0x4c) return this.#bytes.readBigInt64BE(this.take(9) + 1);
    throw this.expected("long");
  }

  readDouble(): number {
    const tag = this.peek();
    switch (tag) {
      case 0x5b:
      case 0x5c:
        this.byteBuffer._offset++;
        return tag - 0x5b;
      case 0x5d:
        return this.#bytes.readInt8(this.take(2) + 1);
      case 0x5e:
        return this.#bytes.readInt16BE(this.take(3) + 1);
      case 0x5f: // hessian-lite's: thousandths; the published grammar has a 32-bit float here
        return this.#bytes.readInt32BE(this.take(5) + 1) * 0.001;
      case 0x44:
        return this.#bytes.readDoubleBE(this.take(9) + 1);
      default:
        throw this.expected("double");
    }
  }

  /** Any of int, long and double: a bigint only for a long of 64 bits. */
  readNumber(): number | bigint {
    switch (this.kind()) {
      case Kind.int:
        return this.readInt();
      case Kind.long:
        return this.readLong();
      case Kind.double:
        return this.readDouble();
      default:
        throw this.expected("number");
    }
  }

  readBoolean(): boolean {
    const tag = this.peek();
    if (tag !== 0x54 && tag !== 0x46) throw this.expected("boolean");
    this.byteBuffer._offset++;
    return tag === 0x54;
  }

  readDate(): Date {
    const tag = this.peek();
    if (tag === 0x4b) return new Date(this.#bytes.readInt32BE(this.take(5) + 1) * 60_000);
    if (tag !== 0x4a) throw this.expected("date");
    const at = this.take(9) + 1;
    const time = this.#bytes.readInt32BE(at) * 0x1_0000_0000 + this.#bytes.readUInt32BE(at + 4);
    // JavaScript's dates end 275,000 years from 1970, Java's 292 million.
    if (Math.abs(time) > 8.64e15) throw new Misfit("expected date, got one beyond what a Date can hold");
    return new Date(time);
  }

  /** A copy: the frame may be released. */
  readBytes(): Buffer {
    const pieces: Buffer[] = [];
    for (;;) {
      const tag = this.peek();
      if (kindOfTag[tag] !== Kind.bytes || pieces.length > maxChunks) throw this.expected("binary");
      const length = this.#bytesLength(this.takeByte());
      const at = this.take(length);
      pieces.push(this.#bytes.subarray(at, at + length));
      if (tag !== 0x41) return Buffer.concat(pieces);
      if (length === 0) throw new Misfit("a piece of a binary is empty");
    }
  }

  #bytesLength(tag: number): number {
    if (tag <= 0x2f) return tag - 0x20;
    if (tag <= 0x37) return ((tag - 0x34) << 8) + this.takeByte();
    return this.#bytes.readUInt16BE(this.take(2));
  }

  readString(): string {
    const tag = this.peek();
    if (tag <= 0x1f) {
      this.byteBuffer._offset++;
      return this.#units(tag);
    }
    if (kindOfTag[tag] !== Kind.string) throw this.expected("string");
    return this.#chunks();
  }

  #chunks(): string {
    let text = "";
    for (let count = 0; ; count++) {
      const tag = this.peek();
      if (kindOfTag[tag] !== Kind.string || count > maxChunks) throw this.expected("string");
      const length = this.#stringLength(this.takeByte());
      text += this.#units(length);
      if (tag !== 0x52) return text;
      if (length === 0) throw new Misfit("a piece of a string is empty");
    }
  }

  #stringLength(tag: number): number {
    if (tag <= 0x1f) return tag;
    if (tag <= 0x33) return ((tag - 0x30) << 8) + this.takeByte();
    return this.#bytes.readUInt16BE(this.take(2));
  }

  /** @param length in UTF-16 units, each of which has at least one byte. */
  #units(length: number): string {
    const start = this.byteBuffer._offset;
    const end = start + length;
    if (end > this.end) throw new Misfit(`a string of ${length} characters, ${this.end - start} bytes left`);
    const text = this.#asciiUnits(start, length);
    if (text === undefined) return this.#wideUnits(length);
    this.byteBuffer._offset = end;
    return text;
  }

  /** Undefined when there are other characters too. */
  #asciiUnits(start: number, length: number): string | undefined {
    if (length === 0) return "";
    if (length <= maxShortText) return shortAscii(this.#bytes, start, length);
    const end = start + length;
    return isAscii(this.#bytes.subarray(start, end)) ? this.#bytes.toString("latin1", start, end) : undefined;
  }

  #wideUnits(length: number): string {
    const { text, end } = readUtf8(this.#bytes, this.byteBuffer._offset, this.end, length);
    this.byteBuffer._offset = end;
    return text;
  }

  readType(): string {
    if (this.kind() !== Kind.string) return this.#knownType(this.readInt());
    const type = this.readString();
    if (this.#typeCount++ === this.types.length) this.types.push(type);
    return type;
  }

  #knownType(index: number): string {
    const type = this.types[index];
    if (type === undefined) throw new Misfit(`type ${index} of ${this.types.length}`);
    return type;
  }

  /**
   * Goes over the tag of a list, its type and its length, which is checked against what is left. Undefined as
   * length: up to an end tag.
   */
  readListBegin(): { readonly type: string | undefined; readonly length: number | undefined } {
    const tag = this.takeByte();
    const type = tag === 0x55 || tag === 0x56 || (tag >= 0x70 && tag <= 0x77) ? this.readType() : undefined;
    if (tag === 0x55 || tag === 0x57) return { type, length: undefined };
    const length = tag === 0x56 || tag === 0x58 ? this.readInt() : tag & 7;
    if (length < 0 || length > this.end - this.position)
      throw new Misfit(`a list of ${length}, ${this.end - this.position} bytes left`);
    return { type, length };
  }

  /** Goes over the tag of a map and its type, which a HashMap does not have. */
  readMapBegin(): string | undefined {
    return this.takeByte() === 0x4d ? this.readType() : undefined;
  }

  /** True at the end tag of a map, or of a list of variable length; it is read then. */
  takeEnd(): boolean {
    if (this.peek() !== Tag.end) return false;
    this.byteBuffer._offset++;
    return true;
  }

  /**
   * Reads a definition, tag included.
   *
   * @param known what its bytes might be: then nothing is parsed.
   */
  readDefinition(known?: ReadDefinition): ReadDefinition {
    const start = this.position;
    const read =
      known !== undefined && this.#startsWith(known.bytes) ? this.#pass(known) : this.#parseDefinition(start);
    if (this.#definitionCount++ === this.#definitions.length) this.#definitions.push(read.definition);
    return read;
  }

  #startsWith(bytes: Buffer): boolean {
    const at = this.position;
    return (
      at + bytes.length <= this.end &&
      this.#bytes.compare(bytes, 0, bytes.length, at, at + bytes.length) === 0
    );
  }

  #pass(known: ReadDefinition): ReadDefinition {
    this.byteBuffer._offset += known.bytes.length;
    return known;
  }

  #parseDefinition(start: number): ReadDefinition {
    this.take(1);
    const className = this.readString();
    const count = this.readInt();
    if (count < 0 || count > maxFields || count > this.end - this.position)
      throw new Misfit(`${className} with ${count} fields, ${this.end - this.position} bytes left`);
    const fields: string[] = [];
    for (let i = 0; i < count; i++) fields.push(this.readString());
    return { definition: { className, fields }, bytes: this.#bytes.subarray(start, this.position) };
  }

  /** Goes over the tag of an object and gives its class. */
  readObjectBegin(): ClassDefinition {
    const tag = this.takeByte();
    if (kindOfTag[tag] !== Kind.object) throw new Misfit("a class is defined, but no object of it follows");
    const index = tag === 0x4f ? this.readInt() : tag - 0x60;
    const definition = this.#definitions[index];
    if (definition === undefined) throw new Misfit(`class ${index} of ${this.#definitions.length}`);
    return definition;
  }

  markTokens(): TokenMark {
    return { position: this.position, definitions: this.#definitionCount, types: this.#typeCount };
  }

  /** What is read from here on again takes the numbers that it has. */
  rewindTokens({ position, definitions, types }: TokenMark): void {
    this.byteBuffer._offset = position;
    this.#definitionCount = definitions;
    this.#typeCount = types;
  }
}
