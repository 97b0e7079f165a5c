import { hasCode, RemoteException } from "@dubbo-ts/core";
import { type Codec, notA } from "./codec.js";
import type { Decoder, ValueReader } from "./decoder.js";
import { type ClassLayout, dynamicLayout, type Encoder, layoutOf } from "./encoder.js";
import { within } from "./misfit.js";
import { Kind } from "./tags.js";
import type { ClassDefinition } from "./token-reader.js";

/** The fields of `java.lang.Throwable` in Java's order: objects first, then what is of `java.lang`. */
const throwableObjects = ["suppressedExceptions", "stackTrace"] as const;
const throwableSimples = ["cause", "detailMessage"] as const;

/** Those, and what dubbo-go sends as if it were a field. */
const notOwn: ReadonlySet<string> = new Set([...throwableObjects, ...throwableSimples, "serialVersionUID"]);

/** The class of what is thrown and is no {@link RemoteException}: Java has it everywhere. */
const plainClass = "java.lang.RuntimeException";

/** True when objects of the class are exceptions: they have Throwable's fields, or a name like one. */
export function isThrowable({ className, fields }: ClassDefinition): boolean {
  if (fields.includes("detailMessage") && (fields.includes("stackTrace") || fields.includes("cause")))
    return true;
  return (
    className.endsWith("Exception") ||
    className === "java.lang.Throwable" ||
    /^java\..*Error$/.test(className)
  );
}

function isRemote(error: unknown): error is RemoteException {
  return error instanceof RemoteException || hasCode(error, "REMOTE_EXCEPTION");
}

/** Writes any error as the exception that Java shall see (rpc-protocols 1.11). */
export class ErrorWriter {
  /** @param any writes the fields that an exception adds. */
  constructor(private readonly any: Pick<Codec, "write">) {}

  /**
   * A {@link RemoteException} as its class, anything else as a `java.lang.RuntimeException`. Stack traces stay here:
   * Java gets an empty one.
   */
  write(encoder: Encoder, error: unknown): void {
    if (!(error instanceof Error)) return this.#writePlain(encoder, String(error));
    if (!isRemote(error)) return this.#writeError(encoder, error, layout(plainClass), []);
    const names = Object.keys(error.fields).filter((name) => !notOwn.has(name));
    this.#writeError(encoder, error, layout(error.className, names), names);
  }

  #writePlain(encoder: Encoder, message: string): void {
    encoder.skipReference();
    encoder.beginObject(layout(plainClass));
    writeObjects(encoder);
    encoder.writeNull();
    encoder.writeString(message);
  }

  #writeError(encoder: Encoder, error: Error, layout: ClassLayout, names: readonly string[]): void {
    if (encoder.writeReference(error, this)) return;
    encoder.enter();
    encoder.beginObject(layout);
    writeObjects(encoder);
    this.writeSimples(encoder, error);
    for (const name of names) this.#writeField(encoder, name, (error as RemoteException).fields[name]);
    encoder.leave();
  }

  #writeField(encoder: Encoder, name: string, value: unknown): void {
    try {
      if (value === undefined) encoder.writeNull();
      else this.any.write(encoder, value);
    } catch (error) {
      throw within(`.${name}`, error);
    }
  }

  /** Cause and message. */
  writeSimples(encoder: Encoder, error: Error): void {
    if (error.cause instanceof Error) this.write(encoder, error.cause);
    else encoder.writeNull();
    const detail = isRemote(error) ? error.detail : messageOf(error);
    if (detail === null) encoder.writeNull();
    else encoder.writeString(detail);
  }
}

/** No suppressed exceptions, in a list that Java can add to, and no stack trace. */
function writeObjects(encoder: Encoder): void {
  encoder.skipReference();
  encoder.beginList(0, undefined);
  encoder.skipReference();
  encoder.beginList(0, "[java.lang.StackTraceElement");
}

function messageOf({ name, message }: Error): string {
  if (name === "Error") return message;
  return message === "" ? name : `${name}: ${message}`;
}

function layout(className: string, names: readonly string[] = []): ClassLayout {
  return dynamicLayout(className, [...throwableObjects, ...throwableSimples, ...names]);
}

/**
 * Reads an exception whose class has been read.
 *
 * @param any reads what has no codec in `fields`.
 */
export function readThrowable(
  decoder: Decoder,
  definition: ClassDefinition,
  { any, fields, reader }: ThrowableReaders,
): RemoteException {
  const index = decoder.registerPending(reader);
  decoder.enter();
  const own = Object.create(null) as Record<string, unknown>;
  let detail: unknown = null;
  let cause: unknown = null;
  for (const name of definition.fields) {
    if (name === "detailMessage") detail = any.read(decoder);
    else if (name === "cause") cause = decoder.takePendingReference() ? null : any.read(decoder);
    else if (notOwn.has(name)) decoder.skip();
    else own[name] = readField(decoder, name, fields.get(name) ?? any);
  }
  decoder.leave();
  const message = typeof detail === "string" ? detail : genericMessage(own);
  const options = cause instanceof Error ? { cause } : undefined;
  const error = new RemoteException(definition.className, message, own, options);
  decoder.settle(index, error, reader);
  return error;
}

/** What reads the parts of an exception. */
export interface ThrowableReaders {
  readonly any: ValueReader;
  readonly fields: ReadonlyMap<string, ValueReader>;
  /** Whom the exception is read for. */
  readonly reader: ValueReader;
}

/** A GenericException has its message in a field of its own. */
function genericMessage({ exceptionMessage }: Record<string, unknown>): string | null {
  return typeof exceptionMessage === "string" ? exceptionMessage : null;
}

function readField(decoder: Decoder, name: string, reader: ValueReader): unknown {
  try {
    return reader.read(decoder);
  } catch (error) {
    throw within(`.${name}`, error);
  }
}

/** A field that a declared exception adds. */
export interface ThrowableField {
  readonly name: string;
  readonly codec: Codec;
}

/** What a declared exception adds, as Java orders it. */
export interface ThrowableFields {
  readonly simple: readonly ThrowableField[];
  readonly compound: readonly ThrowableField[];
}

/** A declared exception: a {@link RemoteException}. Its fields are typed; another class's are what they are. */
export class ThrowableCodec implements Codec {
  readonly #layout: ClassLayout;
  readonly #fields: ReadonlyMap<string, Codec>;

  constructor(
    private readonly className: string,
    private readonly added: ThrowableFields,
    private readonly any: ValueReader,
    private readonly writer: ErrorWriter,
  ) {
    const names = (fields: readonly ThrowableField[]) => fields.map(({ name }) => name);
    this.#layout = layoutOf(className, [
      ...throwableObjects,
      ...names(added.compound),
      ...throwableSimples,
      ...names(added.simple),
    ]);
    this.#fields = new Map([...added.simple, ...added.compound].map(({ name, codec }) => [name, codec]));
  }

  write(encoder: Encoder, value: unknown): void {
    if (!(value instanceof Error)) throw notA(this.className, value);
    if (isRemote(value) && value.className !== this.className) return this.writer.write(encoder, value);
    if (encoder.writeReference(value, this)) return;
    encoder.enter();
    encoder.beginObject(this.#layout);
    writeObjects(encoder);
    this.#writeFields(encoder, value, this.added.compound);
    this.writer.writeSimples(encoder, value);
    this.#writeFields(encoder, value, this.added.simple);
    encoder.leave();
  }

  #writeFields(encoder: Encoder, error: Error, fields: readonly ThrowableField[]): void {
    const source = (isRemote(error) ? error.fields : error) as Readonly<Record<string, unknown>>;
    for (const { name, codec } of fields) {
      try {
        codec.write(encoder, Object.hasOwn(source, name) ? source[name] : undefined);
      } catch (cause) {
        throw within(`.${name}`, cause);
      }
    }
  }

  read(decoder: Decoder): unknown {
    switch (decoder.kind()) {
      case Kind.null:
        decoder.takeNull();
        return null;
      case Kind.reference:
        return decoder.readReference(this);
      case Kind.object:
        return readThrowable(decoder, decoder.beginObject(), {
          any: this.any,
          fields: this.#fields,
          reader: this,
        });
      default:
        throw decoder.expected(this.className);
    }
  }

  absent(): null {
    return null;
  }
}
