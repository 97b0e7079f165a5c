import type { Decoder, ValueReader } from "./decoder.js";
import { JavaBigInteger, JavaDecimal, JavaObject } from "./java-object.js";
import { Misfit } from "./misfit.js";
import { Kind } from "./tags.js";

/**
 * Refuses keys of a Map and members of a Set that differ here and are equal to Java, two Dates of one time for
 * example: a HashMap would keep the last of them and tell nobody.
 */
export class DistinctKeys {
  #seen: Set<string> | undefined;

  /** @throws {Misfit} Java has met the same. */
  add(key: unknown): void {
    if (typeof key !== "object" || key === null) return; // what is no object is compared here as there
    const text = textOf(key);
    if (text === undefined) return;
    this.#seen ??= new Set();
    if (this.#seen.has(text)) throw new Misfit(`two keys are equal to Java: ${text}`);
    this.#seen.add(text);
  }
}

/**
 * Reads keys of a map, or members of a set, of which the Integer 1 and the Double 1.0 are two to Java and one here:
 * both in one map are refused.
 */
export class DistinctNumbers implements ValueReader {
  #ints: Set<unknown> | undefined;
  #doubles: Set<unknown> | undefined;

  constructor(private readonly any: ValueReader) {}

  /** @throws {Misfit} the same number came as the other class. */
  read(decoder: Decoder): unknown {
    const kind = decoder.kind();
    const key = this.any.read(decoder);
    if (kind === Kind.int) (this.#ints ??= new Set()).add(key);
    else if (kind === Kind.double) (this.#doubles ??= new Set()).add(key);
    else return key;
    if (this.#doubles?.has(key) === true && this.#ints?.has(key) === true)
      throw new Misfit(`an Integer and a Double of one map or set are one number here: ${String(key)}`);
    return key;
  }
}

/** Equal for what is equal to Java; undefined: only the object itself is, or only Java knows. */
function textOf(key: unknown): string | undefined {
  if (typeof key !== "object" || key === null) return `${typeof key} ${String(key)}`;
  if (key instanceof Date) return `date ${key.getTime()}`;
  if (key instanceof JavaDecimal) return `decimal ${key.value}`;
  if (key instanceof JavaBigInteger) return `big integer ${key.value}`;
  if (key instanceof JavaObject) return textOfConstant(key);
  return Array.isArray(key) ? textOfList(key) : undefined;
}

/** An enum's constant, as far as one can tell. */
function textOfConstant({ className, fields }: JavaObject): string | undefined {
  const names = Object.keys(fields);
  return names.length === 1 && typeof fields["name"] === "string"
    ? `${className}.${fields["name"]}`
    : undefined;
}

function textOfList(list: readonly unknown[]): string | undefined {
  const texts = list.map((one) => (Array.isArray(one) ? undefined : textOf(one)));
  return texts.includes(undefined) ? undefined : JSON.stringify(texts);
}
