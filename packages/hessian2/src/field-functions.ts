import type { Codec } from "./codec.js";
import type { Decoder } from "./decoder.js";
import type { Encoder } from "./encoder.js";
import { within } from "./misfit.js";

/** A field and what writes and reads it. */
export interface FieldCodec {
  readonly name: string;
  readonly codec: Codec;
}

type Target = Record<string, unknown>;

/** Reads the fields of an object in their order and sets them. */
export type ReadFields = (decoder: Decoder, target: Target) => void;

/** Writes the fields of an object in their order. */
export type WriteFields = (encoder: Encoder, source: Readonly<Target>) => void;

/** Makes an object with those fields, all null. */
export type CreateObject = () => Target;

/**
 * A loop over the fields of a class is slow, because one place in the program then sees every name and every codec.
 * So a function is made for each class, in which each field has a place of its own, as if it were written by hand;
 * objects are read and written about twice as fast. Where Node was told not to make code from text, there is the loop.
 *
 * Names get into the code as string literals alone. `__proto__` is a name like any other.
 */
export function createObject(names: readonly string[]): CreateObject {
  // A computed name costs a call of the runtime for each object, but `__proto__` is an own property only as one.
  const keys = names.map((name) => (name === "__proto__" ? '["__proto__"]' : JSON.stringify(name)));
  const properties = keys.map((key) => `${key}: null`);
  const made = make<CreateObject>(`return () => ({${properties.join(", ")}});`);
  const template: Target = Object.fromEntries(names.map((name) => [name, null]));
  return made ?? (() => ({ ...template }));
}

/** @param fields undefined: a value of a field that nobody wants. */
export function readFields(fields: readonly (FieldCodec | undefined)[]): ReadFields {
  const lines = fields.map((field, i) => {
    const target = field === undefined ? "" : `target[${JSON.stringify(field.name)}] = c${i}.read(decoder);`;
    return `i = ${i}; ${target === "" ? "decoder.skip();" : target}`;
  });
  return make<ReadFields>(body("decoder, target", lines, fields.length), fields) ?? loopingReader(fields);
}

/** The counterpart of {@link readFields}: writes the fields of an object, in the order given. */
export function writeFields(fields: readonly FieldCodec[]): WriteFields {
  const lines = fields.map(({ name }, i) => `i = ${i}; c${i}.write(encoder, ${readingOf(name)});`);
  return make<WriteFields>(body("encoder, source", lines, fields.length), fields) ?? loopingWriter(fields);
}

// What every object inherits, `constructor` for example, is not a value of its field.
function readingOf(name: string): string {
  const property = `source[${JSON.stringify(name)}]`;
  return name in Object.prototype
    ? `(Object.hasOwn(source, ${JSON.stringify(name)}) ? ${property} : undefined)`
    : property;
}

function body(parameters: string, lines: readonly string[], count: number): string {
  const codecs = Array.from({ length: count }, (_, i) => `c${i} = codecs[${i}]`);
  return `const ${[...codecs, "none = 0"].join(", ")};
    return (${parameters}) => {
      let i = 0;
      try {
        ${lines.join("\n        ")}
      } catch (error) {
        throw failed(i, error);
      }
    };`;
}

/** More fields than this make a function that is not worth its making. */
const maxFields = 200;

function make<F>(code: string, fields: readonly (FieldCodec | undefined)[] = []): F | undefined {
  if (fields.length > maxFields) return undefined;
  const failed = (index: number, error: unknown) => failure(fields, index, error);
  const codecs = fields.map((field) => field?.codec);
  try {
    // Names enter the code as string literals alone, and numbers; nothing of a peer's is in it but such names.
    // oxlint-disable-next-line typescript/no-implied-eval
    return new Function("codecs", "failed", `"use strict"; ${code}`)(codecs, failed) as F;
  } catch (error) {
    if (error instanceof EvalError) return undefined; // --disallow-code-generation-from-strings
    throw error;
  }
}

function failure(fields: readonly (FieldCodec | undefined)[], index: number, error: unknown): Error {
  return within(`.${fields[index]?.name ?? "(undeclared field)"}`, error);
}

/** Without making code. */
export function loopingReader(fields: readonly (FieldCodec | undefined)[]): ReadFields {
  return (decoder, target) => {
    let i = 0;
    try {
      for (; i < fields.length; i++) {
        const field = fields[i];
        if (field === undefined) decoder.skip();
        else target[field.name] = field.codec.read(decoder);
      }
    } catch (error) {
      throw failure(fields, i, error);
    }
  };
}

function loopingWriter(fields: readonly FieldCodec[]): WriteFields {
  return (encoder, source) => {
    let i = 0;
    try {
      for (; i < fields.length; i++) {
        const { name, codec } = fields[i] as FieldCodec;
        codec.write(
          encoder,
          name in Object.prototype && !Object.hasOwn(source, name) ? undefined : source[name],
        );
      }
    } catch (error) {
      throw failure(fields, i, error);
    }
  };
}
