import { type Codec, notA } from "./codec.js";
import type { Decoder } from "./decoder.js";
import { type Encoder, layoutOf } from "./encoder.js";
import { ListCodec } from "./list-codecs.js";
import { Misfit } from "./misfit.js";
import { IntegerCodec, stringCodec } from "./scalar-codecs.js";
import { Kind } from "./tags.js";
import { type Fields, ValueObjectCodec } from "./value-object-codecs.js";
import { fromWords, toWords } from "./words.js";

/** The magnitude: 32 bits each, the highest first. */
const words = new ListCodec(new IntegerCodec("int", -0x8000_0000, 0x7fff_ffff), () => "[int");

/**
 * `java.math.BigInteger`. Neither Java nor hessian-lite has a form of its own for it: its private fields travel,
 * `signum` and the magnitude as big-endian words (rpc-protocols 2.2). What else the JDK caches in it may be left out.
 */
export class BigIntegerCodec extends ValueObjectCodec<bigint> {
  protected readonly name = "bigInteger";
  protected readonly fields: ReadonlyMap<string, Codec> = new Map<string, Codec>([
    ["signum", new IntegerCodec("signum", -1, 1)],
    ["mag", words],
    ["value", stringCodec],
  ]);
  readonly #layout = layoutOf("java.math.BigInteger", ["mag", "signum"]);

  write(encoder: Encoder, value: unknown): void {
    if (typeof value !== "bigint") throw notA("bigInteger", value);
    encoder.skipReference();
    encoder.beginObject(this.#layout);
    words.write(encoder, toWords(value < 0n ? -value : value));
    encoder.writeInt(value === 0n ? 0 : value < 0n ? -1 : 1);
  }

  protected fromFields(fields: Fields): bigint {
    const magnitude = fields.get("mag");
    const sign = fields.get("signum");
    if (!Array.isArray(magnitude) || typeof sign !== "number") return fromText(fields.get("value"));
    const size = fromWords(magnitude as number[]);
    if ((sign === 0) !== (size === 0n))
      throw new Misfit(`expected bigInteger, got sign ${sign} of another size`);
    return sign < 0 ? -size : size;
  }

  protected override readOther(decoder: Decoder): bigint {
    const kind = decoder.kind();
    if (kind === Kind.string) return fromText(decoder.readString());
    if (kind !== Kind.int && kind !== Kind.long) throw decoder.expected("bigInteger");
    return BigInt(decoder.readNumber());
  }
}

function fromText(text: unknown): bigint {
  if (typeof text !== "string" || !/^[+-]?\d{1,10000}$/.test(text)) throw notA("bigInteger", text ?? null);
  return BigInt(text);
}
