import type { Infer, JavaType } from "@dubbo-ts/rpc";

/** An object of a Java class that no type declares, as `java.any()` gives it; enum constants too, by their `name`. */
export class JavaObject {
  /**
   * @param className for example `org.example.User`.
   * @param fields by name, values as `java.any()` gives them; an object without prototype when it was read.
   */
  constructor(
    readonly className: string,
    readonly fields: Readonly<Record<string, unknown>>,
  ) {}
}

/** A `java.math.BigDecimal` where `java.any()` is declared. */
export class JavaDecimal {
  /** @param value for example `12.3400`. */
  constructor(readonly value: string) {}

  toString(): string {
    return this.value;
  }
}

/** A `java.math.BigInteger` where `java.any()` is declared; a bigint alone is a `long` there. */
export class JavaBigInteger {
  constructor(readonly value: bigint) {}

  toString(): string {
    return String(this.value);
  }
}

/** A value with the Java type that it shall have. */
export class TypedValue {
  // Hidden, so that looking through a value finds no functions in it.
  readonly #type: JavaType;
  readonly #value: unknown;

  constructor(type: JavaType, value: unknown) {
    this.#type = type;
    this.#value = value;
  }

  get type(): JavaType {
    return this.#type;
  }

  get value(): unknown {
    return this.#value;
  }
}

/** Gives `value` a Java type where `java.any()` is declared: `typed(java.long(), 1n)` is a `Long`, not an `Integer`. */
export function typed<T extends JavaType>(type: T, value: Infer<T>): TypedValue {
  return new TypedValue(type, value);
}
