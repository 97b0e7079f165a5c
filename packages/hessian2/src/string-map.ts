import type { Codec } from "./codec.js";
import type { Decoder, ValueReader } from "./decoder.js";
import { Kind } from "./tags.js";

/** Reads a map of texts, as attachments are one: values of other types become text, nulls are left out. */
export class StringMapReader implements ValueReader {
  constructor(private readonly any: Pick<Codec, "read">) {}

  read(decoder: Decoder): Map<string, string> {
    if (decoder.takeNull()) return new Map();
    if (decoder.kind() === Kind.reference) return decoder.readReference(this) as Map<string, string>;
    if (decoder.kind() !== Kind.map) throw decoder.expected("map");
    decoder.readMapBegin();
    const map = new Map<string, string>();
    decoder.register(map, this);
    decoder.enter();
    while (!decoder.takeEnd()) this.#readEntry(decoder, map);
    decoder.leave();
    return map;
  }

  #readEntry(decoder: Decoder, map: Map<string, string>): void {
    decoder.countElement();
    const key = this.#readText(decoder);
    const value = this.#readText(decoder);
    if (key !== undefined && value !== undefined) map.set(key, value);
  }

  #readText(decoder: Decoder): string | undefined {
    if (decoder.kind() === Kind.string) return decoder.readString();
    return asText(this.any.read(decoder));
  }
}

/** Undefined for null, and for what contains itself. */
function asText(value: unknown): string | undefined {
  if (value === null) return undefined;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part));
  } catch {
    return undefined;
  }
}
