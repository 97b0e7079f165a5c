/**
 * The tree of Java types from which everything about a service is derived: TypeScript types, descriptors,
 * Hessian 2 codecs, checks. Built by `java.*`; read by codecs. Plain immutable values, tagged by `kind`.
 */
export type JavaType<T = unknown> = JavaTypeNode & TypeMethods<T>;

/** Carries the TypeScript type of a value; never there at run time. */
declare const valueType: unique symbol;

/** What every type built by `java.*` can do. */
export interface TypeMethods<T> {
  readonly [valueType]?: { readonly value: T };
  /** The same type, or null. A primitive becomes its box: `long` becomes `java.lang.Long`. */
  nullable(): JavaType<T | null>;
  /** The same type on the wire, another one in the program, such as a class of the user's. */
  transform<U>(mapping: { decode(value: T): U; encode(value: U): T }): JavaType<U>;
}

/** The TypeScript type of the values of a {@link JavaType}. */
export type Infer<Type> = Type extends { readonly [valueType]?: { readonly value: infer T } } ? T : never;

/** The types of an object's fields, by name. */
export type Fields = Readonly<Record<string, JavaType>>;

/** The TypeScript type of an object: a field that may be null may also be left out. */
export type ObjectOf<F extends Fields> = Flat<
  { [K in keyof F as null extends Infer<F[K]> ? never : K]: Infer<F[K]> } & {
    [K in keyof F as null extends Infer<F[K]> ? K : never]?: Infer<F[K]>;
  }
>;

/** One object type in the place of an intersection: what editors show. */
export type Flat<T> = { [K in keyof T]: T[K] };

/** Java's primitives; `boxed` stands for `java.lang.Long` and its like, which may be null. */
export interface PrimitiveNode {
  readonly kind: "boolean" | "byte" | "short" | "int" | "float" | "double" | "char";
  readonly boxed: boolean;
}

/** 64 bits: a bigint, or a number where the author accepts 2^53. */
export interface LongNode {
  readonly kind: "long";
  readonly boxed: boolean;
  readonly as: "bigint" | "number";
}

/** Types without parameters. `any` is `java.lang.Object`; `void` only stands as a result. */
export interface PlainNode {
  readonly kind:
    | "string"
    | "bytes"
    | "date"
    | "decimal"
    | "bigInteger"
    | "localDate"
    | "localTime"
    | "localDateTime"
    | "any"
    | "void";
}

/** A Java enum: its constants by name. */
export interface EnumNode {
  readonly kind: "enum";
  readonly className: string;
  readonly names: readonly string[];
}

/** A class with fields: those of `parent` come first. */
export interface ObjectNode {
  readonly kind: "object";
  readonly className: string;
  readonly fields: Fields;
  readonly parent: JavaType | undefined;
}

/** A subclass of `java.lang.Throwable`, with the fields that it adds. */
export interface ThrowableNode {
  readonly kind: "throwable";
  readonly className: string;
  readonly fields: Fields;
}

/** `java.util.List` (an array), `java.util.Set` (a Set), and Java arrays. */
export interface ListNode {
  readonly kind: "list" | "set" | "array";
  readonly element: JavaType;
  /** The declared class where it is another: `java.util.Collection`. Only names and descriptors show it. */
  readonly className?: string | undefined;
}

/** `java.util.Map`: a Map; with string keys a plain object is accepted too. */
export interface MapNode {
  readonly kind: "map";
  readonly key: JavaType;
  readonly value: JavaType;
  /** The declared class where it is another: `java.util.SortedMap`. Only names and descriptors show it. */
  readonly className?: string | undefined;
}

/** Another type, named by a function so that types can refer to themselves. `resolve` always gives the same object. */
export interface LazyNode {
  readonly kind: "lazy";
  resolve(): JavaType;
}

/** Another type, or null. */
export interface NullableNode {
  readonly kind: "nullable";
  readonly type: JavaType;
}

/** Another type on the wire. */
export interface TransformNode {
  readonly kind: "transform";
  readonly type: JavaType;
  decode(value: unknown): unknown;
  encode(value: unknown): unknown;
}

/**
 * A protobuf message. It brings its own codec: its fields are no part of this tree, and it travels over triple only.
 */
export interface MessageNode {
  readonly kind: "message";
  /** `package.Message`. */
  readonly className: string;
  /** @param value fits, see `problemIn`. */
  encode(value: unknown): Uint8Array;
  /** @throws {Error} the bytes are no such message. */
  decode(bytes: Uint8Array): unknown;
  /** What is wrong with a value that the program made, and where in it (`.tags[2]`); undefined when it fits. */
  problemIn(value: unknown): { readonly path: string; readonly why: string } | undefined;
  /** The value as ProtoJSON has it, ready for `JSON.stringify`. */
  toJson(value: unknown): unknown;
  /** @throws {Error} what `JSON.parse` gave is no such message. */
  fromJson(json: unknown): unknown;
}

/** One node of the tree. */
export type JavaTypeNode =
  | PrimitiveNode
  | LongNode
  | PlainNode
  | EnumNode
  | ObjectNode
  | ThrowableNode
  | ListNode
  | MapNode
  | MessageNode
  | LazyNode
  | NullableNode
  | TransformNode;
