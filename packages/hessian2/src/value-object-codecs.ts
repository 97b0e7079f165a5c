import type { Codec } from "./codec.js";
import { notA } from "./codec.js";
import type { Decoder } from "./decoder.js";
import { type ClassLayout, type Encoder, layoutOf } from "./encoder.js";
import { within } from "./misfit.js";
import { stringCodec } from "./scalar-codecs.js";
import { Kind } from "./tags.js";

/** The fields of an object that is one value to us, by name. */
export type Fields = ReadonlyMap<string, unknown>;

/** Values that are objects to Java: numbers, dates, enums. `Type` is what stands for them in JavaScript. */
export abstract class ValueObjectCodec<Type> implements Codec {
  /** What is said to be expected. */
  protected abstract readonly name: string;
  /** The fields that are read; others are ignored. */
  protected abstract readonly fields: ReadonlyMap<string, Codec>;

  abstract write(encoder: Encoder, value: unknown): void;

  /** @throws {Misfit} they make no such value. */
  protected abstract fromFields(fields: Fields): Type;

  /** Reads another form than the object. */
  protected readOther(decoder: Decoder): Type {
    throw decoder.expected(this.name);
  }

  read(decoder: Decoder): Type | null {
    switch (decoder.kind()) {
      case Kind.null:
        decoder.takeNull();
        return null;
      case Kind.reference:
        return decoder.readReference(this) as Type;
      case Kind.object:
        return this.#readObject(decoder);
      default:
        return this.readOther(decoder);
    }
  }

  absent(): null {
    return null;
  }

  #readObject(decoder: Decoder): Type {
    const definition = decoder.beginObject();
    const index = decoder.registerPending(this);
    decoder.enter();
    const values = new Map<string, unknown>();
    for (const field of definition.fields) {
      const codec = this.fields.get(field);
      if (codec === undefined) decoder.skip();
      else values.set(field, readField(codec, field, decoder));
    }
    decoder.leave();
    const value = this.fromFields(values);
    decoder.settle(index, value, this);
    return value;
  }
}

function readField(codec: Codec, field: string, decoder: Decoder): unknown {
  try {
    return codec.read(decoder);
  } catch (error) {
    throw within(`.${field}`, error);
  }
}

const oneText: ReadonlyMap<string, Codec> = new Map([["value", stringCodec]]);

/** `java.math.BigDecimal`: its text. */
export class DecimalCodec extends ValueObjectCodec<string> {
  protected readonly name = "decimal";
  protected readonly fields = oneText;
  readonly #layout = layoutOf("java.math.BigDecimal", ["value"]);

  write(encoder: Encoder, value: unknown): void {
    if (typeof value !== "string" || !decimalText.test(value)) throw notA("decimal", value);
    encoder.skipReference();
    encoder.beginObject(this.#layout);
    encoder.writeString(value);
  }

  protected fromFields(fields: Fields): string {
    const text = fields.get("value");
    if (typeof text !== "string" || !decimalText.test(text)) throw notA("decimal", text);
    return text;
  }

  /** Some writers send a number, or text, where a decimal is declared. */
  protected override readOther(decoder: Decoder): string {
    const kind = decoder.kind();
    if (kind === Kind.string) return this.fromFields(new Map([["value", decoder.readString()]]));
    if (kind !== Kind.int && kind !== Kind.long && kind !== Kind.double) throw decoder.expected("decimal");
    return this.fromFields(new Map([["value", String(decoder.readNumber())]]));
  }
}

/** What the constructor of `java.math.BigDecimal` reads. */
const decimalText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,10})?$/;

/** A Java enum: the name of its constant. Equal constants of one stream are one object to Java. */
export class EnumCodec extends ValueObjectCodec<string> {
  protected readonly name: string;
  protected readonly fields: ReadonlyMap<string, Codec> = new Map([["name", stringCodec]]);
  readonly #constants: ReadonlyMap<unknown, object>;
  readonly #layout: ClassLayout;

  constructor(className: string, names: readonly string[]) {
    super();
    this.name = `one of ${names.slice(0, 20).join(", ")}`;
    this.#layout = layoutOf(className, ["name"]);
    this.#constants = new Map(names.map((name) => [name, { name }]));
  }

  write(encoder: Encoder, value: unknown): void {
    const constant = this.#constants.get(value);
    if (constant === undefined) throw notA(this.name, value);
    if (encoder.writeReference(constant, this)) return;
    encoder.beginObject(this.#layout);
    encoder.writeString(value as string);
  }

  protected fromFields(fields: Fields): string {
    const name = fields.get("name");
    if (!this.#constants.has(name)) throw notA(this.name, name ?? null);
    return name as string;
  }

  /** Generic calls send the name alone. */
  protected override readOther(decoder: Decoder): string {
    if (decoder.kind() !== Kind.string) throw decoder.expected(this.name);
    return this.fromFields(new Map([["name", decoder.readString()]]));
  }
}

/** `java.util.Date`, and for a reader also the dates of `java.sql`, which hold one. */
export class DateCodec extends ValueObjectCodec<Date> {
  protected readonly name = "date";
  protected readonly fields: ReadonlyMap<string, Codec> = new Map<string, Codec>([["value", this]]);

  write(encoder: Encoder, value: unknown): void {
    const time = value instanceof Date ? value.getTime() : Number.NaN;
    if (Number.isNaN(time)) throw notA("date", value);
    encoder.writeDate(time);
  }

  protected fromFields(fields: Fields): Date {
    const date = fields.get("value");
    if (!(date instanceof Date)) throw notA("date", date ?? null);
    return date;
  }

  protected override readOther(decoder: Decoder): Date {
    return decoder.readDate();
  }
}
