import { type Codec, notA } from "./codec.js";
import type { Decoder } from "./decoder.js";
import { type ClassLayout, type Encoder, layoutOf } from "./encoder.js";
import { isRecord } from "./map-codec.js";
import { within } from "./misfit.js";
import { Kind, Tag } from "./tags.js";
import type { ClassDefinition, ReadDefinition } from "./token-reader.js";

/** A field and what writes and reads it. */
export interface FieldCodec {
  readonly name: string;
  readonly codec: Codec;
}

/** How the objects of a class, as some peer defines it, are read. */
interface Plan {
  readonly definition: ClassDefinition;
  /** In the order of the wire; undefined: nobody declared it. */
  readonly steps: readonly (FieldCodec | undefined)[];
  /** Declared, but not on the wire. */
  readonly missing: readonly FieldCodec[];
}

/** How many definitions of a class are remembered: peers of several versions, and subclasses. */
const maxPlans = 4;
const maxKnownBytes = 8192;

/**
 * A class with fields. Written in Java's order, so that the bytes are Java's; read by name in any order, with fields
 * more or less, and from a subclass or a map as well. The objects are plain ones, with the declared fields as their
 * own properties in the order of the definition.
 */
export class ObjectCodec implements Codec {
  readonly #className: string;
  readonly #fields: ReadonlyMap<string, FieldCodec>;
  readonly #names: readonly string[];
  readonly #codecs: readonly Codec[];
  readonly #readOwn: readonly boolean[];
  readonly #layout: ClassLayout;
  readonly #template: Readonly<Record<string, unknown>>;
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
    this.#names = wire.map(({ name }) => name);
    this.#codecs = wire.map(({ codec }) => codec);
    this.#readOwn = this.#names.map((name) => name in Object.prototype);
    this.#layout = layoutOf(className, this.#names);
    this.#template = Object.fromEntries(declared.map((name) => [name, null]));
  }

  write(encoder: Encoder, value: unknown): void {
    if (!isObject(value)) throw notA(this.#className, value);
    if (encoder.writeReference(value, this)) return;
    encoder.enter();
    encoder.beginObject(this.#layout);
    let i = 0;
    try {
      for (; i < this.#codecs.length; i++) (this.#codecs[i] as Codec).write(encoder, this.#fieldOf(value, i));
    } catch (error) {
      throw within(`.${this.#names[i]}`, error);
    }
    encoder.leave();
  }

  #fieldOf(value: Record<string, unknown>, index: number): unknown {
    const name = this.#names[index] as string;
    return this.#readOwn[index] === true && !Object.hasOwn(value, name) ? undefined : value[name];
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
    const { steps, missing } = this.#planOf(decoder.beginObject());
    const object = { ...this.#template };
    decoder.register(object, this);
    decoder.enter();
    let i = 0;
    try {
      for (; i < steps.length; i++) {
        const step = steps[i];
        if (step === undefined) decoder.skip();
        else object[step.name] = step.codec.read(decoder);
      }
    } catch (error) {
      throw within(`.${steps[i]?.name ?? "(undeclared field)"}`, error);
    }
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
      steps: definition.fields.map((name) => this.#fields.get(name)),
      missing: [...this.#fields.values()].filter(({ name }) => !names.has(name)),
    };
    if (definition.fields.length <= 256) this.#plans = [plan, ...this.#plans.slice(0, maxPlans - 1)];
    return plan;
  }

  /** Fields by name, as generic calls send an object. */
  #readMap(decoder: Decoder): unknown {
    decoder.readMapBegin();
    const object = { ...this.#template };
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
