import { type Codec, notA } from "./codec.js";
import type { Decoder } from "./decoder.js";
import { type ClassLayout, type Encoder, layoutOf } from "./encoder.js";
import {
  type CreateObject,
  createObject,
  type FieldCodec,
  loopingReader,
  type ReadFields,
  readFields,
  type WriteFields,
  writeFields,
} from "./field-functions.js";
import { isRecord } from "./map-codec.js";
import { within } from "./misfit.js";
import { Kind, Tag } from "./tags.js";
import type { ClassDefinition, ReadDefinition } from "./token-reader.js";

/** How the objects of a class, as some peer defines it, are read. */
interface Plan {
  readonly definition: ClassDefinition;
  readonly read: ReadFields;
  /** Declared, but not on the wire. */
  readonly missing: readonly FieldCodec[];
}

/** How many definitions of a class are remembered: peers of several versions, and subclasses. */
const maxPlans = 4;

/** For how many of them a function is made. */
const maxGenerated = 4;
const maxKnownBytes = 8192;

/**
 * A class with fields. Written in Java's order, so that the bytes are Java's; read by name in any order, with fields
 * more or less, and from a subclass or a map as well. The objects are plain ones, with the declared fields as their
 * own properties in the order of the definition.
 */
export class ObjectCodec implements Codec {
  readonly #className: string;
  readonly #fields: ReadonlyMap<string, FieldCodec>;
  readonly #layout: ClassLayout;
  readonly #create: CreateObject;
  readonly #write: WriteFields;
  #generated = 0;
  // Known by the very bytes of the definition: peers may give one class other fields, or another order.
  #known: ReadDefinition | undefined;
  #plans: readonly Plan[] = [];

  /**
   * @param wire the fields in the order of the wire.
   * @param declared the same in the order of the definition.
   */
  constructor(className: string, wire: readonly FieldCodec[], declared: readonly string[]) {
    this.#className = className;
    this.#fields = new Map(wire.map((field) => [field.name, field]));
    this.#layout = layoutOf(
      className,
      wire.map(({ name }) => name),
    );
    this.#create = createObject(declared);
    this.#write = writeFields(wire);
  }

  write(encoder: Encoder, value: unknown): void {
    if (!isObject(value)) throw notA(this.#className, value);
    if (encoder.writeReference(value, this)) return;
    encoder.enter();
    encoder.beginObject(this.#layout);
    this.#write(encoder, value);
    encoder.leave();
  }

  read(decoder: Decoder): unknown {
    switch (decoder.kind()) {
      case Kind.object:
        return this.#readObject(decoder);
      case Kind.null:
        decoder.takeNull();
        return null;
      case Kind.reference:
        return decoder.readReference(this);
      case Kind.map:
        return this.#readMap(decoder);
      default:
        throw decoder.expected(this.#className);
    }
  }

  absent(): null {
    return null;
  }

  #readObject(decoder: Decoder): unknown {
    if (decoder.peek() === Tag.definition) this.#remember(decoder.readDefinition(this.#known));
    const { read, missing } = this.#planOf(decoder.beginObject());
    const object = this.#create();
    decoder.register(object, this);
    decoder.enter();
    read(decoder, object);
    decoder.leave();
    for (const { name, codec } of missing) object[name] = codec.absent();
    return object;
  }

  /** Keeps a copy of a definition that is not too large, so that the next one like it is not parsed. */
  #remember(read: ReadDefinition): void {
    if (read === this.#known || read.bytes.length > maxKnownBytes) return;
    this.#known = { definition: read.definition, bytes: Buffer.from(read.bytes) };
  }

  #planOf(definition: ClassDefinition): Plan {
    for (const plan of this.#plans) if (plan.definition === definition) return plan;
    const names = new Set(definition.fields);
    const plan: Plan = {
      definition,
      read: this.#reader(definition.fields.map((name) => this.#fields.get(name))),
      missing: [...this.#fields.values()].filter(({ name }) => !names.has(name)),
    };
    if (definition.fields.length <= 256) this.#plans = [plan, ...this.#plans.slice(0, maxPlans - 1)];
    return plan;
  }

  // A stranger may send as many definitions as he likes: functions are made for the first ones only.
  #reader(fields: readonly (FieldCodec | undefined)[]): ReadFields {
    return this.#generated++ < maxGenerated ? readFields(fields) : loopingReader(fields);
  }

  /** Fields by name, as generic calls send an object. */
  #readMap(decoder: Decoder): unknown {
    decoder.readMapBegin();
    const object = this.#create();
    decoder.register(object, this);
    decoder.enter();
    const missing = new Map(this.#fields);
    while (!decoder.takeEnd()) {
      decoder.countElement();
      const key = decoder.kind() === Kind.string ? decoder.readString() : decoder.skip();
      const field = key === undefined ? undefined : this.#fields.get(key);
      if (field === undefined) decoder.skip();
      else object[field.name] = readField(decoder, field);
      if (field !== undefined) missing.delete(field.name);
    }
    decoder.leave();
    for (const { name, codec } of missing.values()) object[name] = codec.absent();
    return object;
  }
}

function readField(decoder: Decoder, { name, codec }: FieldCodec): unknown {
  try {
    return codec.read(decoder);
  } catch (error) {
    throw within(`.${name}`, error);
  }
}

// Objects of a user's class are fine, but what has a class of its own in JavaScript has no fields of the declared one.
function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isRecord(value);
}
