import { type Codec, notA } from "./codec.js";
import type { Decoder } from "./decoder.js";
import type { Encoder } from "./encoder.js";
import { DistinctKeys } from "./java-equality.js";
import { show, within } from "./misfit.js";
import { Kind, Tag } from "./tags.js";

/** The tag of a map without type: a HashMap to Java. */
export const untypedMap = 0x48;

/** `java.util.Map`: a Map; where keys are texts a plain object is written too. Any map is read, whatever its type. */
export class MapCodec implements Codec {
  constructor(
    private readonly key: Codec,
    private readonly value: Codec,
    private readonly takesObjects: boolean,
  ) {}

  write(encoder: Encoder, value: unknown): void {
    const entries = this.#entriesOf(value);
    if (encoder.writeReference(value as object, this)) return;
    encoder.writeTag(untypedMap);
    encoder.enter();
    const distinct = new DistinctKeys();
    for (const [key, entry] of entries) this.#writeEntry(encoder, key, entry, distinct);
    encoder.leave();
    encoder.writeTag(Tag.end);
  }

  #entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> {
    if (value instanceof Map) return value as Map<unknown, unknown>;
    if (!this.takesObjects || !isRecord(value)) throw notA("map", value);
    return Object.entries(value);
  }

  #writeEntry(encoder: Encoder, key: unknown, entry: unknown, distinct: DistinctKeys): void {
    try {
      distinct.add(key);
      this.key.write(encoder, key);
      this.value.write(encoder, entry);
    } catch (error) {
      throw within(`[${show(key)}]`, error);
    }
  }

  read(decoder: Decoder): unknown {
    if (decoder.takeNull()) return null;
    const kind = decoder.kind();
    if (kind === Kind.reference) return decoder.readReference(this);
    if (kind !== Kind.map) throw decoder.expected("map");
    decoder.readMapBegin();
    const map = new Map<unknown, unknown>();
    decoder.register(map, this);
    decoder.enter();
    while (!decoder.takeEnd()) this.#readEntry(decoder, map);
    decoder.leave();
    return map;
  }

  #readEntry(decoder: Decoder, map: Map<unknown, unknown>): void {
    decoder.countElement();
    let key: unknown;
    try {
      key = this.key.read(decoder);
      map.set(key, this.value.read(decoder));
    } catch (error) {
      throw within(`[${show(key)}]`, error);
    }
  }

  absent(): null {
    return null;
  }
}

/** True for what has fields or entries of its own, and is nothing that JavaScript or Node has a class for. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.prototype.toString.call(value) === "[object Object]"
  );
}
