import { Misfit } from "./misfit.js";
import { ReferenceTable } from "./reference-table.js";
import { Tag } from "./tags.js";
import { TokenWriter } from "./token-writer.js";

/** How deep a value may be nested when nothing else is asked for: as deep as our own reader goes. */
export const defaultMaxDepth = 200;

/** A class as it is announced on the wire, once a stream. */
export interface ClassLayout {
  readonly className: string;
  /** Names in the order of the wire. */
  readonly fields: readonly string[];
  /** Class and fields in one text: two layouts of one class are two definitions. */
  readonly key: string;
  /** Tag, class, count and fields, ready to be copied, for a class that is known beforehand. */
  readonly bytes: Buffer | undefined;
}

/**
 * The tables of one stream: definitions are known by class and fields, references and types are looked up, nothing
 * is cached beyond the stream, depth is limited (rpc-protocols 2.6). Codecs write the values; they share one encoder
 * and so its tables.
 */
export class Encoder extends TokenWriter {
  readonly maxDepth: number;
  readonly #references = new ReferenceTable();
  readonly #types = new Map<string, number>();
  readonly #definitions = new Map<string, number>();
  #lastLayout: ClassLayout | undefined;
  #lastIndex = 0;
  #depth = 0;

  constructor(size: number, maxDepth: number) {
    super(size);
    this.maxDepth = maxDepth;
  }

  /** Forgets all tables: a new stream begins. */
  forget(): void {
    this.#references.clear();
    if (this.#types.size > 0) this.#types.clear();
    if (this.#definitions.size > 0) this.#definitions.clear();
    this.#lastLayout = undefined;
    this.#depth = 0;
  }

  /** Called by `_writeListBegin` of hessian.js, too. */
  writeType(type: string): this {
    const known = this.#types.get(type);
    if (known !== undefined) return this.writeInt(known);
    this.#types.set(type, this.#types.size);
    return this.writeString(type);
  }

  /** Starts a list of `length`, `type` as Java names it (`[int`), or none for an ArrayList. */
  beginList(length: number, type: string | undefined): void {
    if (length <= 7 && type === undefined) this.writeTag(0x78 + length);
    else this._writeListBegin(length, type);
  }

  /** Writes what class comes: its definition if it is new to this stream, then the tag of an object. */
  beginObject(layout: ClassLayout): void {
    if (layout !== this.#lastLayout) {
      this.#lastIndex = this.#indexOf(layout);
      this.#lastLayout = layout;
    }
    if (this.#lastIndex < 16) this.writeTag(0x60 + this.#lastIndex);
    else {
      this.writeTag(0x4f);
      this.writeInt(this.#lastIndex);
    }
  }

  #indexOf(layout: ClassLayout): number {
    const known = this.#definitions.get(layout.key);
    if (known !== undefined) return known;
    const index = this.#definitions.size;
    this.#definitions.set(layout.key, index);
    if (layout.bytes === undefined) this.writeDefinition(layout.className, layout.fields);
    else this.writeRaw(layout.bytes);
    return index;
  }

  writeDefinition(className: string, fields: readonly string[]): void {
    this.writeTag(Tag.definition);
    this.writeString(className);
    this.writeInt(fields.length);
    for (const field of fields) this.writeString(field);
  }

  /**
   * True when `value` was written before by the same `writer`, and a reference to it has been written now. Else
   * it takes the next number. Another writer may give other bytes, so that to it the value is a new one.
   */
  writeReference(value: object, writer: object): boolean {
    const index = this.#references.add(value, writer);
    if (index < 0) return false;
    this.writeRef(index);
    return true;
  }

  /** Takes the next number for a list, map or object that nothing refers to. */
  skipReference(): void {
    this.#references.skip();
  }

  enter(): void {
    if (++this.#depth > this.maxDepth) throw new Misfit(`nested deeper than ${this.maxDepth} levels`);
  }

  leave(): void {
    this.#depth--;
  }
}

/** The layout of a class that is written often: its definition is encoded here, once. */
export function layoutOf(className: string, fields: readonly string[]): ClassLayout {
  const encoder = new Encoder(256, defaultMaxDepth);
  encoder.writeDefinition(className, fields);
  const { _bytes: bytes, _offset: length } = encoder.byteBuffer;
  return { ...dynamicLayout(className, fields), bytes: Buffer.from(bytes.subarray(0, length)) };
}

/** The layout of a class that only a value knows. */
export function dynamicLayout(className: string, fields: readonly string[]): ClassLayout {
  return { className, fields, key: JSON.stringify([className, fields]), bytes: undefined };
}
