import type { JavaType, PrimitiveNode, ThrowableNode } from "@dubbo-ts/rpc";
import { AnyCodec } from "./any-codec.js";
import { BigIntegerCodec } from "./big-integer-codec.js";
import { type Codec, LazyCodec, MappedCodec, OptionalCodec, voidCodec } from "./codec.js";
import { declaredOrder, isSimple, plainType, wireOrder } from "./field-order.js";
import { byteArrayCodec, charArrayCodec, ListCodec, SetCodec } from "./list-codecs.js";
import { MapCodec } from "./map-codec.js";
import { ObjectCodec } from "./object-codec.js";
import {
  booleanCodec,
  bytesCodec,
  charCodec,
  doubleCodec,
  FloatCodec,
  IntegerCodec,
  longCodec,
  numberLongCodec,
  stringCodec,
} from "./scalar-codecs.js";
import { ThrowableCodec } from "./throwable-codec.js";
import { LocalDateCodec, LocalDateTimeCodec, LocalTimeCodec } from "./time-codecs.js";
import { typeOfArray } from "./type-of-array.js";
import { DateCodec, DecimalCodec, EnumCodec } from "./value-object-codecs.js";

const compiled = new WeakMap<JavaType, Codec>();

/** The codec of `type`, compiled once: a type is a value that lives as long as the definition it is part of. */
export function codecOf(type: JavaType): Codec {
  let codec = compiled.get(type);
  if (codec === undefined) compiled.set(type, (codec = compile(type)));
  return codec;
}

const decimalCodec = new DecimalCodec();
const bigIntegerCodec = new BigIntegerCodec();
const localDateCodec = new LocalDateCodec();
const localTimeCodec = new LocalTimeCodec();

/** The codec of `java.lang.Object`. */
export const anyCodec = new AnyCodec(codecOf, { decimal: decimalCodec, bigInteger: bigIntegerCodec });

const wideFloatCodec = new FloatCodec(true);

const simpleCodecs = {
  boolean: booleanCodec,
  byte: new IntegerCodec("byte", -128, 127),
  short: new IntegerCodec("short", -32_768, 32_767),
  int: new IntegerCodec("int", -2_147_483_648, 2_147_483_647),
  float: new FloatCodec(false),
  double: doubleCodec,
  char: charCodec,
  string: stringCodec,
  bytes: bytesCodec,
  date: new DateCodec(),
  decimal: decimalCodec,
  bigInteger: bigIntegerCodec,
  localDate: localDateCodec,
  localTime: localTimeCodec,
  localDateTime: new LocalDateTimeCodec(localDateCodec, localTimeCodec),
  any: anyCodec,
  void: voidCodec,
} as const satisfies Record<string, Codec>;

function compile(type: JavaType): Codec {
  switch (type.kind) {
    case "lazy":
      return new LazyCodec(() => codecOf(type.resolve()));
    case "nullable":
      return new OptionalCodec(codecOf(type.type));
    case "transform":
      return new MappedCodec(codecOf(type.type), type, takesNull(type.type));
    case "long":
      return boxed(type, type.as === "bigint" ? longCodec : numberLongCodec);
    case "enum":
      return new EnumCodec(type.className, type.names);
    case "object":
      return compileObject(type);
    case "throwable":
      return compileThrowable(type);
    case "list":
      return new ListCodec(codecOf(type.element), () => undefined);
    case "set":
      return new SetCodec(codecOf(type.element));
    case "array":
      return compileArray(type.element);
    case "message":
      throw new TypeError(`${type.className} is a protobuf message: it travels over triple only`);
    case "map":
      return new MapCodec(codecOf(type.key), codecOf(type.value), hasTextKeys(type.key));
    default:
      return boxed(type, simpleCodecs[type.kind]);
  }
}

function boxed(type: JavaType, codec: Codec): Codec {
  return "boxed" in type && type.boxed ? new OptionalCodec(codec) : codec;
}

/** True when null is one of the type's own values. */
function takesNull(type: JavaType): boolean {
  if (type.kind === "lazy") return takesNull(type.resolve());
  return type.kind === "nullable" || type.kind === "any" || ("boxed" in type && type.boxed);
}

function hasTextKeys(key: JavaType): boolean {
  return ["string", "enum", "char", "any"].includes(plainType(key).kind);
}

function compileObject(type: JavaType & { kind: "object" }): Codec {
  const fields = wireOrder(type).map(([name, field]) => ({ name, codec: partCodec(field) }));
  return new ObjectCodec(
    type.className,
    fields,
    declaredOrder(type).map(([name]) => name),
  );
}

function compileThrowable({ className, fields }: ThrowableNode): Codec {
  const added = Object.entries(fields)
    .reverse()
    .map(([name, type]) => ({ name, type, codec: partCodec(type) }));
  const simple = added.filter(({ type }) => isSimple(type));
  const compound = added.filter(({ type }) => !isSimple(type));
  return new ThrowableCodec(className, { simple, compound }, anyCodec, anyCodec.errors);
}

/** A field of a class, or an element of an array: there a primitive float has its own form. */
function partCodec(type: JavaType): Codec {
  return type.kind === "float" && !type.boxed ? wideFloatCodec : codecOf(type);
}

function compileArray(element: JavaType): Codec {
  if (isPacked(plainType(element))) return compilePacked(element);
  return new ListCodec(
    partCodec(element),
    once(() => typeOfArray(element)),
  );
}

/** `byte[]` and `char[]` are one value on the wire. */
function isPacked(type: JavaType): type is JavaType & PrimitiveNode {
  return (type.kind === "byte" || type.kind === "char") && !type.boxed;
}

function compilePacked(element: JavaType): Codec {
  if (element.kind === "lazy") return compilePacked(element.resolve());
  if (element.kind !== "transform") return element.kind === "byte" ? byteArrayCodec : charArrayCodec;
  const mapping = {
    decode: (values: unknown) => (values as unknown[]).map((value) => element.decode(value)),
    encode: (values: unknown) => (values as unknown[]).map((value) => element.encode(value)),
  };
  return new MappedCodec(compilePacked(element.type), mapping, false);
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
